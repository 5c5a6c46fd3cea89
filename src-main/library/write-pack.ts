/** Writes a pack that names files where they lie. Nothing is copied, and the files stay their owner's. */
import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import { removeFolder, renameFile } from '../disk/patience.js';
import type { AuditTarget } from '../engine/protocol/audit-report.js';
import type { PartPlace } from '../engine/protocol/pack-parts.js';

export interface PackText {
  readonly name: string;
  readonly licence: string;
}

/**
 * Makes the folder with its `pack.json`; see `engine/pack/pack-manifest.ts`.
 * @param target complete
 * @throws AppError pack.incomplete, pack.invalid when the folder exists already, disk.failed, disk.full
 */
export async function writePack(target: AuditTarget, { name, licence }: PackText, folder: string): Promise<void> {
  if ((await lstat(folder).catch(() => null)) !== null) {
    throw new AppError('pack.invalid', `There is already a pack in ${folder}.`, {
      remedy: 'Remove that pack first, or import into another folder.',
    });
  }
  const manifest = { formatVersion: 1, name, licence, parts: partsOf(target) };
  const made = `${folder}.${process.pid}.new`;
  try {
    await mkdir(made, { recursive: true });
    await writeFile(join(made, 'pack.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await renameFile(made, folder);
  } catch (error) {
    await removeFolder(made);
    throw diskError(error, `make the pack in ${folder}`);
  }
}

function partsOf(target: AuditTarget): Record<string, unknown> {
  const { flux, t5, clip, vae, clipTokenizer, t5Tokenizer, scheduler, variants, arcface, scrfd, recognition } = target;
  return {
    flux: placeOf('FLUX', flux),
    t5: placeOf('T5', t5),
    clip: placeOf('CLIP', clip),
    vae: placeOf('the VAE', vae),
    clipTokenizer: needed('CLIP’s tokenizer', clipTokenizer),
    t5Tokenizer: needed('T5’s tokenizer', t5Tokenizer),
    ...(scheduler === null ? {} : { scheduler }),
    variants: Object.fromEntries(
      variants.map(([variant, { infusenet, imageProjection }]) => [
        variant,
        {
          infusenet: placeOf('InfuseNet', infusenet),
          imageProjection: needed('the image projection', imageProjection),
        },
      ]),
    ),
    arcface,
    scrfd,
    recognition,
  };
}

function placeOf(label: string, place: PartPlace | null): { readonly path: string; readonly config?: string } {
  const { path, config } = needed(label, place);
  return config === null ? { path } : { path, config };
}

function needed<T>(label: string, value: T | null): T {
  if (value !== null) return value;
  throw new AppError('pack.incomplete', `A pack cannot be made without ${label}.`, {
    remedy: 'Add the missing file, then check again.',
  });
}
