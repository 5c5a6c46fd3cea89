/** Photos: import, face detection, permanent deletion. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '../../base/app-error.js';
import { MAX_UPLOAD_BYTES } from '../../contract/limits.js';
import type { DetectedFaces, Photo, PhotoRole } from '../../contract/photo.js';
import type { DetectFacesResult } from '../../engine/protocol.js';
import { removeFiles, type Store } from '../../store/store.js';
import type { CacheFolder } from '../packs/cache-folder.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { EventHub } from '../support/event-hub.js';
import { newId } from '../support/ids.js';
import type { PackService } from '../packs/pack-service.js';
import type { PictureLab } from './picture-lab.js';
import type { SampleService } from './sample-service.js';

export interface PhotoServiceParts {
  readonly store: Store;
  readonly lab: PictureLab;
  readonly packs: PackService;
  readonly samples: SampleService;
  readonly helper: EngineClient;
  readonly hub: EventHub;
  /** Folder of converted weights, shared by both engines. */
  readonly cacheFolder: Pick<CacheFolder, 'of'>;
  /** Makes the engine forget what it computed from photos. */
  readonly forget: () => void;
  readonly now: () => number;
}

/** The bytes of an upload. @throws AppError contract.invalid-input */
export function decodeUpload(dataBase64: string): Uint8Array {
  const bytes = Buffer.from(dataBase64, 'base64');
  if (bytes.length === 0 || bytes.length > MAX_UPLOAD_BYTES) {
    throw new AppError(
      'contract.invalid-input',
      `The upload has ${bytes.length} bytes; at most ${MAX_UPLOAD_BYTES} are allowed.`,
      { remedy: 'Choose a smaller file.' },
    );
  }
  return bytes;
}

function toDetectedFaces(result: DetectFacesResult): DetectedFaces {
  return {
    width: result.imageWidth,
    height: result.imageHeight,
    faces: result.faces.map((face) => ({
      box: [...face.box],
      landmarks: face.landmarks.map(([x, y]): [number, number] => [x, y]),
      score: face.score,
    })),
    detector: result.detector,
  };
}

export class PhotoService {
  readonly #parts: PhotoServiceParts;
  /** Imports run one after another, so that the same file dropped twice becomes one photo. */
  #importing: Promise<unknown> = Promise.resolve();
  #revision = 0;

  constructor(parts: PhotoServiceParts) {
    this.#parts = parts;
    this.#changed();
  }

  list(role: PhotoRole): Photo[] {
    return this.#parts.store.photos.list(role);
  }

  /** @throws AppError run.not-found when the photo is gone */
  get(photoId: string): Photo {
    const photo = this.#parts.store.photos.get(photoId);
    if (photo === null) {
      throw new AppError('run.not-found', 'This photo was deleted.', { remedy: 'Choose another photo.' });
    }
    return photo;
  }

  /** Imports a picture's pixels, without its metadata. */
  async import(role: PhotoRole, name: string, bytes: Uint8Array, source: Photo['source']): Promise<Photo> {
    const job = this.#importing.then(() => this.#importNow(role, name, bytes, source));
    this.#importing = job.catch(() => undefined);
    return job;
  }

  async useSample(sampleId: string): Promise<Photo> {
    const sample = this.#parts.samples.photo(sampleId);
    return this.import(sample.role, sample.name, await readFile(sample.path), 'sample');
  }

  rename(photoId: string, name: string): Photo {
    this.#parts.store.photos.rename(photoId, name);
    const photo = this.get(photoId);
    this.#changed();
    return photo;
  }

  /** Faces by the pack's detector, on the CPU, so that the running picture keeps its device memory. */
  async detect(photoId: string, packId: string): Promise<DetectedFaces> {
    const { store } = this.#parts;
    this.get(photoId);
    const kept = store.photos.faces(photoId, packId);
    if (kept !== null) return kept;
    const faces = await this.detectIn(store.files.photo(photoId), packId);
    store.photos.saveFaces(photoId, packId, faces);
    return faces;
  }

  /** Faces in any picture of the gallery. */
  async detectIn(path: string, packId: string): Promise<DetectedFaces> {
    const { helper, packs, cacheFolder } = this.#parts;
    const result = await helper.request<'detect-faces'>({
      kind: 'detect-faces',
      params: {
        packPath: packs.folder(packId),
        cachePath: cacheFolder.of(packId),
        provider: 'cpu',
        imagePath: path,
      },
    });
    return toDetectedFaces(result);
  }

  /** Deletes photo, thumbnail and detections, also from copies and the engine's memory; runs stay. */
  async delete(photoId: string): Promise<number> {
    const { store } = this.#parts;
    const { runCount } = this.get(photoId);
    store.photos.delete(photoId);
    this.#changed();
    await removeFiles(store, 'photo', [photoId]);
    store.scrub();
    // Not awaited: the engine may be busy with a picture for minutes.
    this.#parts.forget();
    return runCount;
  }

  async #importNow(role: PhotoRole, name: string, bytes: Uint8Array, source: Photo['source']): Promise<Photo> {
    const { store, lab, now } = this.#parts;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const known = store.photos.bySha256(role, sha256);
    if (known !== null) return known;
    const { png, thumb, width, height } = await lab.run<'normalize'>({ kind: 'normalize', bytes, name });
    const id = newId();
    store.photos.announce(id);
    try {
      await store.files.write(store.files.photo(id), png);
      await store.files.write(store.files.photoThumb(id), thumb);
      store.photos.insert({ id, role, name, source, sha256, width, height, createdAtMs: now() });
    } catch (error) {
      await removeFiles(store, 'photo', [id]);
      throw error;
    }
    this.#changed();
    return this.get(id);
  }

  #changed(): void {
    this.#revision += 1;
    this.#parts.hub.publish('photos', { revision: this.#revision });
  }
}
