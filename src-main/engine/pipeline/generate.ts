/**
 * One picture: identify, encode text, control, condition, denoise, decode. Each stage loads what it needs and releases
 * it before the next.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, throwIfAborted } from '../../base/app-error.js';
import type { VaeConfig } from '../graph/vae.js';
import { filledImage, type RgbImage } from '../image/rgb-image.js';
import { writePng } from '../image/write-png.js';
import type { Pack } from '../pack/open-pack.js';
import type { DecodeReport, EngineProgress, GenerateRequest, GenerateResult, Stage } from '../protocol.js';
import { KEEP_PATTERNS } from '../quant/keep-list.js';
import { MemoryProbe } from '../runtime/memory-probe.js';
import { computeProfile } from '../runtime/providers.js';
import { keepFactors } from '../sampling/gating.js';
import { latentShape, packLatents, tokenGrid, type LatentShape } from '../sampling/latents.js';
import { drawNoise } from '../sampling/noise.js';
import { buildSchedule, parseSchedulerConfig, type Schedule } from '../sampling/schedule.js';
import { loadTokenizers } from '../text/load-tokenizers.js';
import { isConditioningTensor } from '../weights/names/flux.js';
import { engineVersions } from '../runtime/versions.js';
import { computeModulations } from './conditioning.js';
import { decodePicture } from './decode-picture.js';
import { detectSpill, type StepSample } from './detect-spill.js';
import { denoise, loadDenoiser, type ControlInputs, type DenoiserRequest } from './denoise.js';
import { encodePrompt, loadClip, loadT5, type EncodedText } from './encode-text.js';
import { FaceAnalyst } from './face-analyst.js';
import { openFluxWithLoras, type FluxWithLoras } from './flux-with-loras.js';
import { cosine, projectIdentity } from './identity.js';
import { pickSteps, type InputSamples } from './input-samples.js';
import { memoize, type MemoStore } from './memo-store.js';
import {
  openClip,
  openImageProjection,
  openInfuseNet,
  openT5,
  openVae,
  readJson,
  type PackNetwork,
} from './pack-networks.js';
import { prepareOnHost, prepareQuantized, type PrepareContext } from './prepared.js';
import { fitPreviewFactors, previewPngUrl, savePreview, type PreviewFactors } from './preview.js';
import { saveLatents } from './save-latents.js';
import { infuseNetMix } from './infusenet-mix.js';
import { checkSettings } from './check-settings.js';
import { controlLatents, decoderLatents, encodeImage, planesToImage, vaeScale } from './vae-codec.js';
import { controlPicture } from './control-picture.js';

/** InfuseNet's own guidance, whatever the user's. @source bytedance/InfiniteYou pipeline_flux_infusenet.py */
const INFUSENET_GUIDANCE = 1;

export interface GenerateContext {
  readonly pack: Pack;
  /** Results that later requests of a comparison share: encoded prompts, identity, control latents, preview factors. */
  readonly memo: MemoStore;
  readonly signal?: AbortSignal;
  readonly onProgress: (progress: EngineProgress) => void;
}

/** What the loop starts from. */
interface LoopStart {
  readonly prepare: PrepareContext;
  readonly flux: FluxWithLoras;
  /** Sessions of it may be open. */
  readonly faces: FaceAnalyst;
  readonly embedding: Float32Array | null;
  readonly text: EncodedText;
  readonly vae: PackNetwork<VaeConfig>;
  /** Null without an identity. */
  readonly control: { readonly identityTokens: Float32Array; readonly latents: Float32Array } | null;
  readonly factors: PreviewFactors;
  readonly schedule: Schedule;
  /** Packed noise, which the loop changes in place. */
  readonly latents: Float32Array;
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly shape: LatentShape;
}

/** @throws AppError of every stage; AbortError when cancelled */
export async function generate(request: GenerateRequest, context: GenerateContext): Promise<GenerateResult> {
  const probe = await MemoryProbe.open(request);
  try {
    return await new Generation(request, context, probe).run();
  } finally {
    probe.close();
  }
}

