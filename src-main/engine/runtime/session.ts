/**
 * The only importer of onnxruntime-node: creates sessions on one named provider and runs them. Nothing falls back: a
 * session for a GPU fails when one of its nodes has no kernel there.
 */
import { parse, relative, sep } from 'node:path';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from '../../base/app-error.js';
import type { DeviceChoice, Provider } from '../protocol.js';
import { providerOptions } from './provider-options.js';
import { CHOOSE_ANOTHER, requireInBuild } from './provider-presence.js';

// What the runtime writes to stderr about a provider that does not load is what our error says; sessions have their own.
env.logLevel = 'fatal';
// The order of nvidia-smi, from which memory is read; by default CUDA puts the fastest first.
process.env['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';

/** Logs of severity 3 (error) and above; the runtime's warnings are about optimizers we switch off on purpose. */
const LOG_SEVERITY = 3;
/** Fatal errors only: for attempts whose failure is an answer. */
const QUIET_SEVERITY = 4;

/** An f32 tensor on its way into a session. The data is read during `run` and not kept. */
export interface Feed {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface SessionOptions extends DeviceChoice {
  /** Named in errors, such as "FLUX and InfuseNet". */
  readonly label: string;
  /** Keeps the runtime's own error lines out of stderr. */
  readonly quiet?: boolean;
  /** Writes a per-node profile with this path prefix. */
  readonly profilePrefix?: string;
}

/** Location of external data relative to its file system's root; see `externalRoot`. */
export function locateFromRoot(file: string): string {
  return relative(parse(file).root, file).split(sep).join('/');
}

/** A model loaded for running. Feeds and results are f32. */
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

  /** Ends profiling; the file appears beside the prefix. */
  endProfiling(): void {
    this.#session.endProfiling();
  }
}

/**
 * Loads a serialized model whose external data locations come from `locateFromRoot`.
 *
 * @param externalRoot the file system root that holds the weights (`/`, or a drive on Windows)
 * @throws AppError engine.provider-unavailable, engine.request-invalid (the device), engine.out-of-memory,
 * engine.session-failed
 */
export async function openSession(model: Uint8Array, externalRoot: string, options: SessionOptions): Promise<Session> {
  requireInBuild(options.provider);
  const { executionProvider, sessionEntries } = providerOptions(options);
  try {
    const session = await InferenceSession.create(model, {
      executionProviders: [executionProvider],
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: options.quiet === true ? QUIET_SEVERITY : LOG_SEVERITY,
      ...(options.profilePrefix === undefined
        ? {}
        : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
      extra: {
        session: {
          model_external_initializers_file_folder_path: externalRoot,
          ...sessionEntries,
        },
        // Folding would expand every packed weight to floats when the session loads.
        optimization: { disable_specified_optimizers: 'ConstantFolding' },
      },
    });
    return new Session(session, options);
  } catch (cause) {
    throw wrapRuntimeError(cause, options, 'load');
  }
}

const OUT_OF_MEMORY =
  /out of memory|OUT_OF_DEVICE_MEMORY|OUT_OF_HOST_MEMORY|bad_alloc|Failed to allocate|bad allocation/i;
const UNAVAILABLE =
  /not supported|no available backend|Failed to (get|request|create).*(adapter|device)|provider.*not.*(enabled|available|found)|cannot open shared object|Failed to load shared library|driver version is insufficient|no CUDA-capable device/i;
/** CUDA's and DXGI's words for an index beyond the last device. @source cudaErrorInvalidDevice; DXGI_ERROR_NOT_FOUND */
const NO_SUCH_DEVICE = /invalid device ordinal|CUDA failure 101\b|887A0002/i;
/** What else has to be there for a provider. @source onnxruntime-node's README and its install script */
const NEEDS: Readonly<Partial<Record<Provider, string>>> = {
  cuda: 'For cuda, install an NVIDIA driver, CUDA 12 with cuDNN 9, and its library: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node.',
  dml: 'For dml, install a graphics driver with Direct3D 12.',
  webgpu: 'For webgpu, install a graphics driver with Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS).',
};

/** The runtime reports failures as text only; this is the one place that reads it. */
function wrapRuntimeError(cause: unknown, options: SessionOptions, action: 'load' | 'run'): AppError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const details = { provider: options.provider, label: options.label, runtime: text.slice(0, 2000) };
  if (OUT_OF_MEMORY.test(text)) {
    return new AppError(
      'engine.out-of-memory',
      `Memory ran out while ${action === 'load' ? 'loading' : 'running'} ${options.label}.`,
      {
        remedy:
          'Choose a smaller format for FLUX or InfuseNet, a smaller picture, or close other programs that use the GPU.',
        retryable: true,
        details,
        cause,
      },
    );
  }
  if (action === 'load' && NO_SUCH_DEVICE.test(text)) {
    return new AppError(
      'engine.provider-unavailable',
      `The ${options.provider} provider has no device ${options.deviceId ?? 0} on this computer.`,
      { remedy: 'Choose another device in the settings or with --device-id; 0 is the first.', details, cause },
    );
  }
  if (action === 'load' && options.provider !== 'cpu' && UNAVAILABLE.test(text)) {
    return new AppError(
      'engine.provider-unavailable',
      `The ${options.provider} provider cannot be used on this computer: ${firstLine(text)}`,
      { remedy: `${CHOOSE_ANOTHER} ${NEEDS[options.provider] ?? ''}`.trim(), details, cause },
    );
  }
  return new AppError(
    'engine.session-failed',
    `${options.label} could not be ${action === 'load' ? 'loaded' : 'run'} on ${options.provider}: ${firstLine(text)}`,
    {
      remedy: 'Try another provider; if it fails there too, verify the pack on the Models screen.',
      details,
      cause,
    },
  );
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? text).slice(0, 300);
}
