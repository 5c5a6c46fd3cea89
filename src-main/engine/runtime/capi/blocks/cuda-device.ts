/** A CUDA card by CUDA's own runtime. */
import { setTimeout as pause } from 'node:timers/promises';
import { loadGlobal, libraryCalls } from '../load-global.js';
import { withScope, type Pointer } from '../native-memory.js';
import type { NativeCall } from '../runtime-thread.js';
import type { BlockDevice, HostMemory, Mark } from './block-device.js';

/** @source cudaMemcpyKind */
const KIND = { onHost: 0, toDevice: 1, toHost: 2 } as const;
/** @source cudaStreamNonBlocking, cudaEventBlockingSync | cudaEventDisableTiming, cudaHostAllocDefault */
const FLAGS = { stream: 1, event: 3, pinned: 0 } as const;
/** @source cudaError, cudaErrorNotReady */
const NOT_READY = 600;
/** Between looks at a copy. */
const POLL_MS = 1;

const P = 'void *';
/** @source cuda_runtime_api.h */
const FUNCTIONS = {
  cudaSetDevice: ['int'],
  cudaMalloc: [P, 'size_t'],
  cudaFree: [P],
  cudaHostAlloc: [P, 'size_t', 'uint'],
  cudaFreeHost: [P],
  cudaHostRegister: [P, 'size_t', 'uint'],
  cudaHostUnregister: [P],
  cudaStreamCreateWithFlags: [P, 'uint'],
  cudaStreamDestroy: [P],
  cudaStreamSynchronize: [P],
  cudaStreamWaitEvent: [P, P, 'uint'],
  cudaEventCreateWithFlags: [P, 'uint'],
  cudaEventDestroy: [P],
  cudaEventRecord: [P, P],
  cudaEventQuery: [P],
  cudaEventSynchronize: [P],
  cudaMemsetAsync: [P, 'int', 'size_t', P],
  cudaMemcpy: [P, P, 'size_t', 'int'],
  cudaMemcpyAsync: [P, P, 'size_t', 'int', P],
  cudaGetLastError: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
type FunctionName = keyof typeof FUNCTIONS;

export class CudaDevice implements BlockDevice {
  readonly name = 'Cuda';
  readonly id: number;
  readonly cuda: Readonly<Record<string, string>>;
  readonly #calls: ReturnType<typeof libraryCalls<FunctionName>>;
  readonly #text: (status: number) => string;
  readonly #compute: Pointer;
  readonly #copying: Pointer;
  readonly #pinned = new Map<Uint8Array, () => void>();

  /**
   * @param file libcudart
   * @param options of the CUDA provider, which computes in this device's queue
   * @throws Error with CUDA's text
   */
  constructor(file: string, id: number, options: Readonly<Record<string, string>>) {
    this.id = id;
    this.#calls = libraryCalls(file, FUNCTIONS);
    this.#text = loadGlobal(file).func('cudaGetErrorString', 'const char *', ['int']);
    this.#run('cudaSetDevice', id);
    this.#compute = this.#out('cudaStreamCreateWithFlags', FLAGS.stream);
    this.#copying = this.#out('cudaStreamCreateWithFlags', FLAGS.stream);
    this.cuda = { ...options, has_user_compute_stream: '1', user_compute_stream: String(this.#compute) };
  }

  allocate(bytes: number): Pointer {
    return this.#out('cudaMalloc', Math.max(1, bytes));
  }

  // Releasing on a lost card fails again, and the first error is the one to tell.
  free(at: Pointer): void {
    this.#calls.call('cudaFree', at);
  }

  zero(at: Pointer, bytes: number): void {
    this.#run('cudaMemsetAsync', at, 0, bytes, this.#compute);
  }

  pin(memory: Uint8Array): void {
    const { call } = this.#calls;
    withScope((scope) => {
      const at = scope.address(memory);
      if (this.#refused(call('cudaHostRegister', at, memory.length, FLAGS.pinned))) return;
      this.#pinned.set(memory, () => void call('cudaHostUnregister', at));
    });
  }

  allocateHost(bytes: number): HostMemory | null {
    const { call } = this.#calls;
    const cell = new BigUint64Array(1);
    if (withScope((scope) => this.#refused(call('cudaHostAlloc', scope.address(cell), bytes, FLAGS.pinned))))
      return null;
    const at = cell[0] ?? 0n;
    return {
      at,
      write: (offset, data) =>
        withScope((scope) =>
          this.#run('cudaMemcpy', at + BigInt(offset), scope.address(data), data.length, KIND.onHost),
        ),
      free: () => void call('cudaFreeHost', at),
    };
  }

  /** Whether the system refused; the code would come up again at the provider's next look. */
  #refused(status: number): boolean {
    if (status !== 0) this.#calls.call('cudaGetLastError');
    return status !== 0;
  }

  copyHost(to: Pointer, from: HostMemory, bytes: number): void {
    this.#run('cudaMemcpyAsync', to, from.at, bytes, KIND.toDevice, this.#copying);
  }

  unpin(memory: Uint8Array): void {
    this.#pinned.get(memory)?.();
    this.#pinned.delete(memory);
  }

  copy(to: Pointer, from: Uint8Array): void {
    withScope((scope) =>
      this.#run('cudaMemcpyAsync', to, scope.address(from), from.length, KIND.toDevice, this.#copying),
    );
  }

  upload(to: Pointer, data: Float32Array): void {
    withScope((scope) =>
      this.#run('cudaMemcpyAsync', to, scope.address(data), data.byteLength, KIND.toDevice, this.#compute),
    );
    this.#run('cudaStreamSynchronize', this.#compute);
  }

  download(from: Pointer, into: Uint8Array): void {
    withScope((scope) =>
      this.#run('cudaMemcpyAsync', scope.address(into), from, into.length, KIND.toHost, this.#compute),
    );
    this.#run('cudaStreamSynchronize', this.#compute);
  }

  makeMark(): Mark {
    return this.#out('cudaEventCreateWithFlags', FLAGS.event);
  }

  dropMark(mark: Mark): void {
    this.#calls.call('cudaEventDestroy', mark);
  }

  markCopy(mark: Mark): void {
    this.#run('cudaEventRecord', mark, this.#copying);
  }

  copyAfter(mark: Mark): void {
    this.#run('cudaStreamWaitEvent', this.#copying, mark, 0);
  }

  async reached(mark: Mark): Promise<void> {
    for (;;) {
      const status = this.#calls.call('cudaEventQuery', mark);
      if (status !== NOT_READY) return this.check(status);
      await pause(POLL_MS);
    }
  }

  prepare(): NativeCall[] {
    return [this.#calls.native('cudaSetDevice', this.id)];
  }

  computeAfter(mark: Mark): NativeCall[] {
    return [this.#calls.native('cudaStreamWaitEvent', this.#compute, mark, 0)];
  }

  markCompute(mark: Mark): NativeCall[] {
    return [this.#calls.native('cudaEventRecord', mark, this.#compute)];
  }

  waitFor(mark: Mark): NativeCall[] {
    return [this.#calls.native('cudaEventSynchronize', mark)];
  }

  finish(): NativeCall[] {
    return [this.#calls.native('cudaStreamSynchronize', this.#compute)];
  }

  check(result: number): void {
    if (result !== 0) throw new Error(`CUDA failure ${result}: ${this.#text(result)}`);
  }

  idle(): void {
    // After an error every call fails; what remains is the process's.
    for (const queue of [this.#compute, this.#copying]) this.#calls.call('cudaStreamSynchronize', queue);
  }

  release(): void {
    const { call } = this.#calls;
    for (const memory of [...this.#pinned.keys()]) this.unpin(memory);
    for (const queue of [this.#compute, this.#copying]) call('cudaStreamDestroy', queue);
  }

  #run(name: FunctionName, ...args: readonly unknown[]): void {
    this.check(this.#calls.call(name, ...args));
  }

  /** Calls a function whose first argument receives a pointer. */
  #out(name: FunctionName, ...args: readonly unknown[]): Pointer {
    return withScope((scope) => {
      const cell = new BigUint64Array(1);
      this.#run(name, scope.address(cell), ...args);
      return cell[0] ?? 0n;
    });
  }
}
