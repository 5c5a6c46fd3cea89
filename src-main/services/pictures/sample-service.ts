/** Photos and prompts that ship with the app. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';
import { samplePhotoSchema, samplePromptSchema, type Samples } from '../../contract/photo.js';

/** `samples.json`: photos name a file beside it, never a path. */
const manifestSchema = z.strictObject({
  photos: z.array(samplePhotoSchema.extend({ file: z.string().regex(/^[A-Za-z0-9_-]+\.(png|jpg|webp)$/) })),
  prompts: z.array(samplePromptSchema),
});
type SampleManifest = z.infer<typeof manifestSchema>;

export class SampleService {
  readonly #folder: string;
  readonly #manifest: SampleManifest;

  /** @param folder of the assets; without a `samples.json` there are no samples */
  constructor(folder: string) {
    this.#folder = folder;
    const file = join(folder, 'samples.json');
    this.#manifest = existsSync(file)
      ? manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
      : { photos: [], prompts: [] };
  }

  list(): Samples {
    return this.#manifest;
  }

  /** @throws AppError image.unreadable when there is no such sample */
  photo(sampleId: string): SampleManifest['photos'][number] & { readonly path: string } {
    const photo = this.#manifest.photos.find((sample) => sample.id === sampleId);
    if (photo === undefined) {
      throw new AppError('image.unreadable', 'This sample does not exist.', { remedy: 'Choose another photo.' });
    }
    return { ...photo, path: join(this.#folder, photo.file) };
  }
}
