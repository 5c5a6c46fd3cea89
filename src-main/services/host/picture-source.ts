/** Pictures by id, for the transports. Only files of the gallery are returned. */
import { readFile } from 'node:fs/promises';
import { isAbort, AppError } from '../../base/app-error.js';
import type { BlindSlot } from '../../contract/blind-test.js';
import type { PictureRef } from '../../contract/picture-path.js';
import type { Store } from '../../store/store.js';
import type { BlindService } from '../comparisons/blind-service.js';
import type { CompareService } from '../comparisons/compare-service.js';
import { stripPngTexts } from '../pictures/picture-metadata/png-text.js';
import type { SampleService } from '../pictures/sample-service.js';

export interface ServedPicture {
  readonly bytes: Uint8Array;
  readonly mimeType: 'image/png' | 'image/webp' | 'image/jpeg';
}

const MIME_TYPES = { png: 'image/png', webp: 'image/webp', jpg: 'image/jpeg' } as const;

export class PictureSource {
  readonly #store: Store;
  readonly #compare: CompareService;
  readonly #samples: SampleService;
  readonly #blind: Pick<BlindService, 'picture'>;

  constructor(store: Store, compare: CompareService, samples: SampleService, blind: Pick<BlindService, 'picture'>) {
    this.#store = store;
    this.#compare = compare;
    this.#samples = samples;
    this.#blind = blind;
  }

  /** The picture; null without one. */
  async read(ref: PictureRef): Promise<ServedPicture | null> {
    try {
      return await this.#read(ref);
    } catch (error) {
      if (isAbort(error) || error instanceof AppError) return null;
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  }

  async #read({ kind, ids }: PictureRef): Promise<ServedPicture | null> {
    const { runs, photos, files } = this.#store;
    const [id = '', second = ''] = ids;
    const png = (bytes: Uint8Array): ServedPicture => ({ bytes, mimeType: 'image/png' });
    const webp = (bytes: Uint8Array): ServedPicture => ({ bytes, mimeType: 'image/webp' });
    switch (kind) {
      case 'result':
        return runs.status(id) === 'done' ? png(await readFile(files.picture(id))) : null;
      case 'result-plain':
        return runs.status(id) === 'done' ? png(stripPngTexts(await readFile(files.picture(id)))) : null;
      case 'result-thumb':
        return runs.status(id) === 'done' ? webp(await readFile(files.thumb(id))) : null;
      case 'preview':
        return runs.status(id) !== null && /^\d{1,3}$/.test(second)
          ? png(await readFile(files.preview(id, Number(second))))
          : null;
      case 'photo':
        return photos.get(id) === null ? null : png(await readFile(files.photo(id)));
      case 'photo-thumb':
        return photos.get(id) === null ? null : webp(await readFile(files.photoThumb(id)));
      case 'sample': {
        const { path } = this.#samples.photo(id);
        const extension = path.slice(path.lastIndexOf('.') + 1) as keyof typeof MIME_TYPES;
        return { bytes: await readFile(path), mimeType: MIME_TYPES[extension] };
      }
      case 'blind': {
        const [, trial, slot] = /^(\d{1,3})-([abx])$/.exec(second) ?? [];
        const bytes = slot === undefined ? null : await this.#blind.picture(id, Number(trial), slot as BlindSlot);
        return bytes === null ? null : png(bytes);
      }
      case 'difference':
        return png(await this.#compare.heatMap(id, second));
    }
  }
}
