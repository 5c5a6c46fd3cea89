/** What a comparison says about a variant, in sentences. The report's own (`src-main/compare/verdict.ts`) is English. */
import type { CompareVariant, Uncertain } from '$contract/compare-data';
import { differingFields, settingValue, type RunSettings, type SettingField } from '$contract/generation-settings';
import { COMPONENT_NAMES, QUANTIZED_COMPONENTS } from '$contract/formats';
import type { RunDetail } from '$contract/run';
import { commas, formatList, sentences, t } from '../../text/text.svelte';
import { formatBytesDelta, formatNumber, formatNumberDelta } from '../format-amount';
import { fieldName } from '../runs/setting-name';
import { formatName } from '../runs/variant-name';

/** What a configuration leaves open, and what its formats say already. */
const NOT_NAMED: ReadonlySet<SettingField> = new Set(['seed', 'prompt', ...QUANTIZED_COMPONENTS]);
/** Values that are ids say nothing to a person. */
const OPAQUE: ReadonlySet<SettingField> = new Set(['identity', 'pose', 'pack']);

/** How settings differ from the reference's: `INT8 InfuseNet`, `Same formats, steps 20`. */
function configurationName(settings: RunSettings, reference: RunSettings): string {
  const byFormat = new Map<string, string[]>();
  for (const component of QUANTIZED_COMPONENTS) {
    const format = settings.formats[component];
    if (format === reference.formats[component]) continue;
    const name = formatName(format);
    byFormat.set(name, [...(byFormat.get(name) ?? []), COMPONENT_NAMES[component]]);
  }
  const formats = [...byFormat].map(([format, names]) =>
    names.length === QUANTIZED_COMPONENTS.length ? t('format.all', { format }) : `${format} ${formatList(names)}`,
  );
  const others = differingFields(settings, reference)
    .filter((field) => !NOT_NAMED.has(field))
    .map((field) =>
      OPAQUE.has(field)
        ? t('variant.other', { field: fieldName(field) })
        : `${fieldName(field)} ${settingValue(settings, field)}`,
    );
  return commas([...(formats.length === 0 ? [t('variant.same-formats')] : formats), ...others]);
}

/** A variant's name among others of a table. @param runs those that the table was made of */
export function variantTitle(
  variant: CompareVariant,
  variants: readonly CompareVariant[],
  runs: readonly RunDetail[],
): string {
  if (variant.isReference) return t('variant.reference');
  const settingsOf = (of: CompareVariant | undefined): RunSettings | undefined =>
    runs.find((run) => run.id === of?.runIds[0])?.settings;
  const own = settingsOf(variant);
  const reference = settingsOf(variants.find(({ isReference }) => isReference));
  return own === undefined || reference === undefined ? variant.name : configurationName(own, reference);
}

/** Decimals that show the first digit of an uncertainty, 3 to 6. */
function digitsOf(halfWidth: number | null): number {
  if (halfWidth === null || halfWidth === 0) return 3;
  return Math.min(6, Math.max(3, Math.ceil(-Math.log10(halfWidth))));
}

function uncertainText({ mean, halfWidth }: Uncertain): string {
  const digits = digitsOf(halfWidth);
  const value = formatNumberDelta(mean, digits);
  return halfWidth === null ? value : `${value} ± ${formatNumber(halfWidth, digits)}`;
}

/** Such as "INT8 InfuseNet: peak −2.4 GiB, identity −0.004 ± 0.006 over 8 seeds." and what follows; null for none. */
export function verdictText(variant: CompareVariant, name: string): string | null {
  const { verdict, peakDelta } = variant;
  if (verdict === null) return null;
  const { pictures, prompts } = verdict;
  const several = prompts > 1;
  const scored = variant.faces.flatMap(({ encoder, conditioned, identityDelta: delta }) =>
    delta === null ? [] : [{ by: encoder, conditioned, delta }],
  );
  const identityDelta = scored[0]?.delta ?? null;
  const facts = [
    peakDelta === null ? t('verdict.no-peak') : t('verdict.peak', { delta: formatBytesDelta(peakDelta) }),
    identityDelta === null ? t('verdict.no-identity') : identityFact(scored, prompts),
  ];
  const unscored = identityDelta === null ? 0 : pictures - identityDelta.count;
  if (unscored > 0) {
    facts.push(t(several ? 'verdict.unscored-pictures' : 'verdict.unscored-seeds', { count: unscored }));
  }
  return sentences([
    t('verdict.line', { name, facts: commas(facts) }),
    ...likenessSentence(scored),
    ...differenceSentence(variant),
  ]);
}

interface ScoredChange {
  readonly by: string;
  readonly conditioned: boolean;
  readonly delta: Uncertain;
}

function identityFact(scored: readonly ScoredChange[], prompts: number): string {
  const value = commas(
    scored.map(({ by, delta }) =>
      scored.length > 1 ? t('verdict.by', { value: uncertainText(delta), encoder: by }) : uncertainText(delta),
    ),
  );
  const count = scored[0]?.delta.count ?? 0;
  return prompts > 1
    ? t('verdict.identity-pictures', { value, count, prompts: t('count.prompts', { count: prompts }) })
    : t('verdict.identity-seeds', { value, count });
}

/** By the encoder that did not condition the pictures, where there is one. */
function likenessSentence(scored: readonly ScoredChange[]): string[] {
  const judge = scored.find(({ conditioned }) => !conditioned) ?? scored[0];
  if (judge === undefined) return [];
  const { mean, halfWidth } = judge.delta;
  if (halfWidth === null) return [t('verdict.one-seed')];
  if (mean === 0 && halfWidth === 0) return [];
  const change = Math.abs(mean) > halfWidth ? (mean > 0 ? 'higher' : 'lower') : 'scatter';
  return [judge.conditioned ? t(`verdict.${change}`) : t(`verdict.${change}-by`, { encoder: judge.by })];
}

function differenceSentence({ flip, floor, verdict }: CompareVariant): string[] {
  if (flip === null || verdict === null) return [];
  const mean = formatNumber(flip.mean, 3);
  const high = formatNumber(floor?.high ?? 0, 3);
  switch (verdict.standing) {
    case 'none':
      return [t('verdict.all-identical')];
    case 'unknown':
      return [t('verdict.flip', { flip: mean })];
    case 'within':
      return [t('verdict.flip-within', { flip: mean, high })];
    case 'above':
      return [
        floor?.high === 0
          ? t('verdict.flip-above-none', { flip: mean })
          : t('verdict.flip-above', { flip: mean, high }),
      ];
  }
}
