/** Layers in ComfyUI's quantized formats: its metadata says which, `comfy-formats.ts` reads them. */
import type { PackedWeight } from '../packed-source.js';
import { malformed, quoted } from '../weights-error.js';
import { COMFY_FORMATS } from './comfy-formats.js';
import { comfyCarriers, comfyLayers } from './comfy-layers.js';
import { jsonText } from './json-field.js';
import { PackedParts, type Packing } from './packed-parts.js';

const NAME = 'ComfyUI';

export const comfyQuant: Packing = {
  name: NAME,
  find: async (source) => {
    const weights: PackedWeight[] = [];
    for (const [layer, fields] of await comfyLayers(source)) {
      const name = `${layer}.weight`;
      const near = source.entries.get(name) ?? source.entries.get(`${layer}.comfy_quant`);
      if (near === undefined) continue;
      const known = Object.keys(COMFY_FORMATS).join(', ');
      if (typeof fields.format !== 'string') {
        throw malformed(
          near.file,
          `describes ${quoted(layer)} without a format, expected one of ${known}: ${jsonText(fields)}.`,
        );
      }
      const format = Object.hasOwn(COMFY_FORMATS, fields.format) ? COMFY_FORMATS[fields.format] : undefined;
      if (format === undefined) {
        throw malformed(
          near.file,
          `describes ${quoted(layer)} in the format ${jsonText(fields.format)}, expected one of ${known}.`,
        );
      }
      weights.push(format({ source, layer, name, fields, found: new PackedParts(source, fields.format, name, near) }));
    }
    return { weights, hidden: comfyCarriers(source) };
  },
};
