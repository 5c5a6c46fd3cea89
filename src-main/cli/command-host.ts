/** The app's services for a command that makes and measures pictures, in a temporary data folder. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { typedOutput } from '../services/support/writable-folder.js';
import { typedAbsolute } from '../disk/paths.js';
import { abortError, AppError } from '../base/app-error.js';
import { entryFile } from '../base/entry-file.js';
import { QUANTIZED_COMPONENTS, variantKey, type FormatChoice } from '../contract/formats.js';
import type { RunSettings } from '../contract/generation-settings.js';
import type { LoraUse } from '../contract/lora.js';
import type { PhotoRole } from '../contract/photo.js';
import type { RunDetail } from '../contract/run.js';
import type { SmallerChange } from '../contract/smaller-choice.js';
import { readReason } from '../base/disk-error.js';
import { readWhole, removeFolder } from '../disk/patience.js';
import { openPack, type Pack } from '../engine/pack/open-pack.js';
import { streamsWeights } from '../base/vocabulary.js';
import type { DecodeChoice, LoraChoice, Provider } from '../engine/protocol.js';
import { WithoutChatter } from '../services/engine/chatter.js';
import type { EngineSpawner } from '../services/engine/engine-client.js';
import { forkEngine } from '../services/engine/fork-engine.js';
import { openAppHost, type AppHost } from '../services/host/app-host.js';
import { packIdOf } from '../services/packs/pack-service.js';
import type { Measuring } from '../services/runs/measuring.js';
import { formatBytes } from '../services/support/byte-size.js';
import { defaultCudaDir } from '../services/support/data-dir.js';
import { noteLora } from './lora-notes.js';
import { STAGE_SHARE } from './options.js';
import { readEmbedding } from './read-embedding.js';
import { chosenSettings, type SettingOptions } from './setting-options.js';
import { interruptSignal, note, showProgress } from './terminal.js';

/** Works from the built file and from the source. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Options of a command that makes pictures. */
export interface PictureOptions extends SettingOptions {
  readonly pack: string;
  readonly cache: string;
  readonly provider: Provider;
  readonly deviceId: number;
  readonly decode: DecodeChoice;
  /** GiB. */
  readonly memoryLimit?: number;
  readonly identity?: string;
  readonly identityEmbedding?: string;
  readonly face?: number;
  readonly control?: string;
  readonly lora?: readonly LoraChoice[];
}

/** An engine whose standard error is the terminal's, but for the runtime's chatter, which is in the log alone. */
export const spawnEngine: EngineSpawner = (toLog) => {
  const output = new WithoutChatter((text) => void process.stderr.write(text));
  const engine = forkEngine(entryFile('engine'))((text) => {
    toLog?.(text);
    output.add(text);
  });
  engine.onExit(() => output.end());
  return engine;
};

export interface CommandHost {
  readonly services: AppHost['services'];
  /** Of every picture, without the formats. */
  readonly settings: Omit<RunSettings, 'formats'>;
  /** Waits for the pictures of a comparison. @throws the first failure, with smaller choices as its remedy; AbortError */
  readonly made: (comparisonId: string) => Promise<RunDetail[]>;
}

/** @throws what `work` throws; AppError pack.*, image.*, weights.* for what the options name; AbortError after Ctrl-C */
export async function withHost<T>(
  options: PictureOptions,
  measuring: Partial<Measuring>,
  work: (host: CommandHost) => Promise<T>,
): Promise<T> {
  const signal = interruptSignal();
  const pack = await openPack(options.pack);
  const { identity, identityEmbedding: file } = options;
  const embedding =
    identity === undefined && file !== undefined ? await readEmbedding(file) : (measuring.embedding ?? null);
  const cache = typedOutput(options.cache);
  const dataDir = await mkdtemp(join(tmpdir(), 'likeness-lab-'));
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const host = await openAppHost({
    dataDir,
    assetsDir: join(ROOT, 'assets'),
    packFolders: [pack.root],
    measuring: { ...measuring, embedding, cache },
    cudaDir: defaultCudaDir(),
    spawnEngine,
    pictureWorker: entryFile('picture-worker'),
    appVersion: version,
    host: 'web',
  });
  signal.addEventListener('abort', () => void host.close());
  let kept: string | null = null;
  try {
    const { services } = host;
    const settings = await takenSettings(services, options, pack);
    return await work({ services, settings, made: (id) => made(services, id, signal) });
  } catch (error) {
    // The log, which the error of a bug names, stays.
    if (!signal.aborted && error instanceof AppError && error.code === 'internal') kept = 'logs';
    throw signal.aborted ? abortError() : error;
  } finally {
    await host.close();
    for (const name of await readdir(dataDir)) {
      if (name !== kept) await removeFolder(join(dataDir, name)).catch(() => undefined);
    }
    if (kept === null) await removeFolder(dataDir).catch(() => undefined);
  }
}

