/**
 * The tensors of one module of a LoRA -> what they change: the layer's weight and its bias. Checks all shapes. Pure.
 *
 * Dimensions: r rank, N rows and K columns of the layer.
 * @source lycoris-lora 4.1.3 modules/*.py; peft 0.21.2 tuners/{lora,loha,lokr}/layer.py; ComfyUI weight_adapter/*.py
 */
import { elementCount, type StoredDelta, type StoredFactor, type TensorEntry } from '../weights/tensor-source.js';
import { quoted } from '../weights/weights-error.js';
import type { Part } from './adapter-keys.js';
import { broken } from './lora-error.js';
import type { TargetRows } from './lora-targets.js';
import { matrix, missing, present, productOf, sized, type ModuleParts } from './module-parts.js';
import type { PeftKind } from './peft-config.js';

/** Factor of a delta: alpha / r. */
export interface Gamma {
  /** One number; null when there is only `scale`. */
  readonly alpha: TensorEntry | null;
  readonly rank: number;
  /** The factor where `alpha` is null. */
  readonly scale: number;
}

/** A delta for rows of weights [N, K], or of vectors [N], whose numbers count as rows. */
export interface Change {
  readonly pieces: readonly TargetRows[];
  readonly n: number;
  readonly k: number;
  readonly delta: StoredDelta;
  /** Null: the delta is added as it is. */
  readonly gamma: Gamma | null;
  /** Norms that DoRA stores for the rows or the columns. */
  readonly magnitude: { readonly values: TensorEntry; readonly axis: 'row' | 'column' } | null;
}

/** Kinds of deltas by their tensors; a module has one. */
const KINDS = {
  LoRA: ['down', 'up'],
  LoHa: ['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b'],
  LoKr: ['lokr_w1', 'lokr_w1_a', 'lokr_w1_b', 'lokr_w2', 'lokr_w2_a', 'lokr_w2_b'],
  GLoRA: ['a1', 'a2', 'b1', 'b2'],
  diff: ['diff'],
  norm: ['w_norm'],
} as const satisfies Readonly<Record<string, readonly Part[]>>;
type Kind = keyof typeof KINDS;
/** Kinds with a rank in PEFT. */
const PEFT_KINDS: Readonly<Partial<Record<Kind, PeftKind>>> = { LoRA: 'LORA', LoHa: 'LOHA', LoKr: 'LOKR' };

/** @throws AppError weights.missing-tensor, weights.wrong-shape, weights.malformed */
export function changesOf(module: ModuleParts): Change[] {
  const { parts, file } = module;
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => KINDS[kind].some((part) => parts.has(part)));
  if (kinds.length > 1) {
    throw broken(
      'weights.malformed',
      file,
      `has ${quoted(module.name)} as ${kinds.join(' and as ')}, expected one of them`,
    );
  }
  const [kind] = kinds;
  const weight = kind === undefined ? null : weightChange(kind, module);
  const bias = biasChange(module, weight?.gamma ?? null);
  const changes = [...(weight === null ? [] : [weight]), ...(bias === null ? [] : [bias])];
  if (changes.length > 0) return changes;
  const [rest] = parts.values();
  throw missing(module, rest?.name ?? module.name);
}

function weightChange(kind: Kind, module: ModuleParts): Change {
  const { target, file } = module;
  const { pieces, n, k } = target;
  if (target.isNorm && kind !== 'norm' && kind !== 'diff') {
    throw broken('weights.malformed', file, `has a ${kind} for ${quoted(module.name)}, which is a norm`);
  }
  const magnitude = magnitudeOf(kind, module);
  const change = (delta: StoredDelta, gamma: Gamma | null): Change => ({ pieces, n, k, delta, gamma, magnitude });
  switch (kind) {
    case 'LoRA': {
      const product = productOf(module, 'up', 'down', n, k);
      return change({ kind: 'low-rank', product }, gammaOf(kind, module, product.right.rows));
    }
    case 'LoHa': {
      const first = productOf(module, 'hada_w1_a', 'hada_w1_b', n, k);
      const second = productOf(module, 'hada_w2_a', 'hada_w2_b', n, k);
      return change({ kind: 'hadamard', first, second }, gammaOf(kind, module, first.right.rows));
    }
    case 'LoKr':
      return kroneckerChange(module, change);
    case 'GLoRA':
      return generalizedChange(module, change);
    case 'diff':
    case 'norm': {
      const part = kind === 'diff' ? 'diff' : 'w_norm';
      if (part === 'w_norm' && !target.isNorm) {
        throw broken(
          'weights.malformed',
          file,
          `has ${quoted(present(module, part).name)} for a layer that is no norm`,
        );
      }
      return change({ kind: 'whole', values: sized(module, present(module, part), n, k) }, null);
    }
  }
}

/**
 * LyCORIS: alpha / r only where a factor is a product. PEFT: always.
 */
