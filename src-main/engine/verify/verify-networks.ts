/**
 * Recomputes every network output of a reference folder's `expected.safetensors`. Each network gets the reference's
 * inputs, so that an error shows where it arises; only the loop's latents and the decoded picture are all our own.
 */
import { join } from 'node:path';
import { openPack, type Pack } from '../pack/open-pack.js';
import { loadClip, loadT5 } from '../pipeline/networks/encode-text.js';
import { projectIdentity } from '../pipeline/faces/identity.js';
import { openClip, openImageProjection, openT5, openVae, readJson } from '../pack/pack-networks.js';
import { encodePixels, vaeScale } from '../pipeline/networks/vae-codec.js';
import { latentShape, packLatents } from '../sampling/latents.js';
import { loadTokenizers } from '../text/load-tokenizers.js';
import { checkExact, checkRelative, relativeL2 } from './checks.js';
import { parseExpectedSettings, type ExpectedSettings } from './expected-settings.js';
import { firstVariant, limitsOf, withExpected, withNetwork, type VerifyContext } from './verify-context.js';
import { verifyDenoiser } from './verify-denoiser.js';

/** Possible head sizes of a miniature's image projection. */
const HEAD_SIZES = [64, 32, 16, 8, 4];

/** @throws AppError of the readers and sessions; a wrong number is a failed check */
export async function verifyNetworks(context: VerifyContext): Promise<void> {
  const pack = await openPack(context.folder);
  const settings = parseExpectedSettings(await readJson(join(context.folder, 'expected.json')));
  await verifyText(context, pack, settings);
  await verifyIdentity(context, pack);
  await verifyVaeEncoder(context, pack, settings);
  await verifyDenoiser(context, pack, settings);
}

async function verifyText(context: VerifyContext, pack: Pack, settings: ExpectedSettings): Promise<void> {
  const { expected, report, prepare } = context;
  const tokenizers = await loadTokenizers(pack);
  const encodeAll = (encode: (prompt: string) => Int32Array) =>
    settings.prompts.flatMap((prompt) => [...encode(prompt)]);
  for (const [name, tokenizer] of [
    ['clip_input_ids', tokenizers.clip],
    ['t5_input_ids', tokenizers.t5],
  ] as const) {
    if (expected.entries.has(name)) {
      report(
        checkExact(
          name,
          encodeAll((prompt) => tokenizer.encode(prompt)),
          await expected.readF32(name),
        ),
      );
    }
  }
  if (expected.entries.has('clip_pooled')) {
    await withNetwork(openClip(pack), async (network) => {
      const clip = await loadClip(prepare, network);
      try {
        const rows = await Promise.all(settings.prompts.map((prompt) => clip.encode(tokenizers.clip.encode(prompt))));
        await reportRows(context, 'clip_pooled', rows);
      } finally {
        await clip.session.release();
      }
    });
  }
  if (expected.entries.has('t5_embeds')) {
    await withNetwork(openT5(pack), async (network) => {
      const t5 = await loadT5(prepare, network, '16-bit');
      try {
        const rows: Float32Array[] = [];
        for (const prompt of settings.prompts) rows.push(await t5.encode(tokenizers.t5.encode(prompt)));
        await reportRows(context, 't5_embeds', rows);
      } finally {
        await t5.release();
      }
    });
  }
}

/** One check per prompt. */
async function reportRows(context: VerifyContext, name: string, rows: readonly Float32Array[]): Promise<void> {
  const all = await context.expected.readF32(name);
  const size = all.length / rows.length;
  const limit = limitsOf(context.prepare).network;
  rows.forEach((row, index) => {
    context.report(checkRelative(`${name}[${index}]`, row, all.subarray(index * size, (index + 1) * size), limit));
  });
}

async function verifyIdentity(context: VerifyContext, pack: Pack): Promise<void> {
  const { expected, prepare, report } = context;
  if (!expected.entries.has('face_embedding') || !expected.entries.has('identity_tokens')) return;
  const embedding = await expected.readF32('face_embedding');
  const reference = await expected.readF32('identity_tokens');
  const limit = limitsOf(prepare).network;
  await withNetwork(openImageProjection(pack, firstVariant(pack)), async (network) => {
    // A miniature's head size is not in its checkpoint, so its divisors are tried when the default does not fit.
    const { attentionWidth, headSize } = network.config;
    const sizes = [headSize, ...HEAD_SIZES.filter((size) => size !== headSize && attentionWidth % size === 0)];
    let best: { readonly size: number; readonly tokens: Float32Array; readonly error: number } | null = null;
    for (const size of pack.imageProjectionHeadSize === null ? sizes : [headSize]) {
      const tokens = await projectIdentity(
        prepare,
        { ...network, config: { ...network.config, headSize: size } },
        embedding,
      );
      const error = relativeL2(tokens, reference);
      if (best === null || error < best.error) best = { size, tokens, error };
      if (error <= limit) break;
    }
    if (best === null) return;
    report(checkRelative('identity_tokens', best.tokens, reference, limit, `head size ${best.size}`));
  });
}

async function verifyVaeEncoder(context: VerifyContext, pack: Pack, settings: ExpectedSettings): Promise<void> {
  const { expected, prepare, report } = context;
  if (!expected.entries.has('control_image')) return;
  const limit = limitsOf(prepare).network;
  await withNetwork(openVae(pack), async (vae) => {
    const pixels = await expected.readF32('control_image');
    const posterior = await encodePixels(prepare, vae, pixels, settings.height, settings.width);
    await withExpected(context, 'control_latents_mean', (reference) =>
      report(checkRelative('control_latents_mean', posterior.mean, reference, limit)),
    );
    await withExpected(context, 'control_latents_logvar', (reference) =>
      report(checkRelative('control_latents_logvar', posterior.logvar, reference, limit)),
    );
    const shape = latentShape(settings.width, settings.height, vae.config.latentChannels, vaeScale(vae.config));
    const { shiftFactor, scalingFactor } = vae.config;
    const packed = packLatents(
      posterior.mean.map((value) => (value - shiftFactor) * scalingFactor),
      shape,
    );
    await withExpected(context, 'control_packed', (reference) =>
      report(checkRelative('control_packed', packed, reference, limit, 'posterior mean')),
    );
  });
}
