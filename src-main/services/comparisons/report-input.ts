/** Summaries of measured runs by variant, and the contents of their report. Pure. */
import type { ScoredFace } from '../../compare/measures/face-encoders.js';
import { phaseFigures } from '../../compare/report/phase-figures.js';
import { placesFigures } from '../../compare/report/weight-places.js';
import type { ReportInput, ReportPicture } from '../../compare/report/report-data.js';
import { summarizeVariants, type MeasuredPicture, type VariantSummary } from '../../compare/report/variant-summary.js';
import type { WeightErrors } from '../../compare/statistics/weight-order.js';
import type { PictureDifference } from '../../contract/compare-data.js';
import { COMPONENT_NAMES, deviceName, QUANTIZED_COMPONENTS } from '../../contract/formats.js';
import { SETTINGS, SHARED_NUMBERS, type RunSettings } from '../../contract/generation-settings.js';
import { lorasText } from '../../contract/lora.js';
import type { RunDetail } from '../../contract/run.js';
import { median, present, stepMedian } from '../../compare/statistics/medians.js';
import { variantTitle } from '../../contract/variant-title.js';
import type { PairedRun, PairedVariant } from './pair-runs.js';

export interface MeasuredRuns {
  readonly reference: RunDetail;
  /** The reference's first. */
  readonly variants: readonly PairedVariant[];
  /** Difference of a run from its base; missing without a base and for another size. */
  readonly differences: ReadonlyMap<string, PictureDifference>;
  /** Drift of a run's latents from its base's, where known. */
  readonly drifts: ReadonlyMap<string, readonly number[]>;
  /** Scores of a run's face by encoder. */
  readonly faces: ReadonlyMap<string, readonly ScoredFace[]>;
  readonly memorySources: readonly string[];
  readonly faceNote: string | null;
  readonly pixelsPerDegree: number;
  /** Whether each variant had its own engine process: its memory figures are then those of its first picture. */
  readonly freshEngines: boolean;
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

function describe({ reference, variants }: MeasuredRuns, packName: string, prompts: readonly string[]) {
  const s = reference.settings;
  const paired = variants.flatMap(({ runs }) => runs);
  const seeds = [...new Set(paired.map(({ run }) => run.seed))];
  const repeats = Math.max(...paired.map(({ repeat }) => repeat));
  const limit = s.memoryLimit === undefined ? [] : [`at most ${s.memoryLimit} GiB of the card`];
  const lines: [string, string][] = [
    ['Pack', `${packName}, ${s.modelVariant}`],
    ...prompts.map((prompt, i): [string, string] => [prompts.length > 1 ? `Prompt ${i + 1}` : 'Prompt', prompt]),
    ['Settings', [...sharedNumbers(s), deviceName(s), ...limit].join(', ')],
    [seeds.length > 1 ? 'Seeds' : 'Seed', seeds.join(', ')],
  ];
  const quantized = quantizedSources(reference);
  if (quantized !== null) {
    lines.push(['Weights', `${quantized} (quantized in their files; 16-bit and all other formats start from these)`]);
  }
  if (s.loras.length > 0) lines.push(['LoRAs', lorasText(s.loras)]);
  if (repeats > 0) lines.push(['Repeats', String(repeats)]);
  return lines;
}

/** `FLUX Q4_K, T5 Q8_0`; null where every file has 16 bits or more. */
function quantizedSources({ result }: RunDetail): string | null {
  const named = QUANTIZED_COMPONENTS.flatMap((component) => {
    const type = result?.weightTypes[component];
    return type === undefined ? [] : [`${COMPONENT_NAMES[component]} ${type}`];
  });
  return named.length === 0 ? null : named.join(', ');
}

function promptsOf({ variants }: MeasuredRuns): string[] {
  return [...new Set(variants.flatMap(({ runs }) => runs.map(({ run }) => run.settings.prompt)))];
}

/** Unpaired pictures have no difference. */
function measuredPicture(
  { run, role, repeat }: PairedRun,
  { differences, faces }: MeasuredRuns,
  prompts: readonly string[],
): MeasuredPicture {
  const scored = faces.get(run.id) ?? [];
  return {
    seed: run.seed,
    prompt: prompts.indexOf(run.settings.prompt),
    repeat,
    difference: role === 'unpaired' ? null : (differences.get(run.id) ?? null),
    faces: role === 'unpaired' ? scored.map((face) => ({ ...face, faceCosine: null })) : scored,
  };
}

/** One summary per variant, in order. */
export function summaries(measured: MeasuredRuns): VariantSummary[] {
  const prompts = promptsOf(measured);
  const memory = (bytes: readonly (number | null)[]): number | null =>
    measured.freshEngines ? (bytes[0] ?? null) : median(present(bytes));
  return summarizeVariants(
    measured.variants.map(({ settings, runs }) => ({
      name: variantTitle(settings, measured.reference.settings),
      formats: settings.formats,
      loadBytes: memory(runs.map(({ run }) => run.loadBytes)),
      peakBytes: memory(runs.map(({ run }) => run.peakBytes)),
      totalSeconds: median(present(runs.map(({ run }) => run.totalSeconds))),
      stepSeconds: median(present(runs.map(({ run }) => stepMedian(run.result?.stepSeconds ?? [])))),
      phases: phaseFigures(runs.map(({ run }) => run.result?.phases ?? [])),
      weightPlaces: placesFigures(runs.map(({ run }) => run.result?.weightPlaces)),
      pictures: runs.map((paired) => measuredPicture(paired, measured, prompts)),
    })),
  );
}

/** The contents of a report. Unpaired pictures are listed without a difference. */
export function reportInput(measured: MeasuredRuns, options: ReportOptions): ReportInput {
  const { variants, memorySources, freshEngines } = measured;
  const prompts = promptsOf(measured);
  const picture = (paired: PairedRun): ReportPicture => ({
    ...measuredPicture(paired, measured, prompts),
    file: `${paired.run.id}.png`,
    pictureUrl: options.inline?.get(paired.run.id)?.pictureUrl ?? null,
    heatMapUrl: options.inline?.get(paired.run.id)?.heatMapUrl ?? null,
    notes: {
      decode: paired.run.result?.decode ?? null,
      spill: paired.run.result?.spill ?? null,
      retry: paired.run.retry,
      identityState: paired.run.identityState,
      secondEncoder: paired.run.result?.secondEncoder ?? null,
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
        : `${memorySources.join(', ')}, ${freshEngines ? 'of the first picture in a new process' : 'medians over the pictures of one process'}`,
    weightErrors: options.weightErrors ?? [],
    pixelsPerDegree: measured.pixelsPerDegree,
    aspect: measured.reference.height / measured.reference.width,
    variants: summaries(measured).map((summary, i) => ({
      ...summary,
      pictures: (variants[i]?.runs ?? []).map(picture),
    })),
  };
}
