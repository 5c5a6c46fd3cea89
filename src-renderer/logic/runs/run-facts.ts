/** Settings and results of a run, as labels and values. */
import { deviceName } from '$contract/formats';
import { SETTING_NAMES, SETTINGS, type Setting, type SettingValues } from '$contract/generation-settings';
import { lorasText } from '$contract/lora';
import type { ReadSettings } from '$contract/picture-metadata';
import type { RunDetail, RunResult } from '$contract/run';
import { formatDecimal, formatMoment, t } from '../../text/text.svelte';
import { formatBytes, formatNumber, formatSeconds } from '../format-amount';
import { decodeText, identityText, placesText, retryText, secondEncoderText } from './run-notes';
import { fieldLabel } from './setting-name';
import { variantDescription } from './variant-name';

export interface Fact {
  readonly label: string;
  readonly value: string;
  /** Explanation of the value and its limits. */
  readonly title?: string;
}

/** Facts for the panel beside the gallery. */
export function runFacts(run: RunDetail): Fact[] {
  const { settings } = run;
  const facts: Fact[] = [
    { label: t('fact.formats'), value: variantDescription(run.formats) },
    { label: t('fact.identity'), value: run.identityName ?? t('fact.none') },
    ...settingFacts(settings),
    ...(settings.loras.length === 0 ? [] : [{ label: fieldLabel('loras'), value: lorasText(settings.loras) }]),
    { label: t('fact.provider'), value: deviceName(settings) },
    { label: t('fact.made'), value: formatMoment(run.createdAtMs, { dateStyle: 'medium', timeStyle: 'short' }) },
  ];
  const add = (label: string, value: string): number => facts.push({ label, value });
  if (run.status === 'done') facts.push(...identityFacts(run));
  if (run.loadBytes !== null) add(t('fact.load'), formatBytes(run.loadBytes));
  if (run.peakBytes !== null) add(t('fact.peak'), formatBytes(run.peakBytes));
  const places = run.result?.weightPlaces ?? null;
  if (places !== null) add(t('places.fact'), placesText(places));
  if (run.totalSeconds !== null) add(t('fact.time'), formatSeconds(run.totalSeconds));
  if (run.result !== null) add(t('decode.fact'), decodeText(run.result.decode));
  const retry = retryText(run);
  if (retry !== null) add(t('retry.fact'), retry);
  return facts;
}

/** A row for each setting except the prompt, which is shown separately; width and height share a row. */
function settingFacts(settings: { readonly [S in Setting]: SettingValues[S] | null }): Fact[] {
  return SETTING_NAMES.flatMap((name): Fact[] => {
    const value = settings[name];
    if (name === 'prompt' || name === 'height' || value === null || value === '') return [];
    if (name === 'width') {
      return settings.height === null ? [] : [{ label: fieldLabel('size'), value: `${value}×${settings.height}` }];
    }
    const plain = typeof value === 'string' || SETTINGS[name].kind === 'integer';
    return [{ label: fieldLabel(name), value: plain ? String(value) : formatDecimal(value) }];
  });
}

/** Identity scores by encoder, and why there is no second encoder. */
function identityFacts(run: RunDetail): Fact[] {
  const scores = (run.result?.faceScores ?? []).filter(({ identityScore }) => identityScore !== null);
  if (scores.length === 0) return [{ label: t('fact.identity-score'), value: identityText(run, 4) }];
  const second = secondEncoderText(run.result?.secondEncoder ?? null);
  return [
    ...scores.map(({ encoder, conditioned, identityScore }) => ({
      label: t('fact.identity-by', { encoder }),
      value: t(conditioned ? 'fact.identity-conditioned' : 'fact.identity-second', {
        score: formatNumber(identityScore, 4),
      }),
      title: t(conditioned ? 'table.identity.title' : 'table.identity.second-title', { encoder }),
    })),
    ...(second === null ? [] : [{ label: t('fact.second-encoder'), value: second }]),
  ];
}

/** Time (seconds) and peak memory of each stage, with the source of the memory figure. */
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

/** Settings read from a picture file, without the prompt. */
export function readFacts(settings: ReadSettings): Fact[] {
  const facts: Fact[] = [];
  const add = (label: string, value: string | number | null): void => {
    if (value !== null && value !== '') facts.push({ label, value: String(value) });
  };
  if (settings.formats !== null) add(t('fact.formats'), variantDescription(settings.formats));
  add(t('fact.negative-prompt'), settings.negativePrompt);
  facts.push(...settingFacts(settings));
  add(fieldLabel('provider'), settings.provider);
  add(fieldLabel('pack'), settings.packName);
  return facts;
}