/**
 * Makes a run as far as a component acts in it, and keeps what the component's linears read; no picture.
 * @throws AppError of the stages, engine.request-invalid for InfuseNet in a run without it; AbortError when cancelled
 */
export async function sampleInputs(
  request: GenerateRequest,
  context: GenerateContext,
  samples: InputSamples,
): Promise<void> {
  const probe = await MemoryProbe.open(request);
  try {
    await new Generation(request, context, probe, samples).sample();
  } finally {
    probe.close();
  }
}

class Generation {
  readonly #request: GenerateRequest;
  readonly #context: GenerateContext;
  readonly #probe: MemoryProbe;
  readonly #hashes: Record<string, string> = {};
  readonly #closing: PackNetwork<unknown>[] = [];
  readonly #steps: StepSample[] = [];
  readonly #samples: InputSamples | null;
  #notFiniteAtStep: number | undefined;

  constructor(
    request: GenerateRequest,
    context: GenerateContext,
    probe: MemoryProbe,
    samples: InputSamples | null = null,
  ) {
    this.#request = request;
    this.#context = context;
    this.#probe = probe;
    this.#samples = samples;
  }

  async run(): Promise<GenerateResult> {
    const started = performance.now();
    try {
      return await this.#run(started);
    } finally {
      await this.#close();
    }
  }

