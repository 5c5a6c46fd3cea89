/** The pictures of a comparison: every configuration in an engine process of its own, all seeds, then repeats. */
import { join } from 'node:path';
import type { FormatChoice, GenerateRequest, GenerateResult } from '../engine/protocol.js';
import type { RanOut } from '../services/runs/try-twice.js';
import { configName } from './format-configs.js';
import { generateTwice } from './generate-twice.js';
import { STAGE_SHARE } from './options.js';
import { runInEngine } from './run-in-engine.js';

/** What the pictures share. */
export type SharedSettings = Omit<GenerateRequest, 'formats' | 'seed' | 'outputPath' | 'previewDir'>;

export interface CompareRun {
  readonly seed: number;
  readonly repeat: number;
  /** Relative to the report folder, with forward slashes. */
  readonly file: string;
  readonly result: GenerateResult;
  /** How memory ran out in a first try; null where it did not. */
  readonly ranOut: RanOut | null;
}

export interface ConfigurationRuns {
  readonly formats: FormatChoice;
  /** The first has the process to itself: its memory figures are the configuration's. */
  readonly runs: readonly CompareRun[];
}

export interface CompareRunsOptions {
  readonly shared: SharedSettings;
  readonly configs: readonly FormatChoice[];
  readonly seeds: readonly number[];
  /** How often the first seed is repeated. */
  readonly repeats: number;
  /** Absolute; its folder `pictures` exists. */
  readonly reportDir: string;
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number, message: string) => void;
}

/** Folder of the pictures inside the report folder. */
export const PICTURES = 'pictures';

function fileOf(formats: FormatChoice, seed: number, repeat: number): string {
  const stem = `${configName(formats).replaceAll('/', '_')}-seed-${seed}`;
  return `${PICTURES}/${stem}${repeat === 0 ? '' : `-repeat-${repeat}`}.png`;
}

/** @throws AppError of the engine, engine.crashed, engine.out-of-memory after two tries; AbortError */
export async function compareRuns(options: CompareRunsOptions): Promise<ConfigurationRuns[]> {
  const { shared, configs, seeds, repeats, reportDir, signal, onProgress } = options;
  const firstSeed = seeds.slice(0, 1);
  const planned = [
    ...seeds.map((seed) => ({ seed, repeat: 0 })),
    ...Array.from({ length: repeats }, (_, i) => firstSeed.map((seed) => ({ seed, repeat: i + 1 }))).flat(),
  ];
  const total = configs.length * planned.length;
  let done = 0;
  const out: ConfigurationRuns[] = [];
  for (const formats of configs) {
    const runs = await runInEngine(async (_send, engine) => {
      const results: CompareRun[] = [];
      for (const { seed, repeat } of planned) {
        const file = fileOf(formats, seed, repeat);
        const params: GenerateRequest = {
          ...shared,
          formats,
          seed,
          outputPath: join(reportDir, file),
          previewDir: null,
        };
        const { result, ranOut } = await generateTwice(engine, params, ({ stage, fraction, message }) => {
          const [from, share] = STAGE_SHARE[stage];
          onProgress((done + from + share * fraction) / total, `${configName(formats)}, seed ${seed}: ${message}`);
        });
        results.push({ seed, repeat, file, result, ranOut });
        done += 1;
      }
      return results;
    }, signal);
    out.push({ formats, runs });
  }
  return out;
}
