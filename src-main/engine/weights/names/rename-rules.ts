/**
 * Names of a network's modules in other layouts than diffusers' and transformers', as data, and how rows of fused
 * weights divide. Pure.
 *
 * A rule stands for the module's `weight` and `bias`. In `from`, `#` stands for a block's index; in `to`, `#` is the same
 * index and `~` the index counted from the last block.
 */

export interface RenameRule {
  readonly from: string;
  /** Several names share the rows, in this order. */
  readonly to: string | readonly string[];
  /**
   * Rows of each name: `equal` parts, or as many as the network is wide for all but the last, which has the rest.
   * Only for rules with several names.
   */
  readonly rows?: 'equal' | 'width';
  /** The two halves of the rows change places. */
  readonly halves?: 'swapped';
  /** Last part of the tensor's own name, where it is another than ours. */
  readonly own?: { readonly from: string; readonly to: string };
  /** A 1×1 convolution [N, K, 1, 1] that is a matrix [N, K] here. */
  readonly squeezed?: true;
}

/** The place of a tensor of ours in a tensor of another layout. */
export interface Renamed {
  readonly name: string;
  readonly from: string;
  /** Rows [first, first + count) of it; null: all. */
  readonly rows: { readonly first: number; readonly count: number } | null;
  readonly halves: 'kept' | 'swapped';
  readonly shape: readonly number[];
}

export interface RenameInput {
  /** Name without the prefix of its part. */
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * @param tensors of one part
 * @param width of the network's token stream, for rules with `rows: 'width'`
 * @returns our tensors, and the names that no rule knows
 */
export function rename(
  tensors: readonly RenameInput[],
  rules: readonly RenameRule[],
  width: number,
): { readonly renamed: readonly Renamed[]; readonly unknown: readonly string[] } {
  const matchers = rules.map((rule) => ({ rule, pattern: patternOf(rule) }));
  const matched = tensors.map(({ name, shape }) => ({ name, shape, found: match(matchers, name) }));
  const levels = matched.flatMap(({ found }) =>
    found === null || !countsBack(found.rule) ? [] : [found.indices[0] ?? 0],
  );
  const last = levels.reduce((most, level) => Math.max(most, level), 0);
  const renamed: Renamed[] = [];
  const unknown: string[] = [];
  for (const { name, shape, found } of matched) {
    const parts = found === null ? null : divide(found, name, shape, width, last);
    if (parts === null) unknown.push(name);
    else renamed.push(...parts);
  }
  return { renamed, unknown };
}

interface Match {
  readonly rule: RenameRule;
  readonly indices: readonly number[];
  /** `.weight` or `.bias` of ours. */
  readonly tail: string;
}

function patternOf({ from, own }: RenameRule): RegExp {
  const escaped = from.replaceAll('.', '\\.').replaceAll('#', '(\\d{1,4})');
  const tail = own === undefined ? '(\\.weight|\\.bias)' : `(\\.weight|\\.${own.from})`;
  return new RegExp(`^${escaped}${tail}$`);
}

function match(
  matchers: readonly { readonly rule: RenameRule; readonly pattern: RegExp }[],
  name: string,
): Match | null {
  for (const { rule, pattern } of matchers) {
    const found = pattern.exec(name);
    if (found === null) continue;
    const groups = found.slice(1);
    const tail = rule.own === undefined ? (groups.at(-1) ?? '') : `.${rule.own.to}`;
    return { rule, indices: groups.slice(0, -1).map(Number), tail };
  }
  return null;
}

/** Whether the first index of ours is counted from the last block. */
function countsBack({ to }: RenameRule): boolean {
  return typeof to === 'string' && to.includes('~');
}

/** Null when the rows cannot be divided so. */
function divide(
  found: Match,
  name: string,
  shape: readonly number[],
  width: number,
  last: number,
): readonly Renamed[] | null {
  const { rule, tail } = found;
  const [n = 1, ...others] = shape;
  const ours = (to: string): string => {
    let at = 0;
    return (
      to.replace(/[#~]/g, (sign) => {
        const index = found.indices[at++] ?? 0;
        return String(sign === '#' ? index : last - index);
      }) + tail
    );
  };
  if (typeof rule.to === 'string') {
    const squeezed = rule.squeezed === true && shape.length === 4 && shape[2] === 1 && shape[3] === 1;
    const own = squeezed ? shape.slice(0, 2) : shape;
    return [{ name: ours(rule.to), from: name, rows: null, halves: rule.halves ?? 'kept', shape: own }];
  }
  const counts = rule.to.map((_, i) => {
    if (rule.rows !== 'width') return n / rule.to.length;
    return i < rule.to.length - 1 ? width : n - width * (rule.to.length - 1);
  });
  if (!counts.every((count) => Number.isInteger(count) && count > 0)) return null;
  let first = 0;
  return rule.to.map((to, i) => {
    const count = counts[i] as number;
    const part: Renamed = {
      name: ours(to),
      from: name,
      rows: { first, count },
      halves: 'kept',
      shape: [count, ...others],
    };
    first += count;
    return part;
  });
}
