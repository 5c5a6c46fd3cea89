/** Names for runs shown side by side: the variant, and other settings that differ. */
import { COMPONENT_NAMES } from '$contract/formats';
import { differingFields, settingValue, type SettingField } from '$contract/generation-settings';
import type { RunDetail } from '$contract/run';
import { commas, t } from '../../text/text.svelte';
import { fieldName } from './setting-name';
import { limitText, variantName } from './variant-name';

/** Settings other than formats in which the runs differ. */
function varyingFields(runs: readonly RunDetail[]): SettingField[] {
  const [first, ...rest] = runs;
  if (first === undefined) return [];
  const fields = new Set(rest.flatMap((run) => differingFields(first.settings, run.settings)));
  return [...fields].filter((field) => !(field in COMPONENT_NAMES));
}

function fieldText(run: RunDetail, field: SettingField): string {
  switch (field) {
    case 'prompt':
      return `“${run.settings.prompt.slice(0, 24)}${run.settings.prompt.length > 24 ? '…' : ''}”`;
    case 'identity':
      return run.identityName ?? t('run.no-identity');
    case 'decode':
      return t(`decoded.${run.settings.decode ?? 'auto'}`);
    case 'memoryLimit':
      return limitText(run.settings.memoryLimit);
    case 'size':
    case 'modelVariant':
    case 'provider':
      return String(settingValue(run.settings, field));
    default:
      return `${fieldName(field)} ${settingValue(run.settings, field)}`;
  }
}

/** `All INT8`, or `All INT8, seed 43` if the runs have different seeds. */
function runLabel(run: RunDetail, varying: readonly SettingField[], withRepeat: boolean): string {
  const parts = [variantName(run.formats), ...varying.map((field) => fieldText(run, field))];
  if (withRepeat) parts.push(t('run.repeat', { number: run.repeat }));
  return commas(parts);
}

/** Labels by run id. */
export function runLabels(runs: readonly RunDetail[]): ReadonlyMap<string, string> {
  const varying = varyingFields(runs);
  const withRepeat = runs.some((run) => run.repeat > 1);
  return new Map(runs.map((run) => [run.id, runLabel(run, varying, withRepeat)]));
}
