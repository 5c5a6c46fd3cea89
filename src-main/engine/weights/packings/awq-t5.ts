/**
 * nunchaku's T5 (awq-int4-flux.1-t5xxl): for each linear L `L.qweight` int16 [N / 4, K], `L.scales` and `L.scaled_zeros`
 * [groups or more, N], groups of 128 columns; transformers' names.
 *
 * @source nunchaku-tech/nunchaku 3a3cc3d: nunchaku/models/text_encoders/{t5_encoder,linear}.py
 */
import type { PackedWeight } from '../packed-source.js';
import { PackedParts, rowDecoded, type Packing } from './packed-parts.js';
import { TinychatMatrix } from './tinychat-matrix.js';

const ZEROS = '.scaled_zeros';
const GROUP = 128;

export const awqT5: Packing = {
  name: 'AWQ',
  find: (source) => {
    const weights: PackedWeight[] = [];
    for (const zero of source.entries.values()) {
      if (!zero.name.endsWith(ZEROS)) continue;
      const layer = zero.name.slice(0, -ZEROS.length);
      const found = new PackedParts(source, 'AWQ', layer, zero);
      const qweight = found.ofType(found.required(`${layer}.qweight`), 'I16');
      const matrix = new TinychatMatrix(source, found, qweight, found.required(`${layer}.scales`), zero, GROUP);
      weights.push(
        rowDecoded(source, {
          name: `${layer}.weight`,
          type: 'AWQ int4',
          shape: [matrix.n, matrix.k],
          parts: matrix.parts,
          decodeRows: (begin, end) => matrix.rows(begin, end),
        }),
      );
    }
    return { weights };
  },
};
