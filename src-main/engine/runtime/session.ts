/**
 * The only importer of onnxruntime-node: creates sessions on one named provider and runs them. Nothing falls back: a
 * session for a GPU fails when one of its nodes has no kernel there.
 */
import { parse, relative, sep } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from '../../base/app-error.js';
import type { Provider } from '../protocol.js';

/** Logs of severity 3 (error) and above; the runtime's warnings are about optimizers we switch off on purpose. */
const LOG_SEVERITY = 3;
/** Fatal errors only: for attempts whose failure is an answer. */
const QUIET_SEVERITY = 4;

/** An f32 tensor on its way into a session. The data is read during `run` and not kept. */
export interface Feed {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface SessionOptions {
  readonly provider: Provider;
  /** Named in errors, such as "FLUX and InfuseNet". */
  readonly label: string;
  /** Index of the GPU for cuda and dml. Default 0. */
  readonly deviceId?: number;
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
 * @throws AppError engine.provider-unavailable, engine.out-of-memory, engine.session-failed
 */
export async function openSession(model: Uint8Array, externalRoot: string, options: SessionOptions): Promise<Session> {
  const gpu = options.provider !== 'cpu';
  try {
    const session = await InferenceSession.create(model, {
      executionProviders: [providerConfig(options)],
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
          ...(gpu ? { disable_cpu_ep_fallback: '1' } : {}),
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

function providerConfig(options: SessionOptions): InferenceSession.ExecutionProviderConfig {
  const deviceId = options.deviceId ?? 0;
  switch (options.provider) {
    case 'cpu':
      return 'cpu';
    case 'webgpu':
      // `simple` keeps the fewest freed buffers without slowing steps down (docs/measured.md).
      return { name: 'webgpu', storageBufferCacheMode: 'simple' };
    case 'cuda':
      return { name: 'cuda', deviceId };
    case 'dml':
      return { name: 'dml', deviceId };
  }
}

const OUT_OF_MEMORY =
  /out of memory|OUT_OF_DEVICE_MEMORY|OUT_OF_HOST_MEMORY|bad_alloc|Failed to allocate|bad allocation/i;
const UNAVAILABLE =
  /not supported|no available backend|Failed to (get|request|create).*(adapter|device)|provider.*not.*(enabled|available|found)|cannot open shared object/i;

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
  if (action === 'load' && options.provider !== 'cpu' && UNAVAILABLE.test(text)) {
    return new AppError(
      'engine.provider-unavailable',
      `The ${options.provider} provider cannot be used on this computer.`,
      {
        remedy: 'Choose another provider in the settings, or install the driver it needs.',
        details,
        cause,
      },
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
