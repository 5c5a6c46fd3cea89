/** Copies between host and device by CUDA's own runtime, for tensors whose addresses must stay the same. */
import { loadGlobal } from './load-global.js';
import { withScope, type Pointer } from './native-memory.js';
import type { DeviceMemory } from './run-tensors.js';

/** @source cudaMemcpyKind */
const KIND = { toDevice: 1, toHost: 2 } as const;

export class CudaMemory implements DeviceMemory {
  readonly name = 'Cuda';
  readonly device: number;
  readonly #setDevice: (device: number) => number;
  readonly #copy: (to: Pointer, from: Pointer, bytes: number, kind: number) => number;
  readonly #synchronize: () => number;
  readonly #text: (status: number) => string;

  /** @param file libcudart */
  constructor(file: string, device: number) {
    const library = loadGlobal(file);
    this.#setDevice = library.func('cudaSetDevice', 'int', ['int']);
    this.#copy = library.func('cudaMemcpy', 'int', ['void *', 'void *', 'size_t', 'int']);
    this.#synchronize = library.func('cudaDeviceSynchronize', 'int', []);
    this.#text = library.func('cudaGetErrorString', 'const char *', ['int']);
    this.device = device;
  }

  /** @throws Error with CUDA's text */
  write(to: Pointer, data: Float32Array): void {
    this.#check(this.#setDevice(this.device));
    withScope((scope) => this.#check(this.#copy(to, scope.address(data), data.byteLength, KIND.toDevice)));
    // From pageable memory the call returns before the data is on the device, and the provider's stream does not wait.
    this.#check(this.#synchronize());
  }

  /** @throws Error with CUDA's text */
  read(from: Pointer, into: Float32Array): void {
    this.#check(this.#setDevice(this.device));
    withScope((scope) => this.#check(this.#copy(scope.address(into), from, into.byteLength, KIND.toHost)));
  }

  #check(status: number): void {
    if (status !== 0) throw new Error(`CUDA failure ${status}: ${this.#text(status)}`);
  }
}
