/** From measured runs to what the report writers and the table of variants are made of. Pure. */
import { DEFAULT_PIXELS_PER_DEGREE } from '../../compare/measures/flip.js';
import type { ScoredFace } from '../../compare/measures/face-encoders.js';
import { phaseFigures } from '../../compare/report/phase-figures.js';
import {
  present,
  type ReportConfiguration,
  type ReportInput,
  type ReportPicture,
} from '../../compare/report/report-data.js';
import type { WeightErrors } from '../../compare/statistics/weight-order.js';
import type { PictureDifference } from '../../contract/compare-data.js';
import { deviceName } from '../../contract/formats.js';
import { SETTINGS, SHARED_NUMBERS, type RunSettings } from '../../contract/generation-settings.js';
import type { RunDetail } from '../../contract/run.js';
import { median, stepMedian } from '../../compare/statistics/medians.js';
import { configurationName, type PairedRun, type RunConfiguration } from './pair-runs.js';

export interface MeasuredRuns {
  readonly reference: RunDetail;
  /** The reference's first. */
  readonly configurations: readonly RunConfiguration[];
  /** Difference of a run from its base; none for runs without one or of another size. */
  readonly differences: ReadonlyMap<string, PictureDifference>;
  /** Drift of the latents by run, where it is known against the base. */
  readonly drifts: ReadonlyMap<string, readonly number[]>;
  /** Of a run's face, by every encoder that scored it. */
  readonly faces: ReadonlyMap<string, readonly ScoredFace[]>;
  readonly memorySources: readonly string[];
  readonly faceNote: string | null;
}

/** `data:` URLs of a run's picture and heat map. */
export interface InlinePicture {
  readonly pictureUrl: string;
  readonly heatMapUrl: string | null;
}

interface ReportOptions {
  readonly title: string;
  readonly appVersion: string;
  readonly packName: string;
  readonly inline?: ReadonlyMap<string, InlinePicture>;
  readonly weightErrors?: readonly WeightErrors[];
}

/** `256×256`, `20 steps`, `guidance 2` and so on. */
function sharedNumbers(settings: RunSettings): string[] {
  return SHARED_NUMBERS.flatMap((name) => {
    if (name === 'width') return [`${settings.width}×${settings.height}`];
    if (name === 'height') return [];
    return name === 'steps' ? [`${settings.steps} steps`] : [`${SETTINGS[name].name} ${settings[name]}`];
  });
}

function describe({ reference, configurations }: MeasuredRuns, packName: string, prompts: readonly string[]) {
  const s = reference.settings;
  const runs = configurations.flatMap((configuration) => configuration.runs.map(({ run }) => run));
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  const repeats = Math.max(...configurations.flatMap((c) => c.runs.map(({ repeat }) => repeat)));
  const lines: [string, string][] = [
    ['Pack', `${packName}, ${s.modelVariant}`],
    ...prompts.map((prompt, i): [string, string] => [prompts.length > 1 ? `Prompt ${i + 1}` : 'Prompt', prompt]),
    ['Settings', [...sharedNumbers(s), deviceName(s)].join(', ')],
    [seeds.length > 1 ? 'Seeds' : 'Seed', seeds.join(', ')],
  ];
  if (repeats > 0) lines.push(['Repeats', String(repeats)]);
  return lines;
}

/** Everything the report says. Unpaired pictures are listed without a difference. */
export function reportInput(measured: MeasuredRuns, options: ReportOptions): ReportInput {
  const { reference, configurations, differences, memorySources } = measured;
  const prompts = [
    ...new Set(configurations.flatMap((configuration) => configuration.runs.map(({ run }) => run.settings.prompt))),
  ];
  const picture = ({ run, role, repeat }: PairedRun): ReportPicture => ({
    seed: run.seed,
    prompt: prompts.indexOf(run.settings.prompt),
    repeat,
    file: `${run.id}.png`,
    pictureUrl: options.inline?.get(run.id)?.pictureUrl ?? null,
    heatMapUrl: options.inline?.get(run.id)?.heatMapUrl ?? null,
    difference: role === 'unpaired' ? null : (differences.get(run.id) ?? null),
    faces: (measured.faces.get(run.id) ?? []).map((face) => (role === 'unpaired' ? { ...face, likeness: null } : face)),
    notes: {
      decode: run.result?.decode ?? null,
      spill: run.result?.spill ?? null,
      retry: run.retry,
      identityState: run.identityState,
      secondEncoder: run.result?.secondEncoder ?? null,
    },
  });
  return {
    title: options.title,
    appVersion: options.appVersion,
    settings: describe(measured, options.packName, prompts),
    prompts,
    picturesBeside: false,
    memorySource:
      memorySources.length === 0
        ? 'not measured'
        : `${memorySources.join(', ')}, medians over the pictures, which one process made`,
    weightErrors: options.weightErrors ?? [],
    pixelsPerDegree: DEFAULT_PIXELS_PER_DEGREE,
    configurations: configurations.map(({ settings, runs }): ReportConfiguration => ({
      name: configurationName(settings, reference.settings),
      formats: settings.formats,
      loadBytes: median(present(runs.map(({ run }) => run.loadBytes))),
      peakBytes: median(present(runs.map(({ run }) => run.peakBytes))),
      totalSeconds: median(present(runs.map(({ run }) => run.totalSeconds))),
      stepSeconds: median(present(runs.map(({ run }) => stepMedian(run.result?.stepSeconds ?? [])))),
      phases: phaseFigures(runs.map(({ run }) => run.result?.phases ?? [])),
      pictures: runs.map(picture),
    })),
  };
}
