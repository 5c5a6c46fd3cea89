/** What a run was made with and what it took, as label and value. */
import { deviceName } from '$contract/formats';
import { lorasText } from '$contract/lora';
import type { ReadSettings } from '$contract/picture-metadata';
import type { RunDetail, RunResult } from '$contract/run';
import { formatDecimal, formatMoment, t } from '../../text/text.svelte';
import { formatBytes, formatNumber, formatSeconds } from '../format-amount';
import { decodeText, identityText, retryText, secondEncoderText } from './run-notes';
import { variantDescription } from './variant-name';

export interface Fact {
  readonly label: string;
  readonly value: string;
  /** What the value is and how far it can be trusted; default nothing. */
  readonly title?: string;
}

/** Settings and outcome of a run, for the panel beside the gallery. */
export function runFacts(run: RunDetail): Fact[] {
  const { settings } = run;
  const facts: Fact[] = [
    { label: t('fact.formats'), value: variantDescription(run.formats) },
    { label: t('fact.identity'), value: run.identityName ?? t('fact.none') },
    { label: t('fact.seed'), value: String(run.seed) },
    { label: t('fact.size'), value: `${run.width}×${run.height}` },
    { label: t('fact.steps'), value: String(run.steps) },
    { label: t('fact.guidance'), value: formatDecimal(settings.guidance) },
    {
      label: t('fact.conditioning'),
      value: t('fact.conditioning.value', {
        scale: settings.conditioningScale,
        start: settings.start,
        end: settings.end,
      }),
    },
    ...(settings.loras.length === 0 ? [] : [{ label: t('fact.loras'), value: lorasText(settings.loras) }]),
    { label: t('fact.model'), value: run.modelVariant },
    { label: t('fact.provider'), value: deviceName(settings) },
    { label: t('fact.made'), value: formatMoment(run.createdAtMs, { dateStyle: 'medium', timeStyle: 'short' }) },
  ];
  const add = (label: string, value: string): number => facts.push({ label, value });
  if (run.status === 'done') facts.push(...identityFacts(run));
  if (run.loadBytes !== null) add(t('fact.load'), formatBytes(run.loadBytes));
  if (run.peakBytes !== null) add(t('fact.peak'), formatBytes(run.peakBytes));
  if (run.totalSeconds !== null) add(t('fact.time'), formatSeconds(run.totalSeconds));
  if (run.result !== null && run.result.decode !== null) add(t('decode.fact'), decodeText(run.result.decode));
  const retry = retryText(run);
  if (retry !== null) add(t('retry.fact'), retry);
  return facts;
}

/** By each encoder with what part it had in the picture, and why there is no second one. */
function identityFacts(run: RunDetail): Fact[] {
  const scores = (run.result?.faceScores ?? []).filter(({ score }) => score !== null);
  if (scores.length === 0) return [{ label: t('fact.identity-score'), value: identityText(run, 4) }];
  const second = secondEncoderText(run.result?.secondEncoder ?? null);
  return [
    ...scores.map(({ encoder, conditioned, score }) => ({
      label: encoder === null ? t('fact.identity-score') : t('fact.identity-by', { encoder }),
      value: t(conditioned ? 'fact.identity-conditioned' : 'fact.identity-second', { score: formatNumber(score, 4) }),
      title: t(conditioned ? 'table.identity.title' : 'table.identity.second-title', {
        encoder: encoder ?? t('encoder.unnamed'),
      }),
    })),
    ...(second === null ? [] : [{ label: t('fact.second-encoder'), value: second }]),
  ];
}

/** Time and highest memory of every stage, with where the figure comes from. */
export function phaseFacts(result: RunResult): { name: string; seconds: number; peak: string }[] {
  return result.phases.map((phase) => {
    const device = phase.devicePeakBytes !== null;
    const bytes = formatBytes(phase.devicePeakBytes ?? phase.hostPeakBytes);
    return {
      name: t(`phase.${phase.phase}`),
      seconds: phase.seconds,
      peak: `${bytes} (${device ? (phase.deviceSource ?? t('phase.device')) : phase.hostSource})`,
    };
  });
}

/** What a picture file says about itself, without the prompt. */
export function readFacts(settings: ReadSettings): Fact[] {
  const facts: Fact[] = [];
  const add = (label: string, value: string | number | null): void => {
    if (value !== null && value !== '') facts.push({ label, value: String(value) });
  };
  if (settings.formats !== null) add(t('fact.formats'), variantDescription(settings.formats));
  add(t('fact.negative-prompt'), settings.negativePrompt);
  add(t('fact.seed'), settings.seed);
  add(t('fact.steps'), settings.steps);
  if (settings.width !== null && settings.height !== null) add(t('fact.size'), `${settings.width}×${settings.height}`);
  add(t('fact.guidance'), settings.guidance);
  add(t('fact.conditioning-scale'), settings.conditioningScale);
  if (settings.start !== null && settings.end !== null)
    add(t('fact.works-from'), t('fact.works-from.value', { start: settings.start, end: settings.end }));
  add(t('fact.model-variant'), settings.modelVariant);
  add(t('fact.provider-name'), settings.provider);
  add(t('fact.pack'), settings.packName);
  return facts;
}
