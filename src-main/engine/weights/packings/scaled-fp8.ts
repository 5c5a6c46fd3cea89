/**
 * fp8 with a scale for each layer, as ComfyUI wrote it before its quantization metadata: `L.weight` in fp8,
 * `L.scale_weight` a number (other tools call it `L.weight_scale`), perhaps `L.scale_input` for activations, and an empty
 * tensor `scaled_fp8` at the root of the model. Other layers are ordinary.
 *
 * @source comfyanonymous/ComfyUI a125cd8: comfy/model_detection.py, comfy/ops.py (scaled_fp8_ops)
 */
import { scaleRows } from '../../quant/packings/scaled-rows.js';
import { byteFloatValues } from '../decode.js';
import type { PackedWeight } from '../packed-source.js';
import { elementCount, type TensorDtype, type TensorEntry, type TensorSource } from '../tensor-source.js';
import { malformed, quoted } from '../weights-error.js';
import { readRowScales, scaledLayout, scaledRows } from './scaled-rows.js';
import { FACTORS, PackedParts, readValues, rowDecoded, type Claimed, type Packing } from './packed-parts.js';

const MARKER = 'scaled_fp8';
/** Models of a file that may be marked: FLUX and its text encoders are three. */
const MAX_ROOTS = 16;
const SCALE = '.scale_weight';
const OTHER_SCALE = '.weight_scale';
const FP8 = ['F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'] as const satisfies readonly TensorDtype[];

export const scaledFp8: Packing = {
  name: 'scaled fp8',
  find: (source, claimed) => {
    const weights: PackedWeight[] = [];
    const hidden: string[] = [];
    const roots: string[] = [];
    for (const { name } of source.entries.values()) {
      if (name === MARKER || name.endsWith(`.${MARKER}`)) {
        roots.push(name.slice(0, -MARKER.length));
        hidden.push(name);
      } else if (name.endsWith('.scale_input')) {
        hidden.push(name);
      } else if (name.endsWith(SCALE) || name.endsWith(OTHER_SCALE)) {
        const layer = name.slice(0, -SCALE.length);
        const weight = claimed.has(name) ? null : openWeight(source, layer, name);
        if (weight !== null) weights.push(weight);
      }
    }
    checkScales(source, weights, roots, claimed);
    return { weights, hidden };
  },
};

/** Null for a scale of another packing. */
function openWeight(source: TensorSource, layer: string, scaleName: string): PackedWeight | null {
  const name = `${layer}.weight`;
  const scale = source.entries.get(scaleName) as TensorEntry;
  const weight = source.entries.get(name);
  const isNarrow = weight !== undefined && isFp8(weight.dtype);
  const isFactor = FACTORS.some((dtype) => dtype === scale.dtype);
  if (scaleName.endsWith(OTHER_SCALE)) {
    const count = elementCount(scale.shape);
    if (!isNarrow || !isFactor || (count !== 1 && count !== weight.shape[0])) return null;
    if (source.entries.has(layer + SCALE)) {
      throw malformed(scale.file, `has ${quoted(layer + SCALE)} and ${quoted(scaleName)}, expected one of them.`);
    }
  }
  const found = new PackedParts(source, 'scaled fp8', name, scale);
  const stored = found.ofType(found.required(name), ...FP8, ...FACTORS);
  found.ofType(scale, ...FACTORS);
  const n = stored.shape[0] ?? 0;
  const k = elementCount(stored.shape.slice(1));
  if (n * k === 0) throw found.broken('has no values');
  if (elementCount(scale.shape) !== 1) found.ofCount(scale, n);
  const inputScale = found.optional(`${layer}.input_scale`);
  return rowDecoded(source, {
    name,
    type: `${stored.dtype} scaled`,
    shape: stored.shape,
    parts: [stored, scale],
    ignored: inputScale === undefined ? [] : [inputScale],
    ...(stored.shape.length === 2 ? scaledLayout(source, stored, scale, n) : {}),
    decodeRows: async (begin, end) => {
      if (isFp8(stored.dtype)) {
        return scaledRows(source, stored, byteFloatValues(stored.dtype), scale, begin, end, k);
      }
      const values = await readValues(source, stored, begin * k, end * k);
      scaleRows(values, await readRowScales(source, scale, begin, end), end - begin, k);
      return values;
    },
  });
}

/** Without its scale, an fp8 weight of a scaled model is noise. */
function checkScales(
  source: TensorSource,
  weights: readonly PackedWeight[],
  roots: readonly string[],
  claimed: Claimed,
): void {
  if (roots.length === 0) return;
  if (roots.length > MAX_ROOTS) {
    const { file } = source.entries.values().next().value as TensorEntry;
    throw malformed(
      file,
      `has ${roots.length} tensors called "${MARKER}", expected one a model and at most ${MAX_ROOTS}.`,
    );
  }
  const scaled = new Set(weights.map(({ entry }) => entry.name));
  for (const { name, dtype, shape, file } of source.entries.values()) {
    if (!isFp8(dtype) || shape.length < 2 || !name.endsWith('.weight')) continue;
    if (scaled.has(name) || claimed.has(name)) continue;
    const layer = name.slice(0, -'.weight'.length);
    const root = roots.find((prefix) => name.startsWith(prefix));
    if (root !== undefined) {
      throw malformed(
        file,
        `marks its fp8 weights as scaled by ${quoted(root + MARKER)}, but lacks ${quoted(layer + SCALE)} for ${quoted(name)}.`,
      );
    }
  }
}

function isFp8(dtype: TensorDtype): dtype is (typeof FP8)[number] {
  return FP8.some((narrow) => narrow === dtype);
}