  async sample(): Promise<void> {
    try {
      checkSettings(this.#request, this.#context.pack);
      if (this.#samples?.component === 't5') {
        await this.#encodeText(await this.#prepareContext(), () => undefined);
        return;
      }
      const start = await this.#beforeLoop();
      await start.faces.release();
      if (this.#samples?.component === 'infusenet' && start.control === null) throw withoutInfuseNet();
      await this.#denoise(start);
    } finally {
      await this.#close();
    }
  }

  async #run(started: number): Promise<GenerateResult> {
    const request = this.#request;
    checkSettings(request, this.#context.pack);
    const start = await this.#beforeLoop();
    const { prepare, faces, embedding, vae, latents, shape } = start;
    const stepSeconds = await this.#denoise(start);

    const { image, report } = await this.#decode(prepare, vae, latents, shape, vaeScale(vae.config));
    await mkdir(dirname(request.outputPath), { recursive: true });
    await writePng(request.outputPath, image);
    const identity = await this.#identityScore(faces, image, embedding);
    await faces.release();

    return {
      kind: 'generate',
      outputPath: request.outputPath,
      width: image.width,
      height: image.height,
      phases: this.#probe.phases,
      stepSeconds,
      ...(this.#notFiniteAtStep === undefined ? {} : { notFiniteAtStep: this.#notFiniteAtStep }),
      totalSeconds: (performance.now() - started) / 1000,
      provider: request.provider,
      deviceId: request.deviceId ?? 0,
      computeDtype: prepare.profile.dtype,
      weightHashes: this.#hashes,
      keepList: KEEP_PATTERNS,
      versions: engineVersions(),
      decode: report,
      spill: detectSpill(this.#steps, request.usualStepSeconds),
      ...identity,
      identityEmbedding: embedding === null ? null : [...embedding],
    };
  }

  async #prepareContext(): Promise<PrepareContext> {
    const request = this.#request;
    return {
      provider: request.provider,
      deviceId: request.deviceId ?? 0,
      profile: await computeProfile(request.provider, request.deviceId),
      cacheDir: request.cachePath,
      exact: false,
      ...(this.#context.signal === undefined ? {} : { signal: this.#context.signal }),
      onConvert: (label, format, fraction) => {
        this.#report('convert', fraction, `Converting ${label} to ${format}`);
      },
    };
  }

  async #beforeLoop(): Promise<LoopStart> {
    const request = this.#request;
    // Before any work, so that a LoRA for another model is refused at once.
    const flux = await this.#open(openFluxWithLoras(this.#context.pack, request.loras ?? [], this.#context.signal));
    if (flux.loraDigest !== null) this.#hashes['loras'] = flux.loraDigest;
    const prepare = await this.#prepareContext();
    const faces = new FaceAnalyst(this.#context.pack, prepare);

    this.#report('identify', 0, 'Reading the identity');
    const embedding = await this.#identityEmbedding(faces);
    const identityTokens = embedding === null ? null : await this.#identityTokens(prepare, embedding);

    this.#report('encode-text', 0, 'Encoding the prompt');
    let textWeightBytes = 0;
    const text = await this.#probe.phase(
      'text',
      () => textWeightBytes,
      () => this.#encodeText(prepare, (bytes) => (textWeightBytes = bytes)),
    );

    const vae = await this.#open(openVae(this.#context.pack));
    const shape = latentShape(request.width, request.height, vae.config.latentChannels, vaeScale(vae.config));
    const noise = drawNoise({
      seed: request.seed,
      shape: [1, shape.channels, shape.height, shape.width],
      dtype: 'bf16',
    });
    const factors = await this.#previewFactors(prepare, vae);
    let control: LoopStart['control'] = null;
    if (identityTokens !== null) {
      this.#report('control', 0, 'Encoding the control picture');
      const latents = await this.#controlLatents(prepare, vae, faces, shape, noise.controlPosterior);
      control = { identityTokens, latents };
    }

    const grid = tokenGrid(shape);
    const scheduler = parseSchedulerConfig(
      await readJson(join(this.#context.pack.flux, 'scheduler', 'scheduler_config.json')),
    );
    const schedule = buildSchedule(scheduler, request.steps, grid.rows * grid.cols);
    const latents = packLatents(noise.latents, shape);
    return { prepare, flux, faces, embedding, text, vae, control, factors, schedule, latents, grid, shape };
  }

  async #close(): Promise<void> {
    await Promise.all(this.#closing.map((network) => network.source.close()));
  }

  async #open<T extends PackNetwork<unknown>>(opening: Promise<T>): Promise<T> {
    const network = await opening;
    this.#closing.push(network);
    return network;
  }

  #report(stage: Stage, fraction: number, message: string, extra: Partial<EngineProgress> = {}): void {
    throwIfAborted(this.#context.signal);
    this.#context.onProgress({ stage, fraction, message, step: null, steps: null, previewPng: null, ...extra });
  }

  async #identityEmbedding(faces: FaceAnalyst): Promise<Float32Array | null> {
    const { identity } = this.#request;
    switch (identity.kind) {
      case 'none':
        return null;
      case 'embedding':
        return Float32Array.from(identity.values);
      case 'image':
        return memoize(
          this.#context.memo,
          ['embedding', this.#context.pack.root, identity.path, identity.faceIndex],
          () => faces.embedFile(identity.path, identity.faceIndex),
        );
    }
  }

  async #identityTokens(prepare: PrepareContext, embedding: Float32Array): Promise<Float32Array> {
    const { pack, memo } = this.#context;
    const variant = this.#request.modelVariant;
    return memoize(memo, ['identity-tokens', pack.root, variant, embedding], async () => {
      const network = await this.#open(openImageProjection(pack, variant));
      return projectIdentity(prepare, network, embedding);
    });
  }

  async #encodeText(prepare: PrepareContext, onWeights: (bytes: number) => void): Promise<EncodedText> {
    const { pack, memo } = this.#context;
    const { prompt, formats, provider } = this.#request;
    return memoize(memo, ['text', pack.root, provider, formats.t5, prompt], async () => {
      const tokenizers = await loadTokenizers(pack.flux);
      const clip = await loadClip(prepare, await this.#open(openClip(pack)));
      try {
        const samples = this.#samples?.component === 't5' ? this.#samples : null;
        const tokens = tokenizers.t5.encode(prompt).length;
        const t5 = await loadT5(prepare, await this.#open(openT5(pack)), formats.t5, {
          ...(samples === null ? {} : { sampled: { samples, tokens } }),
        });
        try {
          onWeights(clip.session.weightBytes + t5.session.weightBytes);
          return await encodePrompt(tokenizers, clip, t5, prompt);
        } finally {
          await t5.session.release();
        }
      } finally {
        await clip.session.release();
      }
    });
  }

  async #previewFactors(prepare: PrepareContext, vae: PackNetwork<VaeConfig>): Promise<PreviewFactors> {
    const { pack, memo } = this.#context;
    return memoize(memo, ['preview-factors', pack.root, prepare.profile.dtype], () => fitPreviewFactors(prepare, vae));
  }

  async #controlLatents(
    prepare: PrepareContext,
    vae: PackNetwork<VaeConfig>,
    faces: FaceAnalyst,
    shape: LatentShape,
    noise: Float32Array,
  ): Promise<Float32Array> {
    const { pack, memo } = this.#context;
    const { width, height, controlImagePath, provider } = this.#request;
    const posterior = await memoize(
      memo,
      ['control', pack.root, provider, width, height, controlImagePath ?? ''],
      async () => {
        const picture =
          controlImagePath === null
            ? filledImage(width, height, 0)
            : await controlPicture(faces, controlImagePath, width, height);
        return encodeImage(prepare, vae, picture);
      },
    );
    return controlLatents(posterior, noise, vae.config, shape);
  }

