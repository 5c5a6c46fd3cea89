/**
 * Loads a library before another that needs it. On Linux its symbols serve whatever is loaded later under its name; on
 * Windows a loaded module is found by its name. So no search path of the process must be set before it starts.
 */
import koffi, { type LibraryHandle } from 'koffi';
import type { NativeCall } from './runtime-thread.js';
// Sets the stack before koffi loads anything.
import './ort-library.js';

/** Kept for the life of the process: koffi unloads what nothing refers to. */
const loaded = new Map<string, LibraryHandle>();

/** @throws Error when it cannot be loaded */
export function loadGlobal(file: string): LibraryHandle {
  let handle = loaded.get(file);
  if (handle === undefined) {
    handle = koffi.load(file, { global: true, lazy: true });
    loaded.set(file, handle);
  }
  return handle;
}

type NativeFunction = ReturnType<LibraryHandle['func']>;

/** Functions of a library that return an error code, called from this thread or described for the runtime's. */
export interface LibraryCalls<N extends string> {
  call(name: N, ...args: readonly unknown[]): number;
  native(name: N, ...args: readonly unknown[]): NativeCall;
}

/** @param functions C types of the arguments, by name */
export function libraryCalls<N extends string>(
  file: string,
  functions: Readonly<Record<N, readonly string[]>>,
): LibraryCalls<N> {
  const handle = loadGlobal(file);
  const made = new Map<N, NativeFunction>();
  const own = (name: N): NativeFunction => {
    let found = made.get(name);
    if (found === undefined) {
      found = handle.func(name, 'int', [...functions[name]]);
      made.set(name, found);
    }
    return found;
  };
  return {
    call: (name, ...args) => own(name)(...args) as number,
    native: (name, ...args) => ({
      file,
      address: handle.symbol(name) as bigint,
      result: 'int',
      parameters: functions[name],
      args,
    }),
  };
}
