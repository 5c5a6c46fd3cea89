/** A session's tensors: over the caller's memory, or on the device at addresses that stay. */
import { defined } from '../../../base/assert.js';
import type { Feeds } from '../binding.js';
import { POINTER_BYTES, NativeScope, readFloats, readPointers, withScope, type Pointer } from './native-memory.js';
import type { OrtLibrary } from './ort-library.js';
import { elementsOf, FLOAT, shapeOf, type TensorInfo } from './tensor-info.js';

type Results = Record<string, Float32Array>;

/** The inputs and outputs of one binding. */
export interface RunTensors {
  /** Takes the data of checked inputs. */
  setInputs(feeds: Feeds): void;
  /** Binds outputs for one run; the scope lives until its end. @returns what fetches them afterwards */
  bindOutputs(scope: NativeScope, infos: readonly TensorInfo[]): () => Results;
  /** @param keepInputs some are held for the next run */
  endRun(keepInputs: boolean): void;
  release(): void;
}

/** Tensors over the caller's arrays. On a GPU binding an input copies it there, and it stays until it is bound anew. */
export class HostTensors implements RunTensors {
  readonly #ort: OrtLibrary;
  readonly #binding: Pointer;
  /** Data of bound inputs: on the CPU the runtime reads it in place, so it must outlive the binding. */
  readonly #bound = new Map<string, Float32Array>();

  constructor(ort: OrtLibrary, binding: Pointer) {
    this.#ort = ort;
    this.#binding = binding;
  }

  setInputs(feeds: Feeds): void {
    for (const [name, { data, dims }] of Object.entries(feeds)) {
      withScope((scope) => {
        this.#ort.call('BindInput', this.#binding, scope.text(name), this.#tensor(scope, data, dims));
        this.#bound.set(name, data);
      });
    }
  }

  bindOutputs(scope: NativeScope, infos: readonly TensorInfo[]): () => Results {
    const given = infos.map((info) => this.#bindOutput(scope, info));
    return () => {
      const fetched = given.includes(null) ? this.#fetch(infos.length) : [];
      return Object.fromEntries(infos.map(({ name }, i) => [name, given[i] ?? defined(fetched[i], name)]));
    };
  }

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

/** Copies between host and a device. */
export interface DeviceMemory {
  /** As the runtime calls the device, such as "Cuda". */
  readonly name: string;
  readonly device: number;
  write(to: Pointer, data: Float32Array): void;
  read(from: Pointer, into: Float32Array): void;
}

/** Tensors on a device that are made once: a CUDA graph replays the addresses of its first run. Shapes are fixed. */
export class DeviceTensors implements RunTensors {
  readonly #ort: OrtLibrary;
  readonly #binding: Pointer;
  readonly #memory: DeviceMemory;
  readonly #scope = new NativeScope();
  readonly #allocator: Pointer;
  /** Addresses of the data, by name. */
  readonly #inputs = new Map<string, Pointer>();
  readonly #outputs = new Map<string, Pointer>();

  constructor(ort: OrtLibrary, session: Pointer, binding: Pointer, memory: DeviceMemory) {
    this.#ort = ort;
    this.#binding = binding;
    this.#memory = memory;
    const info = withScope((scope) => ort.out('CreateMemoryInfo', scope.text(memory.name), 0, memory.device, 0));
    this.#scope.own(info, (handle) => ort.raw('ReleaseMemoryInfo', handle));
    this.#allocator = ort.owned(this.#scope, 'ReleaseAllocator', 'CreateAllocator', session, info);
  }

  setInputs(feeds: Feeds): void {
    for (const [name, { data, dims }] of Object.entries(feeds)) {
      let at = this.#inputs.get(name);
      if (at === undefined) {
        at = this.#make('BindInput', name, dims);
        this.#inputs.set(name, at);
      }
      this.#memory.write(at, data);
    }
  }

  bindOutputs(_scope: NativeScope, infos: readonly TensorInfo[]): () => Results {
    for (const { name, dims } of infos) {
      if (!this.#outputs.has(name)) this.#outputs.set(name, this.#make('BindOutput', name, dims));
    }
    return () =>
      Object.fromEntries(
        infos.map(({ name, dims }) => {
          const data = new Float32Array(elementsOf(dims));
          this.#memory.read(defined(this.#outputs.get(name), name), data);
          return [name, data];
        }),
      );
  }

  /** Everything stays bound. */
  endRun(): void {
    return;
  }

  release(): void {
    this.#scope.release();
  }

  /** @returns the address of a new tensor's data, which the binding keeps */
  #make(bind: 'BindInput' | 'BindOutput', name: string, dims: readonly number[]): Pointer {
    if (dims.some((size) => size <= 0)) throw new Error(`The shape of ${name} is not fixed: [${dims.join(', ')}]`);
    return withScope((scope) => {
      const value = this.#ort.owned(
        scope,
        'ReleaseValue',
        'CreateTensorAsOrtValue',
        this.#allocator,
        scope.dims(dims),
        dims.length,
        FLOAT,
      );
      this.#ort.call(bind, this.#binding, scope.text(name), value);
      return this.#ort.out('GetTensorMutableData', value);
    });
  }
}
