/** Shared by the stages of one run: the request, its measurements, and the networks to close afterwards. */
import { throwIfAborted } from '../../../base/app-error.js';
import type { Pack } from '../../pack/open-pack.js';
import type { EngineProgress, GenerateRequest, QuantizedComponent, Stage } from '../../protocol.js';
import type { MemoryProbe } from '../../runtime/memory-probe.js';
import { computeProfile } from '../../runtime/providers.js';
import { resolveFormat, type ResolvedFormat } from '../networks/format-mix.js';
import type { InputSamples } from '../quantization-errors/input-samples.js';
import type { MemoStore } from '../networks/memo-store.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import { quantizedAs } from '../../weights/tensor-source.js';
import type { PrepareContext } from '../networks/prepared.js';

export interface GenerateContext {
  readonly pack: Pack;
  /** Results that a comparison's later requests share: encoded prompts, identity, control latents, preview factors. */
  readonly memo: MemoStore;
  readonly signal?: AbortSignal;
  readonly onProgress: (progress: EngineProgress) => void;
}

export class RunScope {
  readonly request: GenerateRequest;
  readonly context: GenerateContext;
  readonly probe: MemoryProbe;
  /** Receives the inputs of a component's linears; null for a run that makes a picture. */
  readonly samples: InputSamples | null;
  /** Digests of the weights by component, added by the stages. */
  readonly hashes: Record<string, string> = {};
  /** Stored form of components that are quantized in their files. */
  readonly types: Record<string, string> = {};
  readonly #closing: PackNetwork<unknown>[] = [];

  constructor(request: GenerateRequest, context: GenerateContext, probe: MemoryProbe, samples: InputSamples | null) {
    this.request = request;
    this.context = context;
    this.probe = probe;
    this.samples = samples;
  }

  /** Awaits the network and closes it with the run. */
  async open<T extends PackNetwork<unknown>>(opening: Promise<T>): Promise<T> {
    const network = await opening;
    this.#closing.push(network);
    return network;
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((network) => network.source.close()));
  }

  /** @throws AbortError when the run is cancelled */
  report(stage: Stage, fraction: number, message: string, extra: Partial<EngineProgress> = {}): void {
    throwIfAborted(this.context.signal);
    this.context.onProgress({ stage, fraction, message, step: null, steps: null, previewPng: null, ...extra });
  }

  /** Resolves the request's format of a component. @throws the errors of `resolveFormat` */
  format(component: QuantizedComponent, network: PackNetwork<unknown>): Promise<ResolvedFormat> {
    const { formats, cachePath } = this.request;
    const quantized = quantizedAs([...network.source.entries.values()]);
    if (quantized !== null) this.types[component] = quantized;
    return resolveFormat(component, formats[component], network, {
      cachePath,
      ...(this.context.signal === undefined ? {} : { signal: this.context.signal }),
      onProgress: (fraction) => {
        this.report('convert', fraction, `Measuring the error of each format on ${network.label}`);
      },
    });
  }

  /** @throws AppError engine.provider-unavailable, engine.request-invalid for the device */
  async prepareContext(): Promise<PrepareContext> {
    const { request } = this;
    return {
      provider: request.provider,
      deviceId: request.deviceId ?? 0,
      profile: await computeProfile(request.provider, request.deviceId),
      cacheDir: request.cachePath,
      exact: false,
      ...(this.context.signal === undefined ? {} : { signal: this.context.signal }),
      onConvert: (label, format, fraction) => {
        this.report('convert', fraction, `Converting ${label} to ${format}`);
      },
    };
  }
}