  async #denoise({
    prepare,
    flux,
    text,
    schedule,
    latents,
    grid,
    shape,
    factors,
    ...start
  }: LoopStart): Promise<number[]> {
    const request = this.#request;
    const fluxWeights = await prepareQuantized(prepare, 'flux', flux, request.formats.flux);
    this.#hashes['flux'] = fluxWeights.fingerprint;
    const modulations = await computeModulations({
      kind: 'flux',
      config: flux.config,
      weights: await prepareOnHost(prepare, 'flux-conditioning', flux, isConditioningTensor),
      timesteps: schedule.timesteps,
      guidance: request.guidance,
      pooled: text.pooled,
      rounding: 'f32',
    });
    const control = start.control === null ? null : await this.#controlInputs(prepare, text, schedule, start.control);
    this.#report('load', 0, 'Loading the denoiser');
    let weightBytes = 0;
    const denoiser = await this.#probe.phase(
      'load',
      () => weightBytes,
      async () => {
        const loaded = await loadDenoiser({
          provider: request.provider,
          deviceId: request.deviceId ?? 0,
          profile: prepare.profile,
          flux: flux.config,
          fluxWeights,
          modulations,
          text: text.text,
          textTokens: text.tokens,
          rows: grid.rows,
          cols: grid.cols,
          control,
          ...(request.profilePrefix === undefined ? {} : { profilePrefix: request.profilePrefix }),
          ...this.#sampledSteps(control),
          ...(request.allowNotFinite === true ? { onNotFinite: (step) => (this.#notFiniteAtStep ??= step + 1) } : {}),
        });
        weightBytes = loaded.session.weightBytes;
        return loaded;
      },
    );
    const stepSeconds: number[] = [];
    await this.#probe.phase(
      'denoise',
      () => weightBytes,
      async () => {
        try {
          await denoise(
            denoiser,
            schedule,
            latents,
            async ({ step, seconds, latents: after, estimate }) => {
              stepSeconds.push(seconds);
              if (request.latentsDir !== undefined) await saveLatents(request.latentsDir, step, after);
              if (request.previewDir !== null) await savePreview(request.previewDir, step, estimate, shape, factors);
              const previewPng = await previewPngUrl(estimate, shape, factors);
              // After the awaits: the driver's readings of a step arrive while this thread is free.
              this.#steps.push({ seconds, ...this.#probe.device });
              const spilled = detectSpill(this.#steps, request.usualStepSeconds) !== null;
              const slow = spilled ? '; the GPU’s memory is full and steps are far slower than before' : '';
              this.#report('denoise', step / request.steps, `Step ${step} of ${request.steps}${slow}`, {
                step,
                steps: request.steps,
                previewPng,
                spilled,
              });
            },
            this.#context.signal,
          );
        } finally {
          if (request.profilePrefix !== undefined) denoiser.session.endProfiling();
          // Within the phase, or the decode's would begin with this memory still taken.
          await denoiser.session.release();
        }
      },
    );
    return stepSeconds;
  }

  /** What the denoiser hands to the samples, and when. */
  #sampledSteps(control: ControlInputs | null): Pick<DenoiserRequest, 'sampled'> {
    const samples = this.#samples;
    if (samples === null || samples.component === 't5') return {};
    const everyStep = Array.from({ length: this.#request.steps }, () => 1);
    return {
      sampled: { samples, steps: pickSteps(samples.component === 'flux' ? everyStep : (control?.scales ?? [])) },
    };
  }

  async #controlInputs(
    prepare: PrepareContext,
    text: EncodedText,
    schedule: Schedule,
    { identityTokens, latents }: NonNullable<LoopStart['control']>,
  ): Promise<ControlInputs> {
    const request = this.#request;
    const infuseNet = await this.#open(openInfuseNet(this.#context.pack, request.modelVariant));
    const weights = await prepareQuantized(
      prepare,
      'infusenet',
      infuseNet,
      request.formats.infusenet,
      await infuseNetMix(request, infuseNet, {
        ...(this.#context.signal === undefined ? {} : { signal: this.#context.signal }),
        onProgress: (fraction) => {
          this.#report('convert', fraction, 'Measuring what each format does to InfuseNet');
        },
      }),
    );
    this.#hashes['infusenet'] = weights.fingerprint;
    const modulations = await computeModulations({
      kind: 'infusenet',
      config: infuseNet.config,
      weights: await prepareOnHost(prepare, 'infusenet-conditioning', infuseNet, isConditioningTensor),
      timesteps: schedule.timesteps,
      guidance: INFUSENET_GUIDANCE,
      pooled: text.pooled,
      rounding: 'f32',
    });
    const keep = keepFactors(request.steps, request.start, request.end);
    return {
      config: infuseNet.config,
      weights,
      modulations,
      identityTokens,
      queries: identityTokens.length / infuseNet.config.jointAttentionDim,
      control: latents,
      scales: keep.map((factor) => factor * request.conditioningScale),
    };
  }

  async #decode(
    prepare: PrepareContext,
    vae: PackNetwork<VaeConfig>,
    latents: Float32Array,
    shape: LatentShape,
    scale: number,
  ): Promise<{ readonly image: RgbImage; readonly report: DecodeReport }> {
    this.#report('decode', 0, 'Decoding the picture');
    let weightBytes = 0;
    return this.#probe.phase(
      'decode',
      () => weightBytes,
      async () => {
        const decoded = await decodePicture(prepare, vae, shape, decoderLatents(latents, vae.config, shape), {
          asked: this.#request.decode ?? 'auto',
          onProgress: (fraction, mode) => {
            this.#report(
              'decode',
              fraction,
              mode === 'tiles' ? 'Decoding the picture in tiles' : 'Decoding the picture',
            );
          },
        });
        weightBytes = decoded.weightBytes;
        return {
          image: planesToImage(decoded.planes, shape, scale, this.#request.allowNotFinite),
          report: decoded.report,
        };
      },
    );
  }

  async #identityScore(
    faces: FaceAnalyst,
    image: RgbImage,
    embedding: Float32Array | null,
  ): Promise<Pick<GenerateResult, 'identityScore' | 'identityState'>> {
    if (embedding === null) return { identityScore: null, identityState: 'no-identity' };
    if (!faces.available) return { identityScore: null, identityState: 'no-face-network' };
    const found = await faces.embedLargest(image);
    return found === null
      ? { identityScore: null, identityState: 'no-face' }
      : { identityScore: cosine(found, embedding), identityState: 'scored' };
  }
}

function withoutInfuseNet(): AppError {
  return new AppError('engine.request-invalid', 'The run has no identity, so that InfuseNet does nothing in it.', {
    remedy: 'Choose a picture that was made with an identity, or FLUX or T5.',
  });
}
