/**
 * The only importer of onnxruntime-node: creates sessions on one named provider and runs them. Nothing falls back: a GPU
 * session fails when a node has no kernel there.
 */
import { parse, relative, sep } from 'node:path';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import './no-telemetry.js';
import type { DeviceChoice } from '../protocol.js';
import { providerOptions } from './provider-options.js';
import { requireInBuild } from './provider-presence.js';
import { wrapRuntimeError } from './runtime-error.js';

// Errors go to the log, the only place where WebGPU reports a refused buffer; warnings are about intended settings.
env.logLevel = 'error';
// nvidia-smi's order, since memory is read from it; by default CUDA puts the fastest first.
process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';

/** Severity 3 (error) and above; the runtime's warnings are about optimizers that are switched off on purpose. */
const LOG_SEVERITY = 3;
/** Only fatal errors: for attempts that may fail. */
const QUIET_SEVERITY = 4;

/** An f32 input tensor. The data is read during `run` and not kept. */
export interface Feed {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface SessionOptions extends DeviceChoice {
  /** Named in errors, such as "FLUX and InfuseNet". */
  readonly label: string;
  /** Keeps the runtime's error lines out of stderr. */
  readonly quiet?: boolean;
  /** Runs the graph without the runtime's optimizations, which are slow with many f16 casts. */
  readonly asWritten?: boolean;
  /** Writes a per-node profile with this path prefix. */
  readonly profilePrefix?: string;
}

/** Location of external data relative to its file system's root; see `externalRoot`. */
export function locateFromRoot(file: string): string {
  return relative(parse(file).root, file).split(sep).join('/');
}

/** A loaded model. Feeds and results are f32. */
export class Session {
  readonly #session: InferenceSession;
  readonly #options: SessionOptions;
  #released = false;

  constructor(session: InferenceSession, options: SessionOptions) {
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

  /**
   * @param outputs names to fetch; default all
   * @throws AppError engine.out-of-memory, engine.session-failed
   */
  async run(feeds: Readonly<Record<string, Feed>>, outputs?: readonly string[]): Promise<Record<string, Float32Array>> {
    const tensors: Record<string, Tensor> = {};
    for (const [name, feed] of Object.entries(feeds)) tensors[name] = new Tensor('float32', feed.data, feed.dims);
    let results: InferenceSession.OnnxValueMapType;
    try {
      results =
        outputs === undefined ? await this.#session.run(tensors) : await this.#session.run(tensors, [...outputs]);
    } catch (cause) {
      throw wrapRuntimeError(cause, this.#options, 'run');
    }
    const values: Record<string, Float32Array> = {};
    for (const [name, value] of Object.entries(results)) {
      values[name] = value.data as Float32Array;
    }
    return values;
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
 * engine.session-failed
 */
export async function openSession(
  model: Uint8Array | string,
  externalRoot: string,
  options: SessionOptions,
): Promise<Session> {
  requireInBuild(options.provider);
  const { executionProvider, sessionEntries } = providerOptions(options);
  try {
    const settings: InferenceSession.SessionOptions = {
      executionProviders: [executionProvider],
      executionMode: 'sequential',
      graphOptimizationLevel: options.asWritten === true ? 'disabled' : 'all',
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: options.quiet === true ? QUIET_SEVERITY : LOG_SEVERITY,
      ...(options.profilePrefix === undefined
        ? {}
        : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
      extra: {
        session: { model_external_initializers_file_folder_path: externalRoot, ...sessionEntries },
        // Folding would expand every packed weight to floats at load.
        optimization: { disable_specified_optimizers: 'ConstantFolding' },
      },
    };
    const session =
      typeof model === 'string'
        ? await InferenceSession.create(model, settings)
        : await InferenceSession.create(model, settings);
    return new Session(session, options);
  } catch (cause) {
    throw wrapRuntimeError(cause, options, 'load');
  }
}
