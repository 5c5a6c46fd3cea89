/**
 * One picture: identify, encode text, control, condition, denoise, decode. Each stage loads its networks and releases
 * them before the next.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../../base/app-error.js';
import type { VaeConfig } from '../../graph/vae.js';
import type { RgbImage } from '../../image/rgb-image.js';
import { writePng } from '../../image/write-png.js';
import type { DecodeReport, GenerateRequest, GenerateResult } from '../../protocol.js';
import { KEEP_PATTERNS } from '../../quant/keep-list.js';
import { MemoryProbe } from '../../runtime/memory-probe.js';
import { runVersions } from '../../runtime/versions.js';
import type { LatentShape } from '../../sampling/latents.js';
import { beforeLoop, encodeText } from './before-loop.js';
import { checkSettings } from './check-settings.js';
import { decodePicture } from '../decode/decode-picture.js';
import { detectSpill } from './detect-spill.js';
import type { InputSamples } from '../quantization-errors/input-samples.js';
import type { PackNetwork } from '../../pack/pack-networks.js';
import type { PrepareContext } from '../networks/prepared.js';
import { planSecondEncoder } from '../../pack/recognition-model.js';
import { runLoop } from './run-loop.js';
import { RunScope, type GenerateContext } from './run-scope.js';
import { scoreFaces } from '../faces/score-faces.js';
import { decoderLatents, planesToImage, vaeScale } from '../networks/vae-codec.js';

/** @throws AppError of every stage; AbortError when cancelled */
export async function generate(request: GenerateRequest, context: GenerateContext): Promise<GenerateResult> {
  return inScope(request, context, null, makePicture);
}

/**
 * Runs as far as a component is active, and samples the inputs of its linears; makes no picture.
 * @throws AppError of the stages, engine.request-invalid for InfuseNet in a run without it; AbortError when cancelled
 */
export async function sampleInputs(
  request: GenerateRequest,
  context: GenerateContext,
  samples: InputSamples,
): Promise<void> {
  await inScope(request, context, samples, async (scope) => {
    checkSettings(request, context.pack);
    if (samples.component === 't5') {
      await encodeText(scope, await scope.prepareContext(), () => undefined);
      return;
    }
    const start = await beforeLoop(scope);
    await start.faces.release();
    if (samples.component === 'infusenet' && start.control === null) throw withoutInfuseNet();
    await runLoop(scope, start);
  });
}

async function inScope<T>(
  request: GenerateRequest,
  context: GenerateContext,
  samples: InputSamples | null,
  work: (scope: RunScope) => Promise<T>,
): Promise<T> {
  const probe = await MemoryProbe.open(request);
  const scope = new RunScope(request, context, probe, samples);
  try {
    return await work(scope);
  } finally {
    probe.close();
    await scope.close();
  }
}

async function makePicture(scope: RunScope): Promise<GenerateResult> {
  const { request, probe, hashes, types } = scope;
  const started = performance.now();
  checkSettings(request, scope.context.pack);
  const second = await planSecondEncoder(scope.context.pack, request.identity);
  const start = await beforeLoop(scope);
  const { prepare, faces, embedding, vae, latents, shape } = start;
  const loop = await runLoop(scope, start);

  const { image, report } = await decode(scope, prepare, vae, latents, shape, vaeScale(vae.config));
  await mkdir(dirname(request.outputPath), { recursive: true });
  await writePng(request.outputPath, image);
  const { pack, memo } = scope.context;
  const scored = await scoreFaces(image, {
    pack, faces, memo, identity: request.identity, conditioning: embedding, second,
  }); // prettier-ignore
  await faces.release();

  return {
    kind: 'generate',
    outputPath: request.outputPath,
    width: image.width,
    height: image.height,
    phases: probe.phases,
    stepSeconds: loop.stepSeconds,
    ...(loop.notFiniteAtStep === undefined ? {} : { notFiniteAtStep: loop.notFiniteAtStep }),
    totalSeconds: (performance.now() - started) / 1000,
    provider: request.provider,
    deviceId: request.deviceId ?? 0,
    computeDtype: prepare.profile.dtype,
    weightHashes: hashes,
    weightTypes: types,
    keepList: KEEP_PATTERNS,
    versions: await runVersions(request.provider),
    decode: report,
    weightPlaces: loop.weightPlaces,
    spill: detectSpill(loop.steps, request.usualStepSeconds),
    ...scored,
  };
}

async function decode(
  scope: RunScope,
  prepare: PrepareContext,
  vae: PackNetwork<VaeConfig>,
  latents: Float32Array,
  shape: LatentShape,
  scale: number,
): Promise<{ readonly image: RgbImage; readonly report: DecodeReport }> {
  scope.report('decode', 0, 'Decoding the picture');
  let weightBytes = 0;
  return scope.probe.phase(
    'decode',
    () => weightBytes,
    async () => {
      const decoded = await decodePicture(prepare, vae, shape, decoderLatents(latents, vae.config, shape), {
        asked: scope.request.decode ?? 'auto',
        limitBytes: scope.request.memoryLimitBytes ?? Infinity,
        onProgress: (fraction, mode) => {
          scope.report('decode', fraction, mode === 'tiles' ? 'Decoding the picture in tiles' : 'Decoding the picture');
        },
      });
      weightBytes = decoded.weightBytes;
      return {
        image: planesToImage(decoded.planes, shape, scale, scope.request.allowNotFinite),
        report: decoded.report,
      };
    },
  );
}

function withoutInfuseNet(): AppError {
  return new AppError('engine.request-invalid', 'The run has no identity, so InfuseNet has no effect in it.', {
    remedy: 'Choose a picture that was made with an identity, or FLUX or T5.',
  });
}
