/**
 * Reads single rows of an embedding table from the checkpoint: T5's table is 263 MB, and a prompt needs a few dozen
 * rows.
 */
import { AppError } from '../../base/app-error.js';
import { DTYPE_BYTES, type TensorSource } from '../weights/tensor-source.js';
import { decodeToF32 } from '../weights/decode.js';

/**
 * @param ids row indices; repeated ones are read once
 * @returns [ids.length, width] f32
 * @throws AppError weights.missing-tensor, weights.wrong-shape
 */
export async function readTensorRows(
  source: TensorSource,
  name: string,
  ids: readonly number[],
  width: number,
): Promise<Float32Array> {
  const entry = source.entries.get(name);
  if (entry === undefined) {
    throw new AppError('weights.missing-tensor', `The checkpoint has no tensor "${name}".`, {
      remedy: 'It is incomplete or of another model. Download it again.',
    });
  }
  const [rows, columns] = entry.shape;
  if (entry.shape.length !== 2 || rows === undefined || columns !== width) {
    throw new AppError(
      'weights.wrong-shape',
      `"${name}" has shape [${entry.shape.join(', ')}], expected [rows, ${width}].`,
      { remedy: 'The weights and the config.json beside them are of different models.' },
    );
  }
  const rowBytes = width * DTYPE_BYTES[entry.dtype];
  const known = new Map<number, Float32Array>();
  const result = new Float32Array(ids.length * width);
  for (const [position, id] of ids.entries()) {
    if (!Number.isInteger(id) || id < 0 || id >= rows) {
      throw new AppError('weights.wrong-shape', `Token id ${id} is outside the table "${name}" of ${rows} rows.`, {
        remedy: 'The tokenizer and the text encoder are of different models.',
      });
    }
    let row = known.get(id);
    if (row === undefined) {
      row = decodeToF32(entry.dtype, await source.readRange(name, id * rowBytes, rowBytes));
      known.set(id, row);
    }
    result.set(row, position * width);
  }
  return result;
}
