/** A session's tensors, over the caller's memory. */
import { defined } from '../../../base/assert.js';
import type { Feeds } from '../binding.js';
import { POINTER_BYTES, type NativeScope, readFloats, readPointers, withScope, type Pointer } from './native-memory.js';
import type { OrtLibrary } from './ort-library.js';
import { elementsOf, FLOAT, shapeOf, type TensorInfo } from './tensor-info.js';

type Results = Record<string, Float32Array>;

/** Tensors over the caller's arrays. On a GPU binding an input copies it there, and it stays until it is bound anew. */
export class HostTensors {
  readonly #ort: OrtLibrary;
  readonly #binding: Pointer;
  /** Data of bound inputs: on the CPU the runtime reads it in place, so it must outlive the binding. */
  readonly #bound = new Map<string, Float32Array>();

  constructor(ort: OrtLibrary, binding: Pointer) {
    this.#ort = ort;
    this.#binding = binding;
  }

  /** Takes the data of checked inputs. */
  setInputs(feeds: Feeds): void {
    for (const [name, { data, dims }] of Object.entries(feeds)) {
      withScope((scope) => {
        this.#ort.call('BindInput', this.#binding, scope.text(name), this.#tensor(scope, data, dims));
        this.#bound.set(name, data);
      });
    }
  }

  /** Binds outputs for one run; the scope lives until its end. @returns what fetches them afterwards */
  bindOutputs(scope: NativeScope, infos: readonly TensorInfo[]): () => Results {
    const given = infos.map((info) => this.#bindOutput(scope, info));
    return () => {
      const fetched = given.includes(null) ? this.#fetch(infos.length) : [];
      return Object.fromEntries(infos.map(({ name }, i) => [name, given[i] ?? defined(fetched[i], name)]));
    };
  }

  /** @param keepInputs some are held for the next run */
  endRun(keepInputs: boolean): void {
    this.#ort.raw('ClearBoundOutputs', this.#binding);
    if (keepInputs) return;
    this.#ort.raw('ClearBoundInputs', this.#binding);
    this.#bound.clear();
  }

  release(): void {
    this.#bound.clear();
  }

  /** @returns the array that the run fills; null where the shape is known only afterwards */
  #bindOutput(scope: NativeScope, { name, dims }: TensorInfo): Float32Array | null {
    if (dims.some((size) => size < 0)) {
      this.#ort.call('BindOutputToDevice', this.#binding, scope.text(name), this.#ort.hostMemory);
      return null;
    }
    const data = new Float32Array(elementsOf(dims));
    this.#ort.call('BindOutput', this.#binding, scope.text(name), this.#tensor(scope, data, dims));
    return data;
  }

  #tensor(scope: NativeScope, data: Float32Array, dims: readonly number[]): Pointer {
    return this.#ort.owned(
      scope,
      'ReleaseValue',
      'CreateTensorWithDataAsOrtValue',
      this.#ort.hostMemory,
      // An empty array has no address.
      scope.address(data.length === 0 ? new Float32Array(1) : data),
      data.byteLength,
      scope.dims(dims),
      dims.length,
      FLOAT,
    );
  }

  /** Copies of all bound outputs, in their order. */
  #fetch(count: number): Float32Array[] {
    const ort = this.#ort;
    return withScope((scope) => {
      const cells = new BigUint64Array(2);
      const at = scope.address(cells);
      ort.call('GetBoundOutputValues', this.#binding, ort.allocator, at, at + BigInt(POINTER_BYTES));
      const list = scope.own(cells[0] ?? 0n, (memory) => ort.call('AllocatorFree', ort.allocator, memory));
      const values = readPointers(list, count);
      for (const value of values) scope.own(value, (handle) => ort.raw('ReleaseValue', handle));
      return values.map((value) => {
        const elements = elementsOf(shapeOf(ort, value));
        return elements === 0 ? new Float32Array(0) : readFloats(ort.out('GetTensorMutableData', value), elements);
      });
    });
  }
}
