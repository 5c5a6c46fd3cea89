/**
 * Creates sessions on one named provider and runs them, by the binding that has it. Nothing falls back: a GPU session
 * fails when a node has no kernel there.
 */
import { parse, relative, sep } from 'node:path';
import { AppError, isAbort } from '../../base/app-error.js';
import { invariant } from '../../base/assert.js';
import { isBusy, patiently } from '../../disk/patience.js';
import type { DeviceChoice, Provider, WeightPlaces } from '../protocol.js';
import type { BlockProgram } from '../graph/block-program.js';
import type { BlockSession, BoundSession, Feeds, SessionSettings, WeightMemory } from './binding.js';
import { bindingOf } from './provider-presence.js';
import { SmallBudgetError } from './blocks/residency.js';
import { sessionEntries } from './provider-options.js';
import { isSharingViolation, wrapRuntimeError } from './runtime-error.js';

export type { Feed, WeightMemory } from './binding.js';

// nvidia-smi's order, since memory is read from it; by default CUDA puts the fastest first.
process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';

/** Severity 3 (error) and above; the runtime's warnings are about optimizers that are switched off on purpose. */
const LOG_SEVERITY = 3;
/** Only fatal errors: for attempts that may fail. */
const QUIET_SEVERITY = 4;

export interface SessionOptions extends DeviceChoice {
  /** Named in errors, such as "FLUX and InfuseNet". */
  readonly label: string;
  /** Keeps the runtime's error lines out of stderr. */
  readonly quiet?: boolean;
  /** Runs the graph without the runtime's optimizations, which are slow with many f16 casts. */
  readonly asWritten?: boolean;
  /** Writes a per-node profile with this path prefix. */
  readonly profilePrefix?: string;
  /** Ends loading and runs; onnxruntime-node cannot, so its callers check between runs. */
  readonly signal?: AbortSignal;
}

/** Location of external data relative to its file system's root; see `externalRoot`. */
export function locateFromRoot(file: string): string {
  return relative(parse(file).root, file).split(sep).join('/');
}

/** A loaded model. Feeds and results are f32. */
export class Session {
  readonly #session: BoundSession;
  readonly #options: SessionOptions;
  #released = false;

  constructor(session: BoundSession, options: SessionOptions) {
    this.#session = session;
    this.#options = options;
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  /** In the graph's order. */
  get outputNames(): readonly string[] {
    return this.#session.outputNames;
  }

  /** Inputs that are the same in every following run; they stay on the device where the binding can keep them there. */
  hold(feeds: Feeds): void {
    try {
      this.#session.hold(feeds);
    } catch (cause) {
      throw wrapRuntimeError(cause, this.#options, 'run');
    }
  }

  /**
   * @param outputs names to fetch; default all
   * @throws AppError engine.out-of-memory, engine.session-failed; AbortError when the signal ended it
   */
  async run(feeds: Feeds, outputs: readonly string[] = this.outputNames): Promise<Record<string, Float32Array>> {
    try {
      return await this.#session.run(feeds, outputs);
    } catch (cause) {
      throw isAbort(cause) ? cause : wrapRuntimeError(cause, this.#options, 'run');
    }
  }

  /** Frees weights and buffers; safe to call twice. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#session.release();
  }

  /** Ends profiling and writes the profile's file. */
  endProfiling(): void {
    this.#session.endProfiling();
  }
}

/**
 * Loads a serialized model whose external data locations come from `locateFromRoot`.
 *
 * @param model its bytes, or a path, with which the runtime reads the file itself in less than half the memory
 * @param externalRoot file system root of the weights (`/`, or a drive on Windows)
 * @throws AppError engine.provider-unavailable, engine.request-invalid for the device, engine.out-of-memory,
 * engine.session-failed; AbortError when the signal ended it
 */
export async function openSession(
  model: Uint8Array | string,
  externalRoot: string,
  options: SessionOptions,
): Promise<Session> {
  const settings = settingsOf(options, { 'session.model_external_initializers_file_folder_path': externalRoot });
  const binding = await bindingOf(options.provider);
  try {
    const load = () => binding.open(model, settings);
    const session = await patiently(() => load().catch(asHeld), undefined, isBusy);
    return new Session(session, options);
  } catch (cause) {
    throw isAbort(cause) ? cause : wrapRuntimeError(cause, options, 'load');
  }
}

function settingsOf(options: SessionOptions, entries: Readonly<Record<string, string>>): SessionSettings {
  return {
    provider: options.provider,
    deviceId: options.deviceId ?? 0,
    optimize: options.asWritten !== true,
    logSeverity: options.quiet === true ? QUIET_SEVERITY : LOG_SEVERITY,
    ...(options.profilePrefix === undefined ? {} : { profilePrefix: options.profilePrefix }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    configEntries: {
      ...entries,
      ...sessionEntries(options),
      // Folding would expand every packed weight to floats at load.
      'optimization.disable_specified_optimizers': 'ConstantFolding',
    },
  };
}

/** A loaded sequence of blocks. Buffers are f32, named by the program. */
export class BlockRunner {
  readonly #session: BlockSession;
  readonly #options: SessionOptions;

  constructor(session: BlockSession, options: SessionOptions) {
    this.#session = session;
    this.#options = options;
  }

  get places(): WeightPlaces {
    return this.#session.places;
  }

  /**
   * Writes what does not change and runs the blocks that depend on it alone.
   * @throws AppError engine.out-of-memory, engine.device-lost, engine.session-failed; AbortError
   */
  async prepare(data: Readonly<Record<string, Float32Array>>): Promise<void> {
    await this.#wrapped(async () => {
      this.#session.write(data);
      await this.#session.runOnce();
    });
  }

  /** One step. @returns a copy of the buffer `output` @throws as `prepare`, weights.unreadable */
  step(data: Readonly<Record<string, Float32Array>>, output: string): Promise<Float32Array> {
    return this.#wrapped(async () => {
      this.#session.write(data);
      await this.#session.runStep();
      return this.#session.read(output);
    });
  }

