/** The comparison that is disturbed, and how its pictures are judged. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Output } from '../../../../src-main/contract/api.js';
import type { ComparisonDraft } from '../../../../src-main/contract/generation-settings.js';
import type { RunDetail } from '../../../../src-main/contract/run.js';
import { BUNDLED_PACK_ID } from '../../../../src-main/services/host/app-host.js';
import type { AnyCall } from '../../support/real-host.js';
import { SOAK } from './soak.js';

const VARIANTS: ComparisonDraft['variants'] = [
  { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
  { flux: 'fp8', t5: 'fp8', infusenet: 'fp8' },
  { flux: 'int8', t5: 'int8', infusenet: 'int8' },
  { flux: 'int4', t5: 'int4', infusenet: 'int4' },
  { flux: 'nf4', t5: 'nf4', infusenet: 'nf4' },
];
export const STEPS = 4;

/** 20 cells in a soak, 4 in the tests. */
export function portraits(identityId: string | null): ComparisonDraft {
  return {
    packId: BUNDLED_PACK_ID,
    provider: 'cpu',
    modelVariant: 'aes_stage2',
    identityId,
    faceIndex: 0,
    poseId: null,
    steps: STEPS,
    width: 64,
    height: 64,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    loras: [],
    prompts: ['A man, portrait, cinematic'],
    seeds: SOAK ? [1, 2, 3, 4] : [1, 2],
    variants: SOAK ? VARIANTS : VARIANTS.filter(({ flux }) => ['16-bit', 'nf4'].includes(flux)),
    repeats: 1,
  };
}

export async function useIdentity(call: AnyCall): Promise<string> {
  const samples = (await call('samples.list', {})) as Output<'samples.list'>;
  const sampleId = samples.photos.find(({ role }) => role === 'identity')?.id ?? '';
  return ((await call('photos.use-sample', { sampleId })) as Output<'photos.use-sample'>).id;
}

export const cellOf = ({ settings: { seed, formats } }: RunDetail): string => `${seed} ${formats.flux}`;

/** Pixel hash of each cell; the truth that disturbed pictures are held against. */
export function hashes(runs: readonly RunDetail[]): Map<string, string> {
  return new Map(runs.map((run) => [cellOf(run), run.result?.pixelHash ?? 'none']));
}

/** Hash of a picture's decoded pixels, as `RunResult.pixelHash`; throws when it cannot be decoded. */
export async function decodedHash(png: Uint8Array): Promise<string> {
  const { data, info } = await sharp(png, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
  const size = Buffer.alloc(8);
  size.writeUInt32LE(info.width, 0);
  size.writeUInt32LE(info.height, 4);
  return createHash('sha256').update(size).update(data).digest('hex');
}

/** Half-done files that a crash may have left behind. */
export async function leftovers(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of ['pictures', 'thumbs', 'photos', 'work']) {
    const entries = await readdir(join(dataDir, name), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile() && (name === 'work' || entry.name.includes('.tmp'))) found.push(`${name}/${entry.name}`);
    }
  }
  return found;
}

/** Half-done conversions; a run that begins clears those of earlier engines. */
export async function partialConversions(dataDir: string): Promise<string[]> {
  const names = await readdir(join(dataDir, 'cache'));
  return names.filter((name) => /\.(partial|scratch)$/.test(name));
}
