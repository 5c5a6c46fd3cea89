/**
 * The header of a LoRA file -> the tensors of each module. Reads the key forms of PEFT and diffusers, kohya and XLabs.
 * Pure; reads no values.
 *
 * Dimensions: r rank, N rows and K columns of the weight; A is [r, K], B is [N, r].
 */
import { AppError } from '../../base/app-error.js';
import type { TensorDtype, TensorEntry } from '../weights/tensor-source.js';
import { quoted } from '../weights/weights-error.js';
import { flattened, type LoraTarget, type LoraTargets } from './lora-targets.js';
import { peftScale } from './peft-metadata.js';

/** One product B·A and its target. */
export interface LoraModule {
  /** The file's name for it, without `lora_A` and the like. */
  readonly name: string;
  /** Tensor names of A and B. */
  readonly down: string;
  readonly up: string;
  /** Tensor with alpha; null when there is only `scale`. */
  readonly alpha: string | null;
  readonly rank: number;
  /** Factor of B·A where `alpha` is null; else the factor is alpha / r. */
  readonly scale: number;
  readonly target: LoraTarget;
}

export interface ParsedLora {
  readonly modules: readonly LoraModule[];
  /** Tensors that fit no LoRA of this network, in file order. */
  readonly unknown: readonly string[];
}

const FLOATS: readonly TensorDtype[] = ['F32', 'F16', 'BF16'];
const PREFIX =
  /^(?:base_model\.model\.)?(?:transformer\.|diffusion_model\.|model\.diffusion_model\.|lora_unet_|lora_transformer_)?/;
const FACTOR = /^(.+?)\.(?:lora_(A|B|down|up)|lora\.(down|up)|(down|up))(?:\.default(?:_\d+)?)?\.weight$/;
const ALPHA = /^(.+)\.alpha$/;

interface Found {
  down?: TensorEntry;
  up?: TensorEntry;
  alpha?: TensorEntry;
}

/**
 * @param file for messages
 * @throws AppError weights.missing-tensor for half a pair, weights.wrong-shape, weights.unsupported-dtype,
 * weights.malformed for two tensors with the same role
 */
export function parseLora(
  entries: ReadonlyMap<string, TensorEntry>,
  metadata: Readonly<Record<string, string>>,
  targets: LoraTargets,
  file: string,
): ParsedLora {
  const unknown: string[] = [];
  const found = new Map<string, Found>();
  for (const entry of entries.values()) {
    const role = roleOf(entry.name);
    if (role === null || !targets.has(role.module)) {
      unknown.push(entry.name);
      continue;
    }
    const module = found.get(role.module) ?? {};
    const previous = module[role.part];
    if (previous !== undefined) {
      throw broken('weights.malformed', file, `has both ${quoted(previous.name)} and ${quoted(entry.name)}`);
    }
    if (!FLOATS.includes(entry.dtype)) {
      throw broken('weights.unsupported-dtype', file, `has ${quoted(entry.name)} as ${entry.dtype}, expected a float`);
    }
    module[role.part] = entry;
    found.set(role.module, module);
  }
  const modules: LoraModule[] = [];
  for (const [key, parts] of found) {
    const target = targets.get(key);
    if (target !== undefined) modules.push(moduleOf(key, parts, target, metadata, file));
  }
  return { modules, unknown };
}

function roleOf(name: string): { readonly module: string; readonly part: keyof Found } | null {
  const bare = name.replace(PREFIX, '');
  const alpha = ALPHA.exec(bare)?.[1];
  if (alpha !== undefined) return { module: flattened(alpha), part: 'alpha' };
  const [, module, ...letters] = FACTOR.exec(bare) ?? [];
  if (module === undefined) return null;
  const letter = letters.find((candidate) => candidate !== undefined);
  return { module: flattened(module), part: letter === 'A' || letter === 'down' ? 'down' : 'up' };
}

function moduleOf(
  key: string,
  { down, up, alpha }: Found,
  target: LoraTarget,
  metadata: Readonly<Record<string, string>>,
  file: string,
): LoraModule {
  if (down === undefined || up === undefined) {
    const half = down ?? up ?? alpha;
    throw broken('weights.missing-tensor', file, `has ${quoted(half?.name ?? key)} but not the rest of its pair`);
  }
  const [rank, k] = down.shape;
  const [n, upRank] = up.shape;
  const fits = down.shape.length === 2 && up.shape.length === 2 && rank === upRank && n === target.n && k === target.k;
  if (!fits || rank === undefined || rank === 0) {
    throw broken(
      'weights.wrong-shape',
      file,
      `has ${quoted(down.name)} of [${down.shape.join(', ')}] and ${quoted(up.name)} of [${up.shape.join(', ')}], expected [r, ${target.k}] and [${target.n}, r]`,
    );
  }
  if (alpha !== undefined && alpha.shape.some((dim) => dim !== 1)) {
    throw broken(
      'weights.wrong-shape',
      file,
      `has ${quoted(alpha.name)} of [${alpha.shape.join(', ')}], expected one number`,
    );
  }
  return {
    name: key,
    down: down.name,
    up: up.name,
    alpha: alpha?.name ?? null,
    rank,
    scale: peftScale(metadata, down.name, rank, file),
    target,
  };
}

function broken(
  code: 'weights.malformed' | 'weights.missing-tensor' | 'weights.wrong-shape' | 'weights.unsupported-dtype',
  file: string,
  problem: string,
): AppError {
  return new AppError(code, `The LoRA ${file} ${problem}.`, {
    remedy: 'Use a LoRA that was trained for FLUX.1, or download it again.',
    details: { file },
  });
}
