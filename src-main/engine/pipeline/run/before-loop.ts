/** The stages before the denoising loop: identity, text, control picture, schedule and noise. */
import type { VaeConfig } from '../../graph/vae.js';
import { filledImage } from '../../image/rgb-image.js';
import { latentShape, packLatents, tokenGrid, type LatentShape } from '../../sampling/latents.js';
import { drawNoise } from '../../sampling/noise.js';
import { buildSchedule, parseSchedulerConfig, type Schedule } from '../../sampling/schedule.js';
import { loadTokenizers } from '../../text/load-tokenizers.js';
import { controlPicture } from './control-picture.js';
import { encodePrompt, loadClip, loadT5, type EncodedText } from '../networks/encode-text.js';
import { FaceAnalyst } from '../faces/face-analyst.js';
import { openFluxWithLoras, type FluxWithLoras } from '../networks/flux-with-loras.js';
import { projectIdentity } from '../faces/identity.js';
import { memoize } from '../networks/memo-store.js';
import {
  openClip,
  openImageProjection,
  openT5,
  openVae,
  readScheduler,
  type PackNetwork,
} from '../../pack/pack-networks.js';
import type { PrepareContext } from '../networks/prepared.js';
import { fitPreviewFactors, type PreviewFactors } from './preview.js';
import type { RunScope } from './run-scope.js';
import { controlLatents, encodeImage, vaeScale } from '../networks/vae-codec.js';

/** Inputs of the denoising loop. */
export interface LoopStart {
  readonly prepare: PrepareContext;
  readonly flux: FluxWithLoras;
  /** May have open sessions. */
  readonly faces: FaceAnalyst;
  readonly embedding: Float32Array | null;
  readonly text: EncodedText;
  readonly vae: PackNetwork<VaeConfig>;
  /** Null without an identity. */
  readonly control: { readonly identityTokens: Float32Array; readonly latents: Float32Array } | null;
  readonly factors: PreviewFactors;
  readonly schedule: Schedule;
  /** Packed noise; the loop changes it in place. */
  readonly latents: Float32Array;
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly shape: LatentShape;
}

/** @throws AppError of the stages; AbortError when cancelled */
export async function beforeLoop(scope: RunScope): Promise<LoopStart> {
  const { request } = scope;
  // First, so that a LoRA for another model is rejected at once.
  const flux = await scope.open(openFluxWithLoras(scope.context.pack, request.loras ?? [], scope.context.signal));
  if (flux.loraDigest !== null) scope.hashes['loras'] = flux.loraDigest;
  const prepare = await scope.prepareContext();
  const faces = new FaceAnalyst(scope.context.pack, prepare);

  scope.report('identify', 0, 'Reading the identity');
  const embedding = await embeddingOf(scope, faces);
  const identityTokens = embedding === null ? null : await tokensOf(scope, prepare, embedding);

  scope.report('encode-text', 0, 'Encoding the prompt');
  let textWeightBytes = 0;
  const text = await scope.probe.phase(
    'text',
    () => textWeightBytes,
    () => encodeText(scope, prepare, (bytes) => (textWeightBytes = bytes)),
  );

  const vae = await scope.open(openVae(scope.context.pack));
  const shape = latentShape(request.width, request.height, vae.config.latentChannels, vaeScale(vae.config));
  const noise = drawNoise({ seed: request.seed, shape: [1, shape.channels, shape.height, shape.width], dtype: 'bf16' });
  const factors = await previewFactors(scope, prepare, vae);
  let control: LoopStart['control'] = null;
  if (identityTokens !== null) {
    scope.report('control', 0, 'Encoding the control picture');
    const latents = await encodeControl(scope, prepare, vae, faces, shape, noise.controlPosterior);
    control = { identityTokens, latents };
  }

  const grid = tokenGrid(shape);
  const scheduler = parseSchedulerConfig(await readScheduler(scope.context.pack));
  const schedule = buildSchedule(scheduler, request.steps, grid.rows * grid.cols);
  const latents = packLatents(noise.latents, shape);
  return { prepare, flux, faces, embedding, text, vae, control, factors, schedule, latents, grid, shape };
}

async function embeddingOf(scope: RunScope, faces: FaceAnalyst): Promise<Float32Array | null> {
  const { identity } = scope.request;
  switch (identity.kind) {
    case 'none':
      return null;
    case 'embedding':
      return Float32Array.from(identity.values);
    case 'image':
      return memoize(
        scope.context.memo,
        ['embedding', scope.context.pack.root, identity.path, identity.faceIndex],
        async () => {
          const crop = await faces.cropFile(identity.path, identity.faceIndex);
          return (await faces.encoder('conditioning')).embed(crop);
        },
      );
  }
}

async function tokensOf(scope: RunScope, prepare: PrepareContext, embedding: Float32Array): Promise<Float32Array> {
  const { pack, memo } = scope.context;
  const variant = scope.request.modelVariant;
  return memoize(memo, ['identity-tokens', pack.root, variant, embedding], async () => {
    const network = await scope.open(openImageProjection(pack, variant));
    return projectIdentity(prepare, network, embedding);
  });
}

/** Runs CLIP and T5 and releases them; uses the memo of an earlier run with the same text. */
export async function encodeText(
  scope: RunScope,
  prepare: PrepareContext,
  onWeights: (bytes: number) => void,
): Promise<EncodedText> {
  const { pack, memo } = scope.context;
  const { prompt, formats, provider } = scope.request;
  const encoded = await memoize(memo, ['text', pack.root, provider, formats.t5, prompt], async () => {
    const tokenizers = await loadTokenizers(pack);
    const clip = await loadClip(prepare, await scope.open(openClip(pack)));
    try {
      const samples = scope.samples?.component === 't5' ? scope.samples : null;
      const tokens = tokenizers.t5.encode(prompt).length;
      const network = await scope.open(openT5(pack));
      const { format, mix } = await scope.format('t5', network);
      const t5 = await loadT5(prepare, network, format, {
        ...(mix === undefined ? {} : { mix }),
        ...(samples === null ? {} : { sampled: { samples, tokens } }),
      });
      try {
        onWeights(clip.session.weightBytes + t5.weightBytes);
        const text = await encodePrompt(tokenizers, clip, t5, prompt);
        return { ...text, quantized: scope.types['t5'] ?? null };
      } finally {
        await t5.release();
      }
    } finally {
      await clip.session.release();
    }
  });
  if (encoded.quantized !== null) scope.types['t5'] = encoded.quantized;
  return encoded;
}

async function previewFactors(
  scope: RunScope,
  prepare: PrepareContext,
  vae: PackNetwork<VaeConfig>,
): Promise<PreviewFactors> {
  const { pack, memo } = scope.context;
  return memoize(memo, ['preview-factors', pack.root, prepare.profile.dtype], () => fitPreviewFactors(prepare, vae));
}

async function encodeControl(
  scope: RunScope,
  prepare: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  faces: FaceAnalyst,
  shape: LatentShape,
  noise: Float32Array,
): Promise<Float32Array> {
  const { pack, memo } = scope.context;
  const { width, height, controlImagePath, provider } = scope.request;
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
