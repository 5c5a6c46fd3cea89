/** The app's own services for a command that makes and measures pictures, in a data folder that is gone afterwards. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { abortError, AppError } from '../base/app-error.js';
import { entryFile } from '../base/entry-file.js';
import { variantKey } from '../contract/formats.js';
import type { RunDetail } from '../contract/run.js';
import { forkEngine } from '../services/engine/fork-engine.js';
import { openAppHost, type AppHost } from '../services/host/app-host.js';
import { packIdOf } from '../services/packs/pack-service.js';
import type { Measuring } from '../services/runs/measuring.js';
import { STAGE_SHARE } from './options.js';
import { withSmaller } from './smaller-sentence.js';
import { interruptSignal, note, showProgress } from './terminal.js';

/** From the built file as from the source. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface CommandHostOptions {
  readonly pack: string;
  /** Folder of the pack's converted weights. */
  readonly cache: string;
  readonly measuring: Omit<Measuring, 'cache'>;
}

export interface CommandHost {
  readonly services: AppHost['services'];
  readonly packId: string;
  /** Waits for the pictures of a comparison. @throws the first failure, with what needs less memory; AbortError */
  readonly made: (comparisonId: string) => Promise<RunDetail[]>;
}

/** @throws what `work` throws; AbortError after Ctrl-C */
export async function withHost<T>(
  { pack, cache, measuring }: CommandHostOptions,
  work: (host: CommandHost) => Promise<T>,
): Promise<T> {
  const signal = interruptSignal();
  const dataDir = await mkdtemp(join(tmpdir(), 'likeness-lab-'));
  const packFolder = resolve(pack);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const host = await openAppHost({
    dataDir,
    assetsDir: join(ROOT, 'assets'),
    packFolders: [packFolder],
    measuring: { ...measuring, cache: resolve(cache) },
    spawnEngine: () => forkEngine(entryFile('engine'))((text) => void process.stderr.write(text)),
    pictureWorker: entryFile('picture-worker'),
    appVersion: version,
    host: 'web',
  });
  signal.addEventListener('abort', () => void host.close());
  try {
    const { services } = host;
    return await work({ services, packId: packIdOf(packFolder), made: (id) => made(services, id, signal) });
  } catch (error) {
    throw signal.aborted ? abortError() : error;
  } finally {
    await host.close();
    await rm(dataDir, { recursive: true, force: true });
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
        note(`${run.retry.message} The engine is started again and the picture made once more.`);
      }
      const [from, share] = STAGE_SHARE[progress.stage];
      const done = runs.filter(({ status }) => status === 'done').length;
      const fraction = (done + from + share * progress.fraction) / runs.length;
      showProgress(fraction, `${variantKey(run.formats)}, seed ${run.seed}: ${progress.message}`);
    }),
    // What comes after a failure would not be compared any more.
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
  if (failed === undefined || error.code !== 'engine.out-of-memory') throw error;
  const { needsBytes, freeBytes, choices } = await smaller.choices(failed.id);
  throw withSmaller(error, needsBytes, freeBytes, choices, failed.formats);
}
