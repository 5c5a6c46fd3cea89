/** What running blocks needs of a device: memory, and two queues of work, one that computes and one that copies. */
import type { NativeCall } from '../runtime-thread.js';
import type { Pointer } from '../native-memory.js';

/** A point in a queue that the other can wait for. */
export type Mark = Pointer;

/** Host memory of the device's driver. */
export interface HostMemory {
  readonly at: Pointer;
  write(offset: number, bytes: Uint8Array): void;
  free(): void;
}

export interface BlockDevice {
  /** As the runtime calls it, with its index. */
  readonly name: string;
  readonly id: number;
  /** Options of the CUDA provider; null for the CPU. */
  readonly cuda: Readonly<Record<string, string>> | null;
  /** @throws Error with the device's text when it has no room */
  allocate(bytes: number): Pointer;
  free(at: Pointer): void;
  /** In the computing queue. */
  zero(at: Pointer, bytes: number): void;
  /** Makes host memory fast to copy from, where the system allows it. */
  pin(memory: Uint8Array): void;
  unpin(memory: Uint8Array): void;
  /** Host memory that is copied fast; null where the system refuses it. */
  allocateHost(bytes: number): HostMemory | null;
  /** Into the copying queue. The memory must stay until a mark behind it was reached. */
  copy(to: Pointer, from: Uint8Array): void;
  copyHost(to: Pointer, from: HostMemory, bytes: number): void;
  /** In the order of the computing queue; the data may change afterwards. */
  upload(to: Pointer, data: Float32Array): void;
  /** After the computing queue is empty. */
  download(from: Pointer, into: Uint8Array): void;
  makeMark(): Mark;
  dropMark(mark: Mark): void;
  /** Marks the place that the copying queue has come to. */
  markCopy(mark: Mark): void;
  /** Copies that follow wait for a mark of the computing queue. */
  copyAfter(mark: Mark): void;
  /** Resolves when the device has come to a mark of the copying queue. */
  reached(mark: Mark): Promise<void>;
  /** Calls for the runtime's thread, in front of all others there. */
  prepare(): readonly NativeCall[];
  /** The computing queue waits for a mark of the copying one. */
  computeAfter(mark: Mark): readonly NativeCall[];
  /** Marks the place that the computing queue has come to. */
  markCompute(mark: Mark): readonly NativeCall[];
  /** The thread waits until the device has come to a mark. */
  waitFor(mark: Mark): readonly NativeCall[];
  /** The thread waits until the computing queue is empty. */
  finish(): readonly NativeCall[];
  /** @throws Error with the device's text for the result of one of these calls */
  check(result: number): void;
  /** Waits until both queues are empty. */
  idle(): void;
  /** Releases the queues, which are empty. */
  release(): void;
}
