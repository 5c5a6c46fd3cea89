/**
 * Memory and handles that native calls use, released on every path. JavaScript passes addresses only: nothing is converted
 * by the foreign function library, so a call on another thread sees the same bytes.
 */
import koffi from 'koffi';

/** An address in this process. */
export type Pointer = bigint;

/** Bytes of an address. */
export const POINTER_BYTES = 8;

/** Copies addresses out of native memory. */
export function readPointers(at: Pointer, count: number): Pointer[] {
  return Array.from(koffi.decode(at, 'uintptr_t', count) as Iterable<number | bigint>, BigInt);
}

/** Copies f32 values out of native memory. */
export function readFloats(at: Pointer, count: number): Float32Array {
  return koffi.decode(at, 'float', count) as Float32Array;
}

/** Copies a C string out of native memory. */
export function readText(at: Pointer): string {
  return koffi.decode.string(at);
}

/** Owns what a call needs; `release` frees it in reverse order. */
export class NativeScope {
  readonly #releases: (() => void)[] = [];
  /** Views whose addresses were handed out: the collector must not take them before `release`. */
  readonly #kept: ArrayBufferView[] = [];

  /** Registers a handle. @returns the handle */
  own(handle: Pointer, release: (handle: Pointer) => void): Pointer {
    this.#releases.push(() => release(handle));
    return handle;
  }

  /** Address of a view's bytes, which must not be empty. Its buffer must not be transferred or resized meanwhile. */
  address(view: ArrayBufferView): Pointer {
    this.#kept.push(view);
    return koffi.address(view);
  }

  /** A UTF-8 string with its terminator. */
  text(value: string): Pointer {
    return this.address(Buffer.from(`${value}\0`, 'utf8'));
  }

  /** A path in the system's characters: UTF-16 on Windows, UTF-8 elsewhere. @source ORTCHAR_T */
  path(value: string, platform: NodeJS.Platform = process.platform): Pointer {
    return this.address(Buffer.from(`${value}\0`, platform === 'win32' ? 'utf16le' : 'utf8'));
  }

  pointers(values: readonly Pointer[]): Pointer {
    return this.address(BigUint64Array.from(values));
  }

  /** Dimensions as int64. Never a plain array: koffi would take NaN in it as 0. */
  dims(values: readonly number[]): Pointer {
    return this.address(BigInt64Array.from(values.length === 0 ? [0n] : values.map(BigInt)));
  }

  release(): void {
    for (const release of this.#releases.splice(0).reverse()) release();
    this.#kept.length = 0;
  }
}

/** Runs `work` with a scope and releases it, also after an error. */
export function withScope<T>(work: (scope: NativeScope) => T): T {
  const scope = new NativeScope();
  try {
    return work(scope);
  } finally {
    scope.release();
  }
}

/** The same for work on another thread. */
export async function withAsyncScope<T>(work: (scope: NativeScope) => Promise<T>): Promise<T> {
  const scope = new NativeScope();
  try {
    return await work(scope);
  } finally {
    scope.release();
  }
}
