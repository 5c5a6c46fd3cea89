/**
 * The `parameters` text of AUTOMATIC1111's web UI, which most galleries read: the prompt, an optional negative prompt, and a
 * last line of `Name: value` pairs. Values with a comma, colon or newline are JSON strings.
 */
import { lorasText } from '../../../contract/lora.js';
import {
  SETTINGS,
  SETTING_NAMES,
  type RunSettings,
  type Setting,
  type SettingValues,
} from '../../../contract/generation-settings.js';
import type { ReadSettings } from '../../../contract/picture-metadata.js';

export const A1111_KEYWORD = 'parameters';

/** Longer texts are cut; real prompts have less than 10,000 characters. */
const MAX_LENGTH = 100_000;
const MAX_LORAS_READ = 100;
const NEGATIVE = 'Negative prompt: ';

/** Settings with a pair of their own: not the prompt, nor width and height, which are `Size`. */
const LABELLED = SETTING_NAMES.flatMap((name) => {
  const { label } = SETTINGS[name];
  return label === null ? [] : [[name, label] as const];
});
/** Names of settings in other tools. */
const OTHER_LABELS: Readonly<Partial<Record<Setting, string>>> = { guidance: 'CFG scale' };

function quote(value: string): string {
  return /[,:\n"]/.test(value) ? JSON.stringify(value) : value;
}

/** The text for one of our pictures. Other tools ignore unknown names. */
export function formatParameters(settings: RunSettings, modelName: string, appVersion: string): string {
  const pairs: readonly (readonly [string, string])[] = [
    ['Steps', String(settings.steps)],
    ['Sampler', 'Euler'],
    ['CFG scale', '1'],
    ...LABELLED.filter(([name]) => name !== 'steps').map(([name, label]) => [label, String(settings[name])] as const),
    ['Size', `${settings.width}x${settings.height}`],
    ['Model', modelName],
    ['FLUX format', settings.formats.flux],
    ['T5 format', settings.formats.t5],
    ['InfuseNet format', settings.formats.infusenet],
    ...(settings.loras.length === 0 ? [] : [['LoRAs', lorasText(settings.loras)] as const]),
    ['Provider', settings.provider],
    ...(settings.deviceId === undefined ? [] : [['Device', String(settings.deviceId)] as const]),
    ['Version', `Likeness Lab ${appVersion}`],
  ];
  return `${settings.prompt}\n${pairs.map(([name, value]) => `${name}: ${quote(value)}`).join(', ')}`;
}

export interface ReadParameters {
  readonly settings: ReadSettings;
  /** Every pair of the last line in its order. */
  readonly pairs: readonly (readonly [string, string])[];
}

/** One pair: a name, then a JSON string or anything up to the next comma. */
const PAIR = /\s*([A-Za-z0-9][^:,\n"]{0,60}):\s*("(?:[^"\\]|\\.){0,20000}"|[^,\n]{0,2000})(?:,|$)/gy;

function unquote(value: string): string {
  if (!value.startsWith('"')) return value.trim();
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'string' ? parsed : value;
  } catch (error) {
    if (error instanceof SyntaxError) return value; // another tool's own quoting
    throw error;
  }
}

function number(text: string | undefined): number | null {
  if (text === undefined || !/^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return null;
  return Number(text);
}

type LabelledSettings = { readonly [S in Setting]: SettingValues[S] | null };

/** Null without a readable pair. */
function readLabelled(byName: ReadonlyMap<string, string>): LabelledSettings {
  const read = SETTING_NAMES.map((name) => {
    const { kind, label } = SETTINGS[name];
    const text = byName.get(label ?? '') ?? byName.get(OTHER_LABELS[name] ?? '');
    return [name, kind === 'text' ? (text ?? null) : number(text)];
  });
  return Object.fromEntries(read) as LabelledSettings;
}

/** LoRAs as written by `lorasText`, without file hashes; null without any. */
function parseLoras(text: string | undefined): ReadSettings['loras'] {
  if (text === undefined) return null;
  const found = [...text.matchAll(/(.{1,200}?) (-?\d{1,3}(?:\.\d{1,15})?)(?:, |$)/g)].slice(0, MAX_LORAS_READ);
  return found.map(([, name = '', weight]) => ({ name, weight: Number(weight), sha256: null, loraId: null }));
}

/** Reads our or another tool's text. Never throws; null without a line of pairs. */
export function parseParameters(text: string): ReadParameters | null {
  const lines = text.slice(0, MAX_LENGTH).trimEnd().split('\n');
  const last = lines.at(-1) ?? '';
  if (!/^\s*Steps:\s*\d/.test(last)) return null;
  const pairs = [...last.matchAll(PAIR)].map((match) => [match[1] ?? '', unquote(match[2] ?? '')] as const);
  // The first of a name wins, so that an appended pair cannot replace a setting.
  const byName = new Map([...pairs].reverse());
  const head = lines.slice(0, -1);
  const negativeAt = head.findIndex((line) => line.startsWith(NEGATIVE));
  const prompt = (negativeAt < 0 ? head : head.slice(0, negativeAt)).join('\n').trim();
  const negative = negativeAt < 0 ? null : head.slice(negativeAt).join('\n').slice(NEGATIVE.length).trim();
  const size = /^(\d{1,6})x(\d{1,6})$/.exec(byName.get('Size') ?? '');
  return {
    settings: {
      ...readLabelled(byName),
      prompt: prompt === '' ? null : prompt,
      negativePrompt: negative === '' ? null : negative,
      width: number(size?.[1]),
      height: number(size?.[2]),
      provider: byName.get('Provider') ?? null,
      packName: byName.get('Model') ?? null,
      formats: null,
      loras: parseLoras(byName.get('LoRAs')),
    },
    pairs,
  };
}
