/** Pairs the runs of a comparison and groups them by variant. Pure. */
import type { CompareRole } from '../../contract/compare-data.js';
import {
  runSettingsSchema,
  SETTING_FIELDS,
  settingValue,
  type RunSettings,
} from '../../contract/generation-settings.js';
import type { RunDetail } from '../../contract/run.js';
import { SAMPLED_FIELDS } from '../../contract/variant-title.js';

/** Every setting as JSON in the schema's order, so that equal settings are equal text. */
export function settingsKey(settings: RunSettings): string {
  return JSON.stringify(runSettingsSchema.parse(settings));
}

/** Every setting but seed and prompt: equal for pictures of one variant. */
export function variantSettingsKey(settings: RunSettings): string {
  return JSON.stringify(
    SETTING_FIELDS.filter((field) => !SAMPLED_FIELDS.has(field)).map((field) => settingValue(settings, field)),
  );
}

const cellKey = ({ seed, prompt }: RunSettings): string => JSON.stringify([seed, prompt]);

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

export interface PairedRun {
  readonly run: RunDetail;
  readonly role: CompareRole;
  /** The run it is compared with; null for `reference`, and for a repeat that is the first decoded in its way. */
  readonly base: RunDetail | null;
  /** 0 for the first of its settings, seed and prompt, then 1 and up. */
  readonly repeat: number;
}

export interface PairedVariant {
  readonly settings: RunSettings;
  readonly runs: readonly PairedRun[];
}

/**
 * Runs by variant, the reference's first; each with the run it is compared with.
 *
 * @param reference one of the runs
 * @param runs in the order of the screen
 */
export function pairRuns(reference: RunDetail, runs: readonly RunDetail[]): PairedVariant[] {
  const ordered = [reference, ...runs.filter((run) => run.id !== reference.id)];
  const groups = groupBy(ordered, (run) => variantSettingsKey(run.settings));
  const cellsOf = (group: readonly RunDetail[]): Map<string, RunDetail[]> =>
    groupBy(group, (run) => cellKey(run.settings));
  const referenceKey = variantSettingsKey(reference.settings);
  const referenceCells = cellsOf(groups.get(referenceKey) ?? []);
  return [...groups].map(([key, group]) => {
    const cells = cellsOf(group);
    const paired = group.map((run): PairedRun => {
      const cell = cellKey(run.settings);
      const same = cells.get(cell) ?? [run];
      const repeat = same.indexOf(run);
      if (repeat > 0) {
        // Whole and tiled decodes differ by rounding, which is not the noise of repeating a run.
        const first = same.find(({ result }) => result?.decode.mode === run.result?.decode.mode);
        return { run, role: 'repeat', base: first === run ? null : (first ?? null), repeat };
      }
      if (key === referenceKey) return { run, role: 'reference', base: null, repeat };
      const counterpart = referenceCells.get(cell)?.[0];
      return counterpart === undefined
        ? { run, role: 'unpaired', base: reference, repeat }
        : { run, role: 'variant', base: counterpart, repeat };
    });
    return { settings: (group[0] ?? reference).settings, runs: paired };
  });
}
