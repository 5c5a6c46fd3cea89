/** Loads a runtime's library and calls its functions by the table in `ort-functions.ts`. */
import { dirname } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import '../no-telemetry.js';
import { setCallStack } from './call-stack.js';
import { readPointers, withScope, type NativeScope, type Pointer } from './native-memory.js';
import {
  API_VERSION,
  ORT_FUNCTIONS,
  type ArgumentKind,
  type OrtFunction,
  type OrtFunctionName,
} from './ort-functions.js';
import { callOnRuntimeThread, type NativeCall } from './runtime-thread.js';

setCallStack();

/**
 * Severity 4: what ends the process, to standard error, which is the engine's log. Errors come back as statuses, and the
 * CUDA provider logs one for every plan of cuDNN's that it tries and replaces. A callback would make its threads wait for
 * this one.
 */
const LOG_SEVERITY = 4;

/** A failure that the runtime reported. */
class OrtError extends Error {
  /** OrtErrorCode */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'OrtError';
    this.code = code;
  }
}

interface ArgumentTypes {
  readonly pointer: Pointer | null;
  readonly size: number;
  readonly int: number;
  readonly bool: boolean;
}
interface ResultTypes {
  readonly status: Pointer | null;
  readonly void: undefined;
  readonly text: string;
  readonly int: number;
}
type Functions = typeof ORT_FUNCTIONS;
type Mapped<K extends readonly ArgumentKind[]> = { -readonly [I in keyof K]: ArgumentTypes[K[I]] };
type Arguments<N extends OrtFunctionName> = Mapped<Functions[N]['arguments']>;
/** All but the last, which receives a result. */
type Inputs<N extends OrtFunctionName> = Arguments<N> extends [...infer Head, Pointer | null] ? Head : never;
type Result<N extends OrtFunctionName> = ResultTypes[Functions[N]['returns']];
type Checked = { [N in OrtFunctionName]: Functions[N]['returns'] extends 'status' ? N : never }[OrtFunctionName];
type Releasing = Extract<OrtFunctionName, `Release${string}`>;

const C_TYPES = { pointer: 'void *', size: 'size_t', int: 'int', bool: 'bool' } as const;
const C_RESULTS = { status: 'void *', void: 'void', text: 'const char *', int: 'int' } as const;

type NativeFunction = ReturnType<LibraryHandle['func']>;

/** One loaded runtime with its environment, for the life of the process. */
export class OrtLibrary {
  readonly file: string;
  /** Such as "1.30.0". */
  readonly version: string;
  readonly #functions = new Map<OrtFunctionName, NativeFunction>();
  readonly #table: readonly Pointer[];
  readonly env: Pointer;
  /** Memory info of the host. */
  readonly hostMemory: Pointer;
  /** The runtime's own, for names that it returns. */
  readonly allocator: Pointer;
  // Keeps the library loaded.
  readonly #handle: LibraryHandle;

  private constructor(file: string, handle: LibraryHandle, version: string, api: Pointer) {
    this.file = file;
    this.version = version;
    this.#handle = handle;
    const places = Math.max(...Object.values(ORT_FUNCTIONS).map(({ index }) => index)) + 1;
    this.#table = readPointers(api, places);
    this.env = withScope((scope) => this.out('CreateEnv', LOG_SEVERITY, scope.text('likeness-lab')));
    this.call('DisableTelemetryEvents', this.env);
    this.hostMemory = this.out('CreateCpuMemoryInfo', HOST_ALLOCATOR.device, HOST_ALLOCATOR.memory);
    this.allocator = this.out('GetAllocatorWithDefaultOptions');
  }

