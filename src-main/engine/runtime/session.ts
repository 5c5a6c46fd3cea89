/**
 * Creates sessions on one named provider and runs them, by the binding that has it. Nothing falls back: a GPU session
 * fails when a node has no kernel there.
 */
import { parse, relative, sep } from 'node:path';
import { isAbort } from '../../base/app-error.js';
import { isBusy, patiently } from '../../disk/patience.js';
import type { DeviceChoice } from '../protocol.js';
import type { BoundSession, Feeds } from './binding.js';
import { bindingOf } from './provider-presence.js';
import { sessionEntries } from './provider-options.js';
import { isSharingViolation, wrapRuntimeError } from './runtime-error.js';

export type { Feed } from './binding.js';

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
  /** Every run has the same shapes and outputs, so that a GPU can replay the first. */
  readonly repeated?: boolean;
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
  const entries = sessionEntries(options);
  const binding = await bindingOf(options.provider);
  try {
    const load = () =>
      binding.open(model, {
        provider: options.provider,
        deviceId: options.deviceId ?? 0,
        optimize: options.asWritten !== true,
        logSeverity: options.quiet === true ? QUIET_SEVERITY : LOG_SEVERITY,
        ...(options.profilePrefix === undefined ? {} : { profilePrefix: options.profilePrefix }),
        ...(options.repeated === true ? { repeated: true } : {}),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        configEntries: {
          'session.model_external_initializers_file_folder_path': externalRoot,
          ...entries,
          // Folding would expand every packed weight to floats at load.
          'optimization.disable_specified_optimizers': 'ConstantFolding',
        },
      });
    const session = await patiently(() => load().catch(asHeld), undefined, isBusy);
    return new Session(session, options);
  } catch (cause) {
    throw isAbort(cause) ? cause : wrapRuntimeError(cause, options, 'load');
  }
}

/** A load whose weights another program holds, as the system's own error, which is waited for. @throws always */
function asHeld(cause: unknown): never {
  throw isSharingViolation(cause) ? Object.assign(new Error('in use', { cause }), { code: 'EBUSY' }) : cause;
}
