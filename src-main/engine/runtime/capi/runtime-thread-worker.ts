/** Worker of the runtime's thread: calls native functions by their addresses, one after another. */
import { parentPort } from 'node:worker_threads';
import koffi, { type LibraryHandle } from 'koffi';
import { setCallStack } from './call-stack.js';
import {
  succeeded,
  type FromRuntimeThread,
  type NativeCall,
  type NativeResult,
  type ToRuntimeThread,
} from './runtime-thread.js';

type NativeFunction = (...args: unknown[]) => NativeResult | undefined;

setCallStack();
const functions = new Map<bigint, NativeFunction>();
/** koffi 3.3.4 has no stack for calls on a thread, and crashes, before it has loaded a library there. Kept loaded. */
const libraries = new Map<string, LibraryHandle>();

function functionAt({ file, address, result, parameters }: NativeCall): NativeFunction {
  let made = functions.get(address);
  if (made === undefined) {
    if (!libraries.has(file)) libraries.set(file, koffi.load(file));
    made = koffi.decode(address, koffi.proto(result, [...parameters])) as NativeFunction;
    functions.set(address, made);
  }
  return made;
}

parentPort?.on('message', ({ id, calls }: ToRuntimeThread) => {
  let answer: FromRuntimeThread = { id, at: 0, result: null };
  try {
    for (const [at, call] of calls.entries()) {
      answer = { id, at, result: functionAt(call)(...call.args) ?? null };
      if (!succeeded(answer.result)) break;
    }
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
