/** The engine's measured errors of layers, for the page. */
import type { QuantizedComponent } from '../../contract/formats.js';
import type { WeightErrorMap } from '../../contract/pack.js';
import type { OutputErrors, WeightErrorsResult } from '../../engine/protocol.js';

export function errorMap(
  component: QuantizedComponent,
  { layers, overall }: Pick<WeightErrorsResult | OutputErrors, 'layers' | 'overall'>,
): WeightErrorMap {
  return {
    component,
    layers: layers.map(({ name, shape: [n, k], errors }) => ({ name, weights: n * k, errors: { ...errors } })),
    overall: { ...overall },
  };
}