  /** Frees weights and buffers; safe to call twice. */
  release(): Promise<void> {
    return this.#session.release();
  }

  async #wrapped<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw wrapped(cause, this.#options, 'run');
    }
  }
}

/** Whether a provider's binding runs networks block by block. @throws AppError engine.provider-unavailable */
export async function runsBlocks(provider: Provider): Promise<boolean> {
  return (await bindingOf(provider)).openBlocks !== undefined;
}

/**
 * Loads a program on a provider whose binding runs blocks.
 * @throws AppError as `openSession`, weights.unreadable; AbortError when the signal ended it
 */
export async function openBlocks(
  program: BlockProgram,
  memory: WeightMemory,
  options: SessionOptions,
): Promise<BlockRunner> {
  const { openBlocks: open } = await bindingOf(options.provider);
  invariant(open !== undefined, `${options.provider} runs no blocks`);
  try {
    return new BlockRunner(await open(program, memory, settingsOf(options, {})), options);
  } catch (cause) {
    throw cause instanceof SmallBudgetError ? tooSmall(cause, memory, options.label) : wrapped(cause, options, 'load');
  }
}

function tooSmall({ allowed, least }: SmallBudgetError, { otherBytes = 0 }: WeightMemory, label: string): AppError {
  const gib = (tenths: number) => `${(tenths / 10).toFixed(1)} GiB`;
  const tenthsOf = (bytes: number) => (bytes * 10) / 2 ** 30;
  const needed = gib(Math.ceil(tenthsOf(least + otherBytes)));
  const usable = gib(Math.floor(Math.max(0, tenthsOf(allowed + otherBytes))));
  return new AppError(
    'engine.out-of-memory',
    `${label} needs at least ${needed} of the card for a picture of this size, with one block of weights there at a time; ${usable} may be used.`,
    {
      remedy:
        'Raise the memory limit, close other programs that use the GPU, or choose a smaller format or a smaller picture.',
      retryable: true,
    },
  );
}

/** @param cause may name the block that it happened in */
function wrapped(cause: unknown, options: SessionOptions, action: 'load' | 'run'): unknown {
  if (isAbort(cause) || cause instanceof AppError) return cause;
  const block = cause instanceof Error && 'block' in cause ? String(cause.block) : options.label;
  return wrapRuntimeError(cause, { ...options, label: block }, action);
}

/** A load whose weights another program holds, as the system's own error, which is waited for. @throws always */
function asHeld(cause: unknown): never {
  throw isSharingViolation(cause) ? Object.assign(new Error('in use', { cause }), { code: 'EBUSY' }) : cause;
}
