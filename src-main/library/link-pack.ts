/** Makes a pack folder of links to files elsewhere. Nothing is copied, and the files stay their owner's. */
import { link, lstat, mkdir, readdir, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { diskError } from '../base/disk-error.js';
import type { FoundParts } from './find-parts.js';

const FLUX_FOLDERS = [
  'transformer',
  'text_encoder',
  'text_encoder_2',
  'vae',
  'tokenizer',
  'tokenizer_2',
  'scheduler',
] as const;

/** @throws AppError pack.invalid when the folder exists already; disk.failed when links cannot be made */
export async function linkPack(found: FoundParts, folder: string): Promise<void> {
  if ((await lstat(folder).catch(() => null)) !== null) {
    throw new AppError('pack.invalid', `There is already a pack in ${folder}.`, {
      remedy: 'Remove that pack first, or import into another folder.',
    });
  }
  const made = `${folder}.${process.pid}.new`;
  try {
    await mkdir(made, { recursive: true });
    await linkAll(found, made);
    await rename(made, folder);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw diskError(error, `make the pack in ${folder}`);
  }
}

async function linkAll({ flux, variants, arcface, scrfd, recognition }: FoundParts, made: string): Promise<void> {
  if (flux !== null) {
    for (const name of FLUX_FOLDERS) await linkFiles(join(flux, name), join(made, 'flux', name));
    // This file identifies the folder as FLUX's.
    await writeFile(join(made, 'flux', 'model_index.json'), '{ "_class_name": "FluxPipeline" }\n');
  }
  for (const [variant, folder] of variants) {
    const target = join(made, 'infiniteyou', 'infu_flux_v1.0', variant);
    await linkFiles(folder, target, (name) => name === 'image_proj_model.bin' || /_bf16\.safetensors$/.test(name));
    await linkFiles(join(folder, 'InfuseNetModel'), join(target, 'InfuseNetModel'));
  }
  if (arcface !== null) await linkFile(arcface, join(made, 'recognition_arcface_ir_se50.pth'));
  if (scrfd !== null) await linkFile(scrfd, join(made, 'scrfd_10g_bnkps.onnx'));
  if (recognition !== null) await linkFile(recognition, join(made, basename(recognition)));
}

async function linkFiles(from: string, to: string, wanted: (name: string) => boolean = () => true): Promise<void> {
  for (const name of await readdir(from).catch(() => [] as string[])) {
    const path = join(from, name);
    if (wanted(name) && (await stat(path)).isFile()) await linkFile(path, join(to, name));
  }
}

/** Links to the file itself and not to another link, which its owner may remove. */
async function linkFile(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const real = await realpath(from);
  try {
    await symlink(real, to, 'file');
  } catch (error) {
    // Windows allows only some users symbolic links; hard links work within one drive.
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EPERM') throw error;
    await link(real, to);
  }
}
