/** Places in memory instead of files. */
import type { StoredMatrix, StoredValues } from '../../../../src-main/engine/weights/tensor-source.js';
import type { ValueStore } from '../../../../src-main/engine/weights/value-reader.js';

/** Numbers that are named instead of lying in files. */
export class MemoryStore implements ValueStore {
  readonly #values = new Map<string, Float32Array>();

  put(rows: number, columns: number, values: ArrayLike<number>): StoredMatrix {
    const file = `${this.#values.size}`;
    this.#values.set(file, Float32Array.from(values));
    return { file, byteOffset: 0, dtype: 'F32', rows, columns };
  }

  read({ file }: StoredValues, first: number, count: number): Float32Array {
    const found = this.#values.get(file)?.subarray(first, first + count);
    if (found?.length !== count) throw new Error(`read beyond the end of ${file}`);
    return found;
  }
}
