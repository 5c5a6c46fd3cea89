/**
 * The header of a LoRA file -> what it changes, module by module. Reads the layouts of PEFT and diffusers, kohya,
 * OneTrainer, ai-toolkit, XLabs, SimpleTuner and ComfyUI. Pure; reads no values.
 *
 * Dimensions: r rank, N rows and K columns of the layer.
 */
import type { TensorDtype, TensorEntry } from '../weights/tensor-source.js';
import { quoted } from '../weights/weights-error.js';
import { foreignPart, rolesOf, unreadKind, type ForeignPart, type Part, type Role } from './adapter-keys.js';
import { changesOf, type Change } from './lora-changes.js';
import { broken, nothingForFlux, unknownTensors, unreadKindError } from './lora-error.js';
import type { LoraTargets } from './lora-targets.js';
import type { PeftConfig } from './peft-config.js';

/** What a LoRA does to one layer. */
export interface LoraModule {
  /** The file's name for it, without `lora_A` and the like, with `_` for `.`. */
  readonly name: string;
  readonly changes: readonly Change[];
  /** Its tensors. */
  readonly tensors: readonly string[];
}

export interface ParsedLora {
  readonly modules: readonly LoraModule[];
  /** Names of tensors of other networks, which are left out. */
  readonly leftOut: Readonly<Record<ForeignPart, readonly string[]>>;
  /** Whether PEFT's layout needs a configuration that is nowhere: alpha is then taken as r. */
  readonly assumesAlpha: boolean;
}

const FLOATS: readonly TensorDtype[] = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'];
const INTEGERS: readonly TensorDtype[] = ['I64', 'I32', 'I16', 'I8', 'U8'];
/** Only PEFT's own files name the model that it wraps. */
const PEFT_PREFIX = 'base_model.model.';

export function isPeftLayout(entries: ReadonlyMap<string, TensorEntry>): boolean {
  return [...entries.keys()].some((name) => name.startsWith(PEFT_PREFIX));
}

/**
 * @param config of PEFT, for modules without an alpha
 * @param file for messages
 * @throws AppError weights.unexpected-tensor for tensors that match no layer and for kinds that are not read, listing
 * them; weights.missing-tensor for half a pair; weights.wrong-shape, weights.unsupported-dtype, weights.malformed
 */
export function parseLora(
  entries: ReadonlyMap<string, TensorEntry>,
  targets: LoraTargets,
  config: PeftConfig | null,
  file: string,
): ParsedLora {
  const leftOut = { 'text-encoder': [] as string[], embedding: [] as string[] };
  const unknown: string[] = [];
  const found = new Map<string, Found>();
  for (const entry of entries.values()) {
    const role = rolesOf(entry.name).find(({ key }) => targets.has(key));
    if (role !== undefined) addPart(found, role, entry, file);
    else {
      const foreign = foreignPart(entry.name);
      (foreign === null ? unknown : leftOut[foreign]).push(entry.name);
    }
  }
  refuseControl(entries, found, targets, file);
  refuseUnread(unknown, file);
  if (unknown.length > 0) throw unknownTensors(file, unknown, entries.size);
  if (found.size === 0) throw nothingForFlux(file, Object.values(leftOut).flat());

  let assumesAlpha = false;
  const modules: LoraModule[] = [];
  for (const [name, { module, parts }] of found) {
    const target = targets.get(name);
    if (target === undefined) continue;
    const changes = changesOf({ name, module, parts, target, config, file });
    modules.push({ name, changes, tensors: [...parts.values()].map((entry) => entry.name) });
    const scaled = changes.some(({ gamma }) => gamma !== null);
    if (scaled && config === null && !parts.has('alpha')) assumesAlpha ||= isPeftLayout(entries);
  }
  return { modules, leftOut, assumesAlpha };
}

/** The tensors of a module. */
interface Found {
  readonly module: string;
  readonly parts: Map<Part, TensorEntry>;
}

function addPart(found: Map<string, Found>, { key, module, part }: Role, entry: TensorEntry, file: string): void {
  const known = found.get(key) ?? { module, parts: new Map<Part, TensorEntry>() };
  const previous = known.parts.get(part);
  if (previous !== undefined) {
    throw broken('weights.malformed', file, `has both ${quoted(previous.name)} and ${quoted(entry.name)}`);
  }
  const allowed = part === 'alpha' ? [...FLOATS, ...INTEGERS] : FLOATS;
  if (!allowed.includes(entry.dtype)) {
    throw broken('weights.unsupported-dtype', file, `has ${quoted(entry.name)} as ${entry.dtype}, expected a float`);
  }
  known.parts.set(part, entry);
  found.set(key, known);
}

/**
 * The control LoRAs of FLUX.1 Canny and Depth give the image's input twice the columns, for a control picture.
 * @source ComfyUI lora_convert.py
 */
function refuseControl(
  entries: ReadonlyMap<string, TensorEntry>,
  found: ReadonlyMap<string, Found>,
  targets: LoraTargets,
  file: string,
): void {
  const signs = ['img_in', 'x_embedder'].flatMap((key) => {
    const down = found.get(key)?.parts.get('down');
    const k = targets.get(key)?.k;
    return down !== undefined && k !== undefined && down.shape[1] === 2 * k ? [down.name] : [];
  });
  const norms = [...entries.keys()].filter((name) => /\bimg_in\.lora_A\b|_norm\.scale$/.test(name));
  const whole = norms.some((name) => name.endsWith('_norm.scale')) && norms.some((name) => name.includes('img_in'));
  if (signs.length === 0 && !whole) return;
  throw unreadKindError(
    file,
    'a control LoRA (FLUX.1 Canny or Depth): it doubles the columns of img_in for a control picture',
    [...new Set([...signs, ...norms])],
    'This app has no control picture of that kind; use a style or subject LoRA, and InfuseNet’s own pose picture.',
  );
}

function refuseUnread(unknown: readonly string[], file: string): void {
  for (const name of unknown) {
    const kind = unreadKind(name);
    if (kind === null) continue;
    throw unreadKindError(
      file,
      kind,
      unknown.filter((other) => unreadKind(other) === kind),
    );
  }
}
