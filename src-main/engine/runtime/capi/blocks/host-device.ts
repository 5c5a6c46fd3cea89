/** Host memory as a device, for the runtime's CPU provider: everything is done at once. */
import { NativeScope, type Pointer } from '../native-memory.js';
import type { BlockDevice, HostMemory } from './block-device.js';

export class HostDevice implements BlockDevice {
  readonly name = 'Cpu';
  readonly id = 0;
  readonly cuda = null;
  readonly #memory = new Map<Pointer, { readonly bytes: Uint8Array; readonly scope: NativeScope }>();

  allocate(bytes: number): Pointer {
    const scope = new NativeScope();
    const memory = Buffer.allocUnsafeSlow(Math.max(1, bytes));
    const at = scope.address(memory);
    this.#memory.set(at, { bytes: memory, scope });
    return at;
  }

  free(at: Pointer): void {
    this.#memory.get(at)?.scope.release();
    this.#memory.delete(at);
  }

  zero(at: Pointer, bytes: number): void {
    this.#bytes(at, bytes).fill(0);
  }

  pin(): void {
    return;
  }

  unpin(): void {
    return;
  }

  allocateHost(bytes: number): HostMemory {
    const at = this.allocate(bytes);
    return {
      at,
      write: (offset, data) => this.#bytes(at + BigInt(offset), data.length).set(data),
      free: () => this.free(at),
    };
  }

  copyHost(to: Pointer, from: HostMemory, bytes: number): void {
    this.copy(to, this.#bytes(from.at, bytes));
  }

  copy(to: Pointer, from: Uint8Array): void {
    this.#bytes(to, from.length).set(from);
  }

  upload(to: Pointer, data: Float32Array): void {
    this.copy(to, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  download(from: Pointer, into: Uint8Array): void {
    into.set(this.#bytes(from, into.length));
  }

  makeMark(): Pointer {
    return 0n;
  }

  dropMark(): void {
    return;
  }

  markCopy(): void {
    return;
  }

  copyAfter(): void {
    return;
  }

  reached(): Promise<void> {
    return Promise.resolve();
  }

  prepare(): [] {
    return [];
  }

  computeAfter(): [] {
    return [];
  }

  markCompute(): [] {
    return [];
  }

  waitFor(): [] {
    return [];
  }

  finish(): [] {
    return [];
  }

  check(): void {
    return;
  }

  idle(): void {
    return;
  }

  release(): void {
    for (const { scope } of this.#memory.values()) scope.release();
    this.#memory.clear();
  }

  /** Memory inside an allocation. */
  #bytes(at: Pointer, length: number): Uint8Array {
    for (const [begin, { bytes }] of this.#memory) {
      const from = Number(at - begin);
      if (from >= 0 && from + length <= bytes.length) return bytes.subarray(from, from + length);
    }
    throw new Error(`Invariant violated: no memory at ${at}`);
  }
}