/** Imports photos and LoRAs into the host. */
async function takenSettings(
  { photos, loras, settings }: AppHost['services'],
  options: PictureOptions,
  pack: Pack,
): Promise<CommandHost['settings']> {
  const { provider, deviceId, decode, memoryLimit, lora: choices = [] } = options;
  const packId = packIdOf(pack.root);
  if (memoryLimit !== undefined && !streamsWeights(provider)) {
    throw new AppError(
      'engine.request-invalid',
      `--memory-limit was given for ${provider}, which holds all weights; only cuda streams what does not fit.`,
      { remedy: 'Leave it out, or use --provider cuda.' },
    );
  }
  settings.set({ deviceId });
  const photo = async (role: PhotoRole, file: string | undefined): Promise<string | null> =>
    file === undefined ? null : (await photos.import(role, basename(file), await readPhoto(file), 'import')).id;
  const uses: LoraUse[] = [];
  for (const { path, weight } of choices) {
    const lora = await loras.add({ kind: 'file', file: path }, packId);
    if (lora === null) continue;
    noteLora(lora.name, lora.leftOut, lora.assumesAlpha);
    uses.push({ loraId: lora.id, name: lora.name, weight });
  }
  return {
    ...chosenSettings(options, pack),
    packId,
    provider,
    ...settings.device(provider),
    identityId: await photo('identity', options.identity),
    faceIndex: options.face ?? 0,
    poseId: await photo('pose', options.control),
    loras: uses,
    ...(decode === 'auto' ? {} : { decode }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  };
}

/** @throws AppError image.unreadable */
async function readPhoto(file: string): Promise<Uint8Array> {
  try {
    return await readWhole(typedAbsolute(file));
  } catch (cause) {
    const meaning = readReason(cause);
    throw new AppError('image.unreadable', `The picture ${file} could not be read: ${meaning?.reason ?? 'unknown'}.`, {
      remedy: meaning?.remedy ?? 'Check the path and that the file may be read.',
      cause,
    });
  }
}

async function made(services: AppHost['services'], comparisonId: string, signal: AbortSignal): Promise<RunDetail[]> {
  const { hub, queue, comparisons, smaller } = services;
  const retried = new Set<string>();
  const stops = [
    hub.subscribe('progress', (progress) => {
      if (progress === null) return;
      const { runs } = comparisons.get(comparisonId);
      const run = runs.find(({ id }) => id === progress.runId);
      if (run === undefined) return;
      if (progress.retrying && run.retry !== null && !retried.has(run.id)) {
        retried.add(run.id);
        note(`${run.retry.message} The engine is restarted and the picture is made again.`);
      }
      const [from, share] = STAGE_SHARE[progress.stage];
      const done = runs.filter(({ status }) => status === 'done').length;
      const fraction = (done + from + share * progress.fraction) / runs.length;
      showProgress(fraction, `${variantKey(run.formats)}, seed ${run.seed}: ${progress.message}`);
    }),
    // After a failure the other pictures would not be compared.
    hub.subscribe('queue', ({ entries }) => {
      const cells = entries.find((entry) => entry.comparisonId === comparisonId)?.cells ?? [];
      const waits = cells.some(({ status }) => status === 'queued');
      if (waits && cells.some(({ status }) => status === 'failed')) comparisons.cancel(comparisonId);
    }),
  ];
  try {
    await queue.idle();
  } finally {
    for (const stop of stops) stop();
  }
  if (signal.aborted) throw abortError();
  const { runs } = comparisons.get(comparisonId);
  const failed = runs.find(({ status }) => status === 'failed');
  const problem = failed?.error ?? hub.current('queue')?.problem ?? null;
  if (problem === null) return runs;
  const error = AppError.fromDto(problem);
  throw failed === undefined || error.code !== 'engine.out-of-memory'
    ? error
    : await withSmaller(error, failed, smaller);
}

/** The error with the smaller choices as its remedy, as options of `generate` and `compare`. */
async function withSmaller(
  error: AppError,
  { id, formats }: RunDetail,
  smaller: AppHost['services']['smaller'],
): Promise<AppError> {
  const { needsBytes, freeBytes, choices } = await smaller.choices(id);
  const said = choices.map(({ change, savedBytes, fit }) => {
    const still = fit === 'too-big' ? ', still more than is free' : '';
    return `${inWords(change, formats)} (${formatBytes(savedBytes)} less${still})`;
  });
  const free = freeBytes === null ? '' : `; ${formatBytes(freeBytes)} are free`;
  const needs = `The estimated peak is ${formatBytes(needsBytes)}${free}.`;
  return new AppError('engine.out-of-memory', `${error.message} It was tried twice.`, {
    remedy:
      said.length === 0
        ? `${needs} There is no smaller choice; close other programs.`
        : `${needs} Smaller choices: ${said.join(', ')}. Or close other programs.`,
    details: error.details,
    cause: error,
  });
}

function inWords(change: SmallerChange, before: FormatChoice): string {
  switch (change.kind) {
    case 'formats':
      return QUANTIZED_COMPONENTS.filter((component) => change.formats[component] !== before[component])
        .map((component) => `${component} in ${change.formats[component]}`)
        .join(' and ');
    case 'size':
      return `--width ${change.width} --height ${change.height}`;
    case 'tiles':
      return '--decode tiles';
  }
}
