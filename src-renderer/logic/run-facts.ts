/** What a run was made with and what it took, as label and value. */
import { lorasText } from '$contract/lora';
import type { ReadSettings } from '$contract/picture-metadata';
import type { Phase, RunDetail, RunResult } from '$contract/run';
import { formatBytes, formatNumber, formatSeconds } from './format-amount';
import { variantDescription } from './variant-name';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** Settings and outcome of a run, for the panel beside the gallery. */
export function runFacts(run: RunDetail): Fact[] {
  const { settings } = run;
  const facts: Fact[] = [
    { label: 'Formats', value: variantDescription(run.formats) },
    { label: 'Identity', value: run.identityName ?? 'none' },
    { label: 'Seed', value: String(run.seed) },
    { label: 'Size', value: `${run.width}×${run.height}` },
    { label: 'Steps', value: String(run.steps) },
    { label: 'Guidance', value: String(settings.guidance) },
    { label: 'Conditioning', value: `${settings.conditioningScale} from ${settings.start} to ${settings.end}` },
    ...(settings.loras.length === 0 ? [] : [{ label: 'LoRAs', value: lorasText(settings.loras) }]),
    { label: 'Model', value: run.modelVariant },
    { label: 'Runs on', value: run.provider },
    { label: 'Made', value: date.format(run.createdAtMs) },
  ];
  if (run.identityScore !== null) facts.push({ label: 'Identity score', value: formatNumber(run.identityScore, 4) });
  if (run.loadBytes !== null) facts.push({ label: 'Load', value: formatBytes(run.loadBytes) });
  if (run.peakBytes !== null) facts.push({ label: 'Peak', value: formatBytes(run.peakBytes) });
  if (run.totalSeconds !== null) facts.push({ label: 'Time', value: formatSeconds(run.totalSeconds) });
  return facts;
}

const PHASE_NAMES: Readonly<Record<Phase['phase'], string>> = {
  text: 'Text',
  load: 'Load',
  denoise: 'Denoise',
  decode: 'Decode',
};

/** Time and highest memory of every stage, with where the figure comes from. */
export function phaseFacts(result: RunResult): { name: string; seconds: number; peak: string }[] {
  return result.phases.map((phase) => {
    const device = phase.devicePeakBytes !== null;
    const bytes = formatBytes(phase.devicePeakBytes ?? phase.hostPeakBytes);
    return {
      name: PHASE_NAMES[phase.phase],
      seconds: phase.seconds,
      peak: `${bytes} (${device ? (phase.deviceSource ?? 'device') : phase.hostSource})`,
    };
  });
}

/** What a picture file says about itself, without the prompt. */
export function readFacts(settings: ReadSettings): Fact[] {
  const facts: Fact[] = [];
  const add = (label: string, value: string | number | null): void => {
    if (value !== null && value !== '') facts.push({ label, value: String(value) });
  };
  if (settings.formats !== null) add('Formats', variantDescription(settings.formats));
  add('Negative prompt', settings.negativePrompt);
  add('Seed', settings.seed);
  add('Steps', settings.steps);
  if (settings.width !== null && settings.height !== null) add('Size', `${settings.width}×${settings.height}`);
  add('Guidance', settings.guidance);
  add('Conditioning scale', settings.conditioningScale);
  if (settings.start !== null && settings.end !== null) add('Works from', `${settings.start} to ${settings.end}`);
  add('Model variant', settings.modelVariant);
  add('Provider', settings.provider);
  add('Pack', settings.packName);
  return facts;
}
