/** Sessions by onnxruntime-node. It blocks this thread while it loads and runs, and cannot be interrupted. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import './no-telemetry.js';
import type { Binding, BoundSession, Feeds, SessionSettings } from './binding.js';
import { nodeProvider } from './provider-options.js';

// Errors go to the log, the only place where WebGPU reports a refused buffer; warnings are about intended settings.
env.logLevel = 'error';

class NodeSession implements BoundSession {
  readonly #session: InferenceSession;
  #held: Feeds = {};

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  get outputNames(): readonly string[] {
    return this.#session.outputNames;
  }

  hold(feeds: Feeds): void {
    this.#held = { ...this.#held, ...feeds };
  }

  async run(feeds: Feeds, outputs: readonly string[]): Promise<Record<string, Float32Array>> {
    const tensors: Record<string, Tensor> = {};
    for (const [name, feed] of Object.entries({ ...this.#held, ...feeds })) {
      tensors[name] = new Tensor('float32', feed.data, feed.dims);
    }
    const results = await this.#session.run(tensors, [...outputs]);
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, value.data as Float32Array]));
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  endProfiling(): void {
    this.#session.endProfiling();
  }
}

export const NODE_BINDING: Binding = {
  version: env.versions.node ?? env.versions.common ?? 'unknown',
  async open(model: Uint8Array | string, settings: SessionSettings): Promise<BoundSession> {
    const { profilePrefix } = settings;
    const options: InferenceSession.SessionOptions = {
      executionProviders: [nodeProvider(settings)],
      executionMode: 'sequential',
      graphOptimizationLevel: settings.optimize ? 'all' : 'disabled',
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: settings.logSeverity as 3 | 4,
      ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
      extra: { ...settings.configEntries },
    };
    return new NodeSession(
      typeof model === 'string'
        ? await InferenceSession.create(model, options)
        : await InferenceSession.create(model, options),
    );
  },
};
