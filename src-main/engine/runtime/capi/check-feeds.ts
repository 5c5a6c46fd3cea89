/** Checks a run's tensors against what the session says of itself, before any native call. */
import type { Feeds } from '../binding.js';
import { elementsOf, FLOAT, type TensorInfo } from './tensor-info.js';

/**
 * @param held names of the inputs that earlier calls gave
 * @throws Error naming the tensor with found and expected
 */
export function checkFeeds(inputs: readonly TensorInfo[], feeds: Feeds, held: ReadonlySet<string>): void {
  checkHeld(inputs, feeds);
  const missing = inputs.find(({ name }) => feeds[name] === undefined && !held.has(name));
  if (missing !== undefined) throw new Error(`input '${missing.name}' is missing in 'feeds'.`);
}

/** The same for a part of the inputs. */
export function checkHeld(inputs: readonly TensorInfo[], feeds: Feeds): void {
  for (const [name, { data, dims }] of Object.entries(feeds)) {
    const info = known(inputs, name, 'input');
    const fits =
      dims.length === info.dims.length && dims.every((size, i) => info.dims[i] === -1 || info.dims[i] === size);
    if (!fits) {
      throw new Error(
        `Got invalid dimensions for input: ${name}. Got: [${dims.join(', ')}] Expected: [${info.dims.join(', ')}]`,
      );
    }
    if (!(data instanceof Float32Array)) throw new Error(`The data of input ${name} is not a Float32Array.`);
    if (dims.some((size) => !Number.isSafeInteger(size) || size < 0) || data.length !== elementsOf(dims)) {
      throw new Error(`Tensor's size(${elementsOf(dims)}) does not match data length(${data.length}): input ${name}.`);
    }
  }
}

/** @returns the infos of the requested outputs, in their order */
export function checkOutputs(outputs: readonly TensorInfo[], names: readonly string[]): TensorInfo[] {
  return [...new Set(names)].map((name) => known(outputs, name, 'output'));
}

function known(infos: readonly TensorInfo[], name: string, kind: 'input' | 'output'): TensorInfo {
  const info = infos.find((one) => one.name === name);
  if (info === undefined) {
    throw new Error(`'${name}' is no ${kind} of the model; it has ${infos.map((one) => one.name).join(', ')}.`);
  }
  if (info.elementType !== FLOAT) {
    throw new Error(`Unexpected data type of ${kind} ${name}: (${info.elementType}), expected: (tensor(float))`);
  }
  return info;
}