function kroneckerChange(module: ModuleParts, change: (delta: StoredDelta, gamma: Gamma | null) => Change): Change {
  const { n, k } = module.target;
  const first = factorOf(module, 'lokr_w1');
  const second = factorOf(module, 'lokr_w2');
  const [a, b] = sizeOf(first);
  const [c, d] = sizeOf(second);
  if (a * c !== n || b * d !== k) {
    throw broken(
      'weights.wrong-shape',
      module.file,
      `has factors of [${a}, ${b}] and [${c}, ${d}] for ${quoted(module.name)}, whose product is [${a * c}, ${b * d}], expected [${n}, ${k}]`,
    );
  }
  // The second factor's rank is the one that counts where both have one.
  const rank = [first, second].reduce<number | null>(
    (last, factor) => ('left' in factor ? factor.right.rows : last),
    null,
  );
  const gamma = rank === null && module.parts.has('alpha') ? null : gammaOf('LoKr', module, rank);
  return change({ kind: 'kronecker', first, second }, gamma);
}

function generalizedChange(module: ModuleParts, change: (delta: StoredDelta, gamma: Gamma | null) => Change): Change {
  const { n, k } = module.target;
  const [b1, b2] = [matrix(present(module, 'b1')), matrix(present(module, 'b2'))];
  // The older layout has the products the other way around, and no alpha. @source ComfyUI weight_adapter/glora.py
  const isOld = b1.columns === k && b2.rows === n && !(b1.rows === n && b2.columns === k);
  if (isOld) {
    const output = productOf(module, 'b2', 'b1', n, k);
    const input = productOf(module, 'a2', 'a1', k, k);
    return change({ kind: 'generalized', input, output }, null);
  }
  const output = productOf(module, 'b1', 'b2', n, k);
  const input = productOf(module, 'a1', 'a2', k, k);
  return change({ kind: 'generalized', input, output }, gammaOf('GLoRA', module, input.right.rows));
}

function biasChange(module: ModuleParts, gamma: Gamma | null): Change | null {
  const { parts, target, file, name } = module;
  const given = (['bias', 'diff_b', 'b_norm'] as const).filter((part) => parts.has(part));
  const [part, other] = given;
  if (part === undefined) return null;
  const entry = present(module, part);
  if (other !== undefined) {
    throw broken(
      'weights.malformed',
      file,
      `has both ${quoted(entry.name)} and ${quoted(present(module, other).name)}`,
    );
  }
  if (target.bias === null) {
    throw broken('weights.malformed', file, `has ${quoted(entry.name)}, but ${quoted(name)} has no bias in FLUX`);
  }
  const values = sized(module, entry, target.n, 1);
  const shape = { pieces: target.bias, n: target.n, k: 1, magnitude: null };
  return { ...shape, delta: { kind: 'whole', values }, gamma: part === 'bias' ? gamma : null };
}

function magnitudeOf(kind: Kind, module: ModuleParts): Change['magnitude'] {
  const values = module.parts.get('magnitude');
  if (values === undefined) return null;
  const { file, target } = module;
  if (!['LoRA', 'LoHa', 'LoKr'].includes(kind)) {
    throw broken(
      'weights.malformed',
      file,
      `has ${quoted(values.name)} beside a ${kind}, expected a LoRA, LoHa or LoKr`,
    );
  }
  const { n, k } = target;
  const { rows, columns } = matrix(values);
  if (rows === n && columns === 1) return { values, axis: 'row' };
  if (rows === 1 && columns === k) return { values, axis: 'column' };
  throw broken(
    'weights.wrong-shape',
    file,
    `has ${quoted(values.name)} of [${values.shape.join(', ')}], expected [${n}, 1] or [1, ${k}]`,
  );
}

/** @param rank null where the tensors do not show it */
function gammaOf(kind: Kind, { parts, config, module, file }: ModuleParts, rank: number | null): Gamma {
  const alpha = parts.get('alpha') ?? null;
  if (alpha !== null) {
    if (elementCount(alpha.shape) !== 1) {
      const shape = alpha.shape.join(', ');
      throw broken('weights.wrong-shape', file, `has ${quoted(alpha.name)} of [${shape}], expected one number`);
    }
    return { alpha, rank: rank ?? 1, scale: 1 };
  }
  if (config === null) return { alpha, rank: rank ?? 1, scale: 1 };
  const expected = PEFT_KINDS[kind];
  if (expected !== config.kind) {
    throw broken(
      'weights.malformed',
      file,
      `has a ${kind} for ${quoted(module)}, but its configuration is of ${config.kind}`,
    );
  }
  return { alpha, rank: rank ?? 1, scale: config.scaleOf(module, rank) };
}

function factorOf(module: ModuleParts, part: 'lokr_w1' | 'lokr_w2'): StoredFactor {
  const whole = module.parts.get(part);
  const left = module.parts.get(`${part}_a`);
  const right = module.parts.get(`${part}_b`);
  if (whole !== undefined) {
    if (left === undefined && right === undefined) return matrix(whole);
    throw broken('weights.malformed', module.file, `has ${quoted(whole.name)} whole and as a product`);
  }
  return productOf(module, `${part}_a`, `${part}_b`, null, null);
}

function sizeOf(factor: StoredFactor): readonly [rows: number, columns: number] {
  return 'left' in factor ? [factor.left.rows, factor.right.columns] : [factor.rows, factor.columns];
}