  /** @throws Error when the file cannot be loaded, is no runtime, or is older than 1.30 */
  static open(file: string): OrtLibrary {
    const handle = koffi.load(file);
    const base = handle.func('OrtGetApiBase', 'void *', [])() as Pointer;
    // OrtApiBase: GetApi, GetVersionString.
    const [getApi = 0n, getVersion = 0n] = readPointers(base, 2);
    const version = String((koffi.decode(getVersion, koffi.proto('const char *', [])) as NativeFunction)());
    if (!isServed(version)) {
      throw new Error(`${file} is ONNX Runtime ${version}, but 1.${API_VERSION} or newer is needed.`);
    }
    const api = (koffi.decode(getApi, koffi.proto('void *', ['uint32_t'])) as NativeFunction)(
      API_VERSION,
    ) as Pointer | null;
    if (api === null) throw new Error(`${file} has no version ${API_VERSION} of the C API.`);
    return new OrtLibrary(file, handle, version, api);
  }

  get folder(): string {
    return dirname(this.file);
  }

  /** Calls a function and returns what it returns, unchecked. */
  raw<N extends OrtFunctionName>(name: N, ...args: Arguments<N>): Result<N> {
    return this.#function(name)(...(args as unknown[])) as Result<N>;
  }

  /** Calls a function that reports a status. @throws OrtError */
  call<N extends Checked>(name: N, ...args: Arguments<N>): void {
    this.check(this.raw(name, ...args) as Pointer | null);
  }

  /** Calls a function whose last argument receives a pointer, and returns that. @throws OrtError */
  out<N extends Checked>(name: N, ...args: Inputs<N>): Pointer {
    return withScope((scope) => {
      const cell = new BigUint64Array(1);
      this.call(name, ...([...(args as unknown[]), scope.address(cell)] as unknown as Arguments<N>));
      return cell[0] ?? 0n;
    });
  }

  /** The same, owned by a scope. */
  owned<N extends Checked>(scope: NativeScope, release: Releasing, name: N, ...args: Inputs<N>): Pointer {
    return scope.own(this.out(name, ...args), (handle) => this.raw(release, handle));
  }

  /** Calls a checked function on the runtime's thread; the caller keeps its memory alive. @throws OrtError */
  async callAsync<N extends Checked>(name: N, ...args: Arguments<N>): Promise<void> {
    const { result } = await callOnRuntimeThread(this.native(name, ...args));
    this.check(result as Pointer | null);
  }

  /** A call to be made on the runtime's thread. */
  native<N extends OrtFunctionName>(name: N, ...args: Arguments<N>): NativeCall {
    return { file: this.file, ...this.#native(name), args: args as unknown[] };
  }

  /** Releases a handle on that thread: a session's release frees gigabytes. */
  async releaseAsync(name: Releasing, handle: Pointer): Promise<void> {
    await callOnRuntimeThread(this.native(name, ...([handle] as Arguments<typeof name>)));
  }

  /** Releases a status. @throws OrtError unless it is null */
  check(status: Pointer | null): void {
    if (status === null) return;
    try {
      throw new OrtError(this.raw('GetErrorCode', status), this.raw('GetErrorMessage', status));
    } finally {
      this.raw('ReleaseStatus', status);
    }
  }

  #function(name: OrtFunctionName): NativeFunction {
    let made = this.#functions.get(name);
    if (made === undefined) {
      const { address, result, parameters } = this.#native(name);
      made = koffi.decode(address, koffi.proto(result, parameters)) as NativeFunction;
      this.#functions.set(name, made);
    }
    return made;
  }

  #native(name: OrtFunctionName): { address: Pointer; result: string; parameters: string[] } {
    const { index, arguments: kinds, returns }: OrtFunction = ORT_FUNCTIONS[name];
    return {
      address: this.#table[index] ?? 0n,
      result: C_RESULTS[returns],
      parameters: kinds.map((kind) => C_TYPES[kind]),
    };
  }
}

/** @source OrtDeviceAllocator, OrtMemTypeDefault */
const HOST_ALLOCATOR = { device: 0, memory: 0 } as const;

function isServed(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 1 || (major === 1 && minor >= API_VERSION);
}

const opened = new Map<string, OrtLibrary>();

/** The library at an absolute path, loaded once per process. @throws as `OrtLibrary.open` */
export function ortLibrary(file: string): OrtLibrary {
  let library = opened.get(file);
  if (library === undefined) {
    library = OrtLibrary.open(file);
    opened.set(file, library);
  }
  return library;
}
