/** An app host on a temporary folder with the scripted engine. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { AppError } from '../../../src-main/base/app-error.js';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { Input, Method, Output } from '../../../src-main/contract/api.js';
import type { Envelope } from '../../../src-main/contract/error.js';
import type { ComparisonDraft } from '../../../src-main/contract/generation-settings.js';
import { openAppHost, type AppHost, type HostOptions } from '../../../src-main/services/host/app-host.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { packIdOf } from '../../../src-main/services/packs/pack-service.js';

export const SCRIPTED_ENGINE = fileURLToPath(new URL('scripted-engine.mjs', import.meta.url));

export interface ScriptedHost {
  readonly folder: string;
  readonly packId: string;
  host: AppHost;
  /** Calls a method as a trusted page; throws the error of a failed envelope. */
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
  /** Closes and opens the host again on the same folder. */
  restart(options?: Partial<HostOptions>): Promise<void>;
  /** Closes the host and deletes the folder. */
  dispose(): Promise<void>;
}

export async function openScriptedHost(options: Partial<HostOptions> = {}): Promise<ScriptedHost> {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-'));
  const pack = join(folder, 'pack');
  await mkdir(pack);
  const open = (more: Partial<HostOptions>): Promise<AppHost> =>
    openAppHost({
      dataDir: join(folder, 'data'),
      assetsDir: join(folder, 'assets'),
      packFolders: [pack],
      spawnEngine: forkEngine(SCRIPTED_ENGINE),
      pictureWorker: entryFile('picture-worker'),
      appVersion: '0.0.0-test',
      host: 'web',
      ...options,
      ...more,
    });
  const scripted: ScriptedHost = {
    folder,
    packId: packIdOf(pack),
    host: await open({}),
    async call(method, input) {
      const envelope = await scripted.host.dispatch(method, input, { trusted: true, name: 'test' });
      if (!envelope.ok) throw AppError.fromDto(envelope.error);
      return (envelope as Extract<Envelope<Output<typeof method>>, { ok: true }>).value;
    },
    idle: () => scripted.host.services.queue.idle(),
    async restart(more = {}) {
      await scripted.host.close();
      scripted.host = await open(more);
    },
    async dispose() {
      await scripted.host.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return scripted;
}

/** A small valid form for the scripted pack. */
export function draftFor(packId: string, changes: Partial<ComparisonDraft> = {}): ComparisonDraft {
  return {
    packId,
    provider: 'cpu',
    modelVariant: 'aes_stage2',
    identityId: null,
    faceIndex: 0,
    poseId: null,
    steps: 4,
    width: 64,
    height: 64,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    loras: [],
    prompts: ['a portrait in soft light'],
    seeds: [42],
    variants: [
      { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
      { flux: 'int8', t5: 'int8', infusenet: 'nf4' },
    ],
    repeats: 1,
    ...changes,
  };
}

/** A photo as base64, different for each `shade`. */
export async function photoBase64(shade = 128): Promise<string> {
  const bytes = await sharp({
    create: { width: 80, height: 60, channels: 3, background: { r: shade, g: 90, b: 40 } },
  })
    .jpeg()
    .toBuffer();
  return bytes.toString('base64');
}
