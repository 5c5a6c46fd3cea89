/** Identity and pose photos, samples, and detected faces. */
import { SvelteMap } from 'svelte/reactivity';
import { toErrorDto, type ErrorDto } from '$contract/error';
import type { DetectedFaces, Photo, PhotoRole, Samples } from '$contract/photo';
import type { Client } from '../../bridge/client';
import { base64OfDataUrl, checkFileSize, photoName } from '../../logic/studio/photo-file';
import { t } from '../../text/text.svelte';
import type { Notices } from '../shell/notices.svelte';

/** Faces in one photo, detected with one pack. */
export type Detection =
  | { readonly status: 'looking' }
  | { readonly status: 'found'; readonly found: DetectedFaces }
  | { readonly status: 'failed'; readonly error: ErrorDto };

export function readBase64(file: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(base64OfDataUrl(String(reader.result))));
    reader.addEventListener('error', () => reject(reader.error ?? new Error('The file could not be read.')));
    reader.readAsDataURL(file);
  });
}

export class Photos {
  #lists = $state.raw<Readonly<Record<PhotoRole, readonly Photo[]>>>({ identity: [], pose: [] });
  samples = $state.raw<Samples>({ photos: [], prompts: [] });
  readonly #detections = new SvelteMap<string, Detection>();
  readonly #client: Client;
  readonly #notices: Notices;

  constructor(client: Client, notices: Notices) {
    this.#client = client;
    this.#notices = notices;
  }

  list(role: PhotoRole): readonly Photo[] {
    return this.#lists[role];
  }

  photo(photoId: string | null): Photo | undefined {
    return [...this.#lists.identity, ...this.#lists.pose].find((photo) => photo.id === photoId);
  }

  detection(photoId: string, packId: string): Detection | undefined {
    return this.#detections.get(`${photoId} ${packId}`);
  }

  start(): () => void {
    void this.#loadSamples();
    return this.#client.on('photos', () => void this.load());
  }

  /** Imports a file as a photo; null if it failed (a notice says why). */
  async importFile(file: File, role: PhotoRole): Promise<Photo | null> {
    return this.#notices.attempt(
      (async () => {
        checkFileSize(file.name, file.size);
        const dataBase64 = await readBase64(file);
        const photo = await this.#client.call('photos.import', { role, name: photoName(file.name), dataBase64 });
        await this.load();
        return photo;
      })(),
    );
  }

  async useSample(sampleId: string): Promise<Photo | null> {
    const photo = await this.#notices.attempt(this.#client.call('photos.use-sample', { sampleId }));
    if (photo !== null) await this.load();
    return photo;
  }

  async remove(photo: Photo): Promise<boolean> {
    const answer = await this.#notices.attempt(this.#client.call('photos.delete', { photoId: photo.id }));
    if (answer === null) return false;
    await this.load();
    this.#notices.say(t('photo.deleted', { name: photo.name }));
    return true;
  }

  /** Detects faces, unless that was done already. */
  async detect(photoId: string, packId: string): Promise<void> {
    const known = this.detection(photoId, packId);
    if (known !== undefined && known.status !== 'failed') return;
    this.#setDetection(photoId, packId, { status: 'looking' });
    try {
      const found = await this.#client.call('photos.detect', { photoId, packId });
      this.#setDetection(photoId, packId, { status: 'found', found });
    } catch (error) {
      this.#setDetection(photoId, packId, { status: 'failed', error: toErrorDto(error) });
    }
  }

  #setDetection(photoId: string, packId: string, detection: Detection): void {
    this.#detections.set(`${photoId} ${packId}`, detection);
  }

  /** Loads the lists again; `runCount` changes without an event. */
  async load(): Promise<void> {
    const lists = await this.#notices.attempt(
      Promise.all([
        this.#client.call('photos.list', { role: 'identity' }),
        this.#client.call('photos.list', { role: 'pose' }),
      ]),
    );
    if (lists !== null) this.#lists = { identity: lists[0], pose: lists[1] };
  }

  async #loadSamples(): Promise<void> {
    this.samples = (await this.#notices.attempt(this.#client.call('samples.list', {}))) ?? this.samples;
  }
}
