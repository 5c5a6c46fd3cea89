/**
 * Loads a library before another that needs it. On Linux its symbols serve whatever is loaded later under its name; on
 * Windows a loaded module is found by its name. So no search path of the process must be set before it starts.
 */
import koffi, { type LibraryHandle } from 'koffi';
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
