/**
 * Brings blocks' weights to the device: resident ones once, streamed ones into slots, each as soon as its slot is free,
 * around and around in the order of the blocks. Reading, copying and computing overlap.
 */
import { abortError } from '../../../../base/app-error.js';
import { defined, invariant } from '../../../../base/assert.js';
import type { ImageReader, WeightImage } from '../../blocks/weight-image.js';
import type { Pointer } from '../native-memory.js';
import type { BlockDevice, HostMemory, Mark } from './block-device.js';

/** Of a staging buffer: long enough for a disk's and the bus's full speed. */
const STAGING_BYTES = 16 * 2 ** 20;
/** So many reads at a time; Node's pool has four threads. */
const STAGING_BUFFERS = 6;

interface StagingBuffer {
  readonly memory: Uint8Array;
  /** Its last copy. */
  readonly mark: Mark;
  /** Settles when it was filled and its copy enqueued. */
  used: Promise<void>;
}

/** Memory between files and device. */
export class Staging {
  readonly #device: BlockDevice;
  readonly #reader: ImageReader;
  readonly #buffers: readonly StagingBuffer[];
  #next = 0;

  constructor(device: BlockDevice, reader: ImageReader) {
    this.#device = device;
    this.#reader = reader;
    this.#buffers = Array.from({ length: STAGING_BUFFERS }, () => {
      const memory = Buffer.allocUnsafeSlow(STAGING_BYTES);
      device.pin(memory);
      return { memory, mark: device.makeMark(), used: Promise.resolve() };
    });
  }

  /** Reads an image from its files and enqueues its copies to the device. @returns when all are enqueued */
  load(image: WeightImage, to: Pointer, signal?: AbortSignal): Promise<void> {
    return this.#read(image, signal, (from, bytes, { mark }) => {
      this.#device.copy(to + BigInt(from), bytes);
      this.#device.markCopy(mark);
    });
  }

  /** Reads an image into host memory. */
  keep(image: WeightImage, to: HostMemory, signal?: AbortSignal): Promise<void> {
    return this.#read(image, signal, (from, bytes) => to.write(from, bytes));
  }

  /** Reads pieces side by side. @param take is called with each, in any order; a buffer is used again behind its mark */
  async #read(
    image: WeightImage,
    signal: AbortSignal | undefined,
    take: (from: number, bytes: Uint8Array, buffer: StagingBuffer) => void,
  ): Promise<void> {
    const pieces: Promise<void>[] = [];
    for (let from = 0; from < image.bytes; from += STAGING_BYTES) {
      const buffer = defined(this.#buffers[this.#next++ % STAGING_BUFFERS], 'a staging buffer');
      const bytes = buffer.memory.subarray(0, Math.min(STAGING_BYTES, image.bytes - from));
      const piece = buffer.used
        .then(() => this.#device.reached(buffer.mark))
        .then(() => {
          if (signal?.aborted === true) throw abortError();
          return this.#reader.read(image, from, bytes);
        })
        .then(() => take(from, bytes, buffer));
      // The buffer's next user must not fail for this one's error.
      buffer.used = piece.catch(() => undefined);
      pieces.push(piece);
    }
    const results = await Promise.allSettled(pieces);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  release(): void {
    for (const { memory, mark } of this.#buffers) {
      this.#device.unpin(memory);
      this.#device.dropMark(mark);
    }
  }
}

export interface StreamedBlock {
  readonly label: string;
  readonly image: WeightImage;
  /** The whole image in host memory; null: it is read from its files each time. */
  readonly host: HostMemory | null;
  /** Address of its place in the ring. */
  readonly at: Pointer;
}

/** What a run of a streamed block waits for and leaves behind. */
export interface Arrival {
  /** The weights are there. */
  readonly arrived: Mark;
  /** The block has run. */
  readonly done: Mark;
}

interface Place extends StreamedBlock, Arrival {
  /** Blocks whose places overlap this one. */
  readonly others: readonly number[];
  /** Its weights are there or on their way, and nothing else was brought to its place since. */
  current: boolean;
  /** It was brought here before. */
  used: boolean;
  /** For its next run: its weights' copy is in the queue. */
  copied: Signal;
  /** Its run, and the mark `done` behind it, are in the device's queue. */
  run: Signal;
  /** Settles with the run that the weights were last brought for. */
  lastRun: Promise<void>;
}

/** Pass after pass over the streamed blocks. */
export class WeightStream {
  readonly #device: BlockDevice;
  readonly #staging: Staging;
  readonly #reader: ImageReader;
  readonly #places: readonly Place[];
  readonly #looping: Promise<void>;
  #stopped = false;

  /** @param repeat false: one pass, after which nothing is brought any more */
  constructor(
    device: BlockDevice,
    staging: Staging,
    reader: ImageReader,
    blocks: readonly StreamedBlock[],
    repeat: boolean,
  ) {
    this.#device = device;
    this.#staging = staging;
    this.#reader = reader;
    this.#places = blocks.map((block, index) => ({
      ...block,
      arrived: device.makeMark(),
      done: device.makeMark(),
      others: blocks.flatMap((other, place) => (place !== index && overlap(block, other) ? [place] : [])),
      current: false,
      used: false,
      copied: signal(),
      run: signal(),
      lastRun: Promise.resolve(),
    }));
    this.#looping = this.#loop(repeat).catch((error: unknown) => {
      for (const { copied } of this.#places) copied.reject(error);
    });
  }

  /** When a block's copy is in the queue. @throws what reading its weights failed with */
  async arrival(block: number): Promise<Arrival> {
    const place = this.#place(block);
    await place.copied.promise;
    invariant(place.current, `${place.label} would run on the weights of another block`);
    return place;
  }

  /** Says that a block's run, and the mark `done` behind it, are in the device's queue. */
  used(block: number): void {
    const place = this.#place(block);
    const { run } = place;
    place.copied = signal();
    place.run = signal();
    run.resolve();
  }

  async release(): Promise<void> {
    this.#stopped = true;
    for (const { run } of this.#places) run.resolve();
    await this.#looping;
    for (const { arrived, done } of this.#places) {
      this.#device.dropMark(arrived);
      this.#device.dropMark(done);
    }
  }

  async #loop(repeat: boolean): Promise<void> {
    if (this.#places.length === 0) return;
    do {
      if (this.#places.some(({ host }) => host === null)) await this.#reader.check();
      for (const place of this.#places) {
        const before = place.others.map((index) => this.#place(index));
        await Promise.all([place, ...before].map(({ lastRun }) => lastRun));
        if (this.#stopped) return;
        for (const { used, done } of [place, ...before]) if (used) this.#device.copyAfter(done);
        for (const other of before) other.current = false;
        place.current = true;
        place.used = true;
        place.lastRun = place.run.promise;
        if (place.host === null) await this.#staging.load(place.image, place.at);
        else this.#device.copyHost(place.at, place.host, place.image.bytes);
        this.#device.markCopy(place.arrived);
        place.copied.resolve();
      }
    } while (repeat);
  }

  #place(block: number): Place {
    return defined(this.#places[block], `streamed block ${block}`);
  }
}

function overlap(a: StreamedBlock, b: StreamedBlock): boolean {
  return a.at < b.at + BigInt(b.image.bytes) && b.at < a.at + BigInt(a.image.bytes);
}

interface Signal {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(reason: unknown): void;
}

function signal(): Signal {
  let resolve: () => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // It may be nobody's turn to wait for it.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
