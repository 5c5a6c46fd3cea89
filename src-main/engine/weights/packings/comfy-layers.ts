/**
 * Which layers ComfyUI's quantization metadata describes, and how. Two carriers hold the same: a byte tensor
 * `L.comfy_quant` with JSON for each layer L, and JSON for all layers in the header's `_quantization_metadata`, whose
 * names may have or lack the prefix of a wrapped model.
 *
 * @source Comfy-Org/ComfyUI 0271a46: QUANTIZATION.md, comfy/utils.py (convert_old_quants), comfy/ops.py
 * (_load_quantized_module)
 */
import type { TensorSource } from '../tensor-source.js';
import { malformed, quoted } from '../weights-error.js';
import { isObject, jsonText, parseFields, parseTensorFields, type JsonFields } from './json-field.js';

const SUFFIX = '.comfy_quant';
const METADATA = '_quantization_metadata';
/** Bytes of a layer's JSON; real ones have some 100. */
const MAX_JSON_BYTES = 4096;

/** Prefixes of wrapped models. */
const WRAPPERS = ['model.diffusion_model.', 'diffusion_model.', 'model.model.', 'model.', 'net.', 'transformer.'];

/** The description of each layer. @throws AppError weights.malformed, weights.unreadable */
export async function comfyLayers(source: TensorSource): Promise<ReadonlyMap<string, JsonFields>> {
  const layers = new Map(metadataLayers(source));
  for (const entry of source.entries.values()) {
    if (!entry.name.endsWith(SUFFIX)) continue;
    const layer = entry.name.slice(0, -SUFFIX.length);
    if (entry.dtype !== 'U8' || entry.byteLength > MAX_JSON_BYTES) {
      throw malformed(
        entry.file,
        `has ${entry.byteLength} bytes of ${entry.dtype} in ${quoted(entry.name)}, expected some hundred of U8.`,
      );
    }
    const fields = parseTensorFields(await source.readBytes(entry.name), entry);
    const other = layers.get(layer);
    if (other !== undefined && other.format !== fields.format) {
      throw malformed(
        entry.file,
        `describes ${quoted(layer)} as ${jsonText(fields.format)} in ${quoted(entry.name)} and as ${jsonText(other.format)} in ${METADATA}.`,
      );
    }
    if (other === undefined) layers.set(layer, fields);
  }
  return layers;
}

/** Tensors that carry descriptions. */
export function comfyCarriers(source: TensorSource): string[] {
  return [...source.entries.keys()].filter((name) => name.endsWith(SUFFIX));
}

/** Layers of the header's metadata under their names in the file. Layers that the file does not have are left out. */
function metadataLayers(source: TensorSource): ReadonlyMap<string, JsonFields> {
  const layers = new Map<string, JsonFields>();
  const text = source.metadata[METADATA];
  const file = source.entries.values().next().value?.file;
  if (text === undefined || file === undefined) return layers;
  const described = parseFields(text, file, METADATA).layers;
  if (!isObject(described)) {
    throw malformed(file, `has the layers ${jsonText(described)} in ${METADATA}, expected a JSON object.`);
  }
  for (const [written, value] of Object.entries(described)) {
    const layer = nameInFile(source, written, file);
    if (layer !== null) layers.set(layer, fieldsOf(value, written, file));
  }
  return layers;
}

/** Some tools write only the format. */
function fieldsOf(value: unknown, layer: string, file: string): JsonFields {
  if (typeof value === 'string') return { format: value };
  if (isObject(value)) return value;
  throw malformed(file, `describes ${quoted(layer)} as ${jsonText(value)} in ${METADATA}, expected a JSON object.`);
}

function nameInFile(source: TensorSource, written: string, file: string): string | null {
  const candidates = [
    written,
    ...WRAPPERS.map((prefix) => prefix + written),
    ...WRAPPERS.filter((prefix) => written.startsWith(prefix)).map((prefix) => written.slice(prefix.length)),
  ].filter((candidate) => source.entries.has(`${candidate}.weight`));
  if (candidates.length > 1) {
    throw malformed(
      file,
      `describes ${quoted(written)} in ${METADATA}, which may be ${quoted(`${candidates[0]}.weight`)} or ${quoted(`${candidates[1]}.weight`)}.`,
    );
  }
  return candidates[0] ?? null;
}
