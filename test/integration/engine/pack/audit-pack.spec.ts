import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { infuseNetNeeds } from '../../../../src-main/engine/pack/audit-needs.js';
import { auditPack } from '../../../../src-main/engine/pack/audit-pack.js';
import type { AuditPart, AuditState } from '../../../../src-main/engine/pack/audit-report.js';
import { writeSafetensors } from '../../../../src-main/engine/weights/write-safetensors.js';
import { onnxBytes } from '../../support/onnx-bytes.js';
import { editJson, makeTinyPack, rewrite, SCRFD_OUTPUTS, zeros, type TinyPack } from '../../support/tiny-pack.js';

let pack: TinyPack;
beforeEach(async () => {
  pack = await makeTinyPack();
});
afterEach(() => pack.remove());

const DIFFUSERS = 'diffusion_pytorch_model.safetensors';
const SHARD = 'diffusion_pytorch_model-00003-of-00005.safetensors';

/** Replaces FLUX's shards by one file. */
async function wholeFlux(change: Parameters<typeof rewrite>[2]): Promise<void> {
  const folder = join(pack.flux, 'transformer');
  const whole = join(pack.root, 'whole.safetensors');
  await rewrite(folder, whole, change);
  for (const name of await readdir(folder)) if (name !== 'config.json') await rm(join(folder, name));
  await rename(whole, join(folder, DIFFUSERS));
}

async function replaceFlux(name: string, bytes: Uint8Array | string): Promise<void> {
  const folder = join(pack.flux, 'transformer');
  for (const file of await readdir(folder)) if (file !== 'config.json') await rm(join(folder, file));
  await writeFile(join(folder, name), bytes);
}

const infuseNet = (): string => join(pack.variant, 'InfuseNetModel');
const single = (): string => join(pack.variant, 'infusenet_aes_bf16.safetensors');
const projection = (): string => join(pack.variant, 'image_proj_model.bin');

/** What is wrong, in which part, and what the audit must call it. */
type Case = readonly [string, AuditPart, AuditState, string, () => Promise<unknown>];

const CASES: readonly Case[] = [
  [
    'a missing folder',
    'flux',
    'missing',
    'folder-missing',
    () => rm(join(pack.flux, 'transformer'), { recursive: true }),
  ],
  ['a missing config', 'vae', 'missing', 'config-missing', () => rm(join(pack.flux, 'vae', 'config.json'))],
  [
    'a config that is no JSON',
    't5',
    'damaged',
    'json-damaged',
    () => writeFile(join(pack.flux, 'text_encoder_2', 'config.json'), '{"d_model": 48,'),
  ],
  [
    'the config of another class',
    'flux',
    'other-model',
    'config-of-other-class',
    () =>
      editJson(join(pack.flux, 'transformer', 'config.json'), (json) => {
        json['_class_name'] = 'SD3Transformer2DModel';
      }),
  ],
  [
    'a config with a missing size',
    'clip',
    'damaged',
    'config-invalid',
    () =>
      editJson(join(pack.flux, 'text_encoder', 'config.json'), (json) => {
        delete json['num_hidden_layers'];
      }),
  ],
  [
    'FLUX.1-schnell by its config',
    'flux',
    'other-model',
    'schnell',
    () =>
      editJson(join(pack.flux, 'transformer', 'config.json'), (json) => {
        json['guidance_embeds'] = false;
      }),
  ],
  [
    'the weights of schnell beside the config of dev',
    'flux',
    'other-model',
    'schnell',
    () => wholeFlux({ rename: (name) => (name.includes('guidance_embedder') ? null : name) }),
  ],
  [
    'FLUX.1-Fill',
    'flux',
    'other-model',
    'flux-tools',
    () =>
      editJson(join(pack.flux, 'transformer', 'config.json'), (json) => {
        json['in_channels'] = 384;
      }),
  ],
  ['no weights', 'vae', 'missing', 'weights-missing', () => rm(join(pack.flux, 'vae', DIFFUSERS))],
  [
    'weights in torch’s form only',
    'clip',
    'missing',
    'torch-weights-only',
    () =>
      rename(
        join(pack.flux, 'text_encoder', 'model.safetensors'),
        join(pack.flux, 'text_encoder', 'pytorch_model.bin'),
      ),
  ],
  [
    'an unfinished download',
    't5',
    'unfinished',
    'unfinished-download',
    () =>
      rename(
        join(pack.flux, 'text_encoder_2', 'model.safetensors'),
        join(pack.flux, 'text_encoder_2', 'model.safetensors.incomplete'),
      ),
  ],
  ['a missing shard', 'flux', 'missing', 'shard-missing', () => rm(join(pack.flux, 'transformer', SHARD))],
  [
    'shards without their index',
    'flux',
    'missing',
    'index-missing',
    () => rm(join(pack.flux, 'transformer', `${DIFFUSERS}.index.json`)),
  ],
  [
    'an index of another download',
    'flux',
    'damaged',
    'index-mismatch',
    () =>
      editJson(join(pack.flux, 'transformer', `${DIFFUSERS}.index.json`), (json) => {
        (json['weight_map'] as Record<string, string>)['transformer_blocks.99.attn.to_q.weight'] = SHARD;
      }),
  ],
  [
    'a shard that was cut short',
    'flux',
    'truncated',
    'truncated',
    () => truncate(join(pack.flux, 'transformer', SHARD), 300_000),
  ],
  [
    'a file cut inside its header',
    'vae',
    'truncated',
    'truncated',
    () => truncate(join(pack.flux, 'vae', DIFFUSERS), 500),
  ],
  [
    'a file with something after its end',
    'vae',
    'damaged',
    'too-long',
    async () => {
      const file = join(pack.flux, 'vae', DIFFUSERS);
      await writeFile(file, Buffer.concat([await readFile(file), Buffer.from('tail')]));
    },
  ],
  ['an empty file', 'vae', 'damaged', 'empty-file', () => truncate(join(pack.flux, 'vae', DIFFUSERS), 0)],
  [
    'a Git LFS pointer',
    'vae',
    'missing',
    'lfs-pointer',
    () =>
      writeFile(
        join(pack.flux, 'vae', DIFFUSERS),
        'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 167666902\n',
      ),
  ],
  [
    'a log-in page saved as weights',
    'flux',
    'damaged',
    'web-page',
    () => writeFile(join(pack.flux, 'transformer', SHARD), '<!DOCTYPE html><html><head><title>Log in</title>'),
  ],
  [
    'an error message saved as weights',
    'vae',
    'damaged',
    'json-instead',
    () => writeFile(join(pack.flux, 'vae', DIFFUSERS), '{"error":"Access to model is restricted"}'),
  ],
  ['a GGUF file', 'flux', 'other-model', 'gguf', () => replaceFlux('flux1-dev-Q4_K_S.gguf', 'GGUF\x03\0\0\0')],
  [
    'a file of no known kind',
    'vae',
    'damaged',
    'unknown-file',
    () => writeFile(join(pack.flux, 'vae', DIFFUSERS), 'Rar!\x1a\x07 and so on'),
  ],
  [
    'torch’s file under a safetensors name',
    'vae',
    'other-model',
    'torch-file',
    () => cp(projection(), join(pack.flux, 'vae', DIFFUSERS)),
  ],
  [
    'FLUX in Black Forest Labs’ layout',
    'flux',
    'other-model',
    'is-bfl-flux',
    () =>
      wholeFlux({
        rename: (name) =>
          name.replace('single_transformer_blocks.', 'single_blocks.').replace('transformer_blocks.', 'double_blocks.'),
      }),
  ],
  [
    'an all-in-one checkpoint',
    'flux',
    'other-model',
    'is-all-in-one',
    () => wholeFlux({ rename: (name) => `model.diffusion_model.${name}` }),
  ],
  [
    'a LoRA',
    'flux',
    'other-model',
    'is-lora',
    () => wholeFlux({ rename: (name) => `transformer.${name.replace('.weight', '.lora_A.weight')}` }),
  ],
  [
    'a kohya LoRA',
    'flux',
    'other-model',
    'is-lora',
    () => wholeFlux({ rename: (name) => `lora_unet_${name.replaceAll('.', '_')}.lora_down.weight` }),
  ],
  [
    'fp8 with scales',
    'flux',
    'other-model',
    'is-scaled-fp8',
    () => wholeFlux({ add: [zeros('transformer_blocks.0.attn.to_q.scale_weight', [1])] }),
  ],
  [
    'quanto’s form',
    'flux',
    'other-model',
    'is-quanto',
    () => wholeFlux({ rename: (name) => (name.endsWith('to_q.weight') ? `${name}._data` : name) }),
  ],
  [
    'Nunchaku’s form',
    'flux',
    'other-model',
    'is-nunchaku',
    () => wholeFlux({ rename: (name) => (name.endsWith('to_q.weight') ? name.replace('weight', 'qweight') : name) }),
  ],
  ['a plain cast to fp8', 'flux', 'other-model', 'plain-fp8', () => wholeFlux({ dtype: 'F8_E4M3' })],
  ['whole numbers for weights', 'flux', 'other-model', 'wrong-dtype', () => wholeFlux({ dtype: 'I8' })],
  [
    'a missing tensor',
    'flux',
    'damaged',
    'tensors-missing',
    () => wholeFlux({ rename: (name) => (name === 'norm_out.linear.weight' ? null : name) }),
  ],
  [
    'a tensor that has no place',
    'flux',
    'other-model',
    'tensors-unexpected',
    () => wholeFlux({ add: [zeros('pulid_ca.0.norm1.weight', [4])] }),
  ],
  [
    'a tensor of another shape',
    'flux',
    'other-model',
    'wrong-shape',
    () =>
      wholeFlux({
        rename: (name) => (name === 'proj_out.bias' ? null : name),
        add: [zeros('proj_out.bias', [65])],
      }),
  ],
  [
    'the autoencoder in Black Forest Labs’ layout',
    'vae',
    'other-model',
    'is-bfl-vae',
    async () => {
      const file = join(pack.flux, 'vae', DIFFUSERS);
      await rewrite(file, file, {
        rename: (name) => name.replace('down_blocks.', 'down.').replace('resnets.', 'block.'),
      });
    },
  ],
  [
    'FLUX in InfuseNet’s place',
    'infusenet',
    'other-model',
    'is-flux',
    () => rewrite(join(pack.flux, 'transformer'), join(infuseNet(), DIFFUSERS), {}),
  ],
  [
    'a union ControlNet',
    'infusenet',
    'other-model',
    'is-union-controlnet',
    () =>
      editJson(join(infuseNet(), 'config.json'), (json) => {
        json['num_mode'] = 10;
      }),
  ],
  [
    'a union ControlNet by its tensors',
    'infusenet',
    'other-model',
    'is-union-controlnet',
    () => rewrite(infuseNet(), single(), { add: [zeros('controlnet_mode_embedder.weight', [10, 64])] }),
  ],
  [
    'a ControlNet with a hint network',
    'infusenet',
    'other-model',
    'is-hint-controlnet',
    () =>
      editJson(join(infuseNet(), 'config.json'), (json) => {
        json['conditioning_embedding_channels'] = 16;
      }),
  ],
  [
    'only the fp8 file of InfuseNet',
    'infusenet',
    'missing',
    'fp8-only',
    () => rename(join(infuseNet(), DIFFUSERS), join(pack.variant, 'infusenet_aes_fp8e4m3fn.safetensors')),
  ],
  [
    'the file of another variant',
    'infusenet',
    'other-model',
    'wrong-variant',
    () => rename(join(infuseNet(), DIFFUSERS), join(pack.variant, 'infusenet_sim_bf16.safetensors')),
  ],
  [
    'an unfinished download of the single file',
    'infusenet',
    'unfinished',
    'unfinished-download',
    () => rename(join(infuseNet(), DIFFUSERS), join(pack.variant, 'infusenet_aes_bf16.safetensors.incomplete')),
  ],
  [
    'an InfuseNet of another width than FLUX',
    'infusenet',
    'other-model',
    'parts-disagree',
    async () => {
      const file = join(infuseNet(), 'config.json');
      await editJson(file, (json) => {
        json['num_attention_heads'] = 3;
      });
      const needs = infuseNetNeeds(parseFluxConfig(JSON.parse(await readFile(file, 'utf8')), 'config'));
      await writeSafetensors(
        join(infuseNet(), DIFFUSERS),
        [...needs].map(([name, shape]) =>
          zeros(
            name,
            shape.map((dim) => dim ?? 1),
            'BF16',
          ),
        ),
      );
    },
  ],
  ['a missing image projection', 'image-projection', 'missing', 'file-missing', () => rm(projection())],
  [
    'an IP-Adapter for the image projection',
    'image-projection',
    'other-model',
    'is-ip-adapter',
    () => rewrite(projection(), projection(), { add: [zeros('ip_adapter.1.to_k_ip.weight', [4, 4])] }),
  ],
  [
    'an image projection that was cut short',
    'image-projection',
    'damaged',
    'malformed',
    () => truncate(projection(), 300_000),
  ],
  ['a missing face network', 'arcface', 'missing', 'file-missing', () => rm(pack.arcface)],
  [
    'glintr100 under ArcFace’s name',
    'arcface',
    'other-model',
    'is-insightface-iresnet',
    () =>
      writeFile(
        pack.arcface,
        onnxBytes({
          inputs: ['input.1'],
          outputs: ['1333'],
          initializers: ['layer1.0.bn1.weight', 'layer1.0.prelu.weight', 'fc.weight', 'features.weight'],
        }),
      ),
  ],
  [
    'another ONNX under ArcFace’s name',
    'arcface',
    'other-model',
    'onnx-file',
    () => writeFile(pack.arcface, onnxBytes({ inputs: ['x'], outputs: ['y'], initializers: ['381'] })),
  ],
  [
    'insightface’s torch weights under ArcFace’s name',
    'arcface',
    'other-model',
    'is-insightface-iresnet',
    () =>
      rewrite(pack.arcface, pack.arcface, {
        rename: (name) => name.replace(/^body\.(\d)\.res_layer\.0\./, 'layer1.$1.bn1.').replace('body.', 'layer2.'),
      }),
  ],
  ['a missing detector', 'scrfd', 'missing', 'file-missing', () => rm(pack.scrfd)],
  [
    'a detector without landmarks',
    'scrfd',
    'other-model',
    'detector-without-landmarks',
    () =>
      writeFile(pack.scrfd, onnxBytes({ inputs: ['i'], outputs: SCRFD_OUTPUTS.slice(0, 6), initializers: ['381'] })),
  ],
  [
    'another network in the detector’s place',
    'scrfd',
    'other-model',
    'not-a-detector',
    () => writeFile(pack.scrfd, onnxBytes({ inputs: ['i'], outputs: ['1333'], initializers: ['381'] })),
  ],
  [
    'a detector that was cut short',
    'scrfd',
    'damaged',
    'malformed',
    async () => {
      const bytes = await readFile(pack.scrfd);
      await writeFile(pack.scrfd, bytes.subarray(0, bytes.byteLength - 40));
    },
  ],
  [
    'a whole T5',
    't5',
    'other-model',
    'is-full-t5',
    async () => {
      const file = join(pack.flux, 'text_encoder_2', 'model.safetensors');
      await rewrite(file, file, { add: [zeros('decoder.block.0.layer.0.SelfAttention.q.weight', [4, 4])] });
    },
  ],
  [
    'a whole CLIP',
    'clip',
    'other-model',
    'is-full-clip',
    async () => {
      const file = join(pack.flux, 'text_encoder', 'model.safetensors');
      await rewrite(file, file, { add: [zeros('vision_model.embeddings.class_embedding', [4])] });
    },
  ],
  [
    'a T5 tokenizer without tokenizer.json',
    'tokenizer_2',
    'missing',
    'file-missing',
    () => rm(join(pack.flux, 'tokenizer_2', 'tokenizer.json')),
  ],
  [
    'no CLIP tokenizer',
    'tokenizer',
    'missing',
    'folder-missing',
    () => rm(join(pack.flux, 'tokenizer'), { recursive: true }),
  ],
  [
    'a damaged vocabulary',
    'tokenizer',
    'damaged',
    'json-damaged',
    () => truncate(join(pack.flux, 'tokenizer', 'vocab.json'), 2000),
  ],
  [
    'a link of a cache whose file is gone',
    'vae',
    'missing',
    'broken-link',
    async () => {
      const file = join(pack.flux, 'vae', DIFFUSERS);
      await rm(file);
      await symlink(join(pack.root, 'blobs', '0a1b'), file);
    },
  ],
];

/** Sentence and remedy of each kind, to see that no two kinds say the same. */
const said = new Map<string, string>();

describe('auditPack', () => {
  it('finds nothing wrong with the pack as it is', async () => {
    const { parts, complete } = await auditPack(pack.target());
    expect(parts.flatMap(({ findings }) => findings)).toEqual([]);
    expect(complete).toBe(true);
    expect(parts.find(({ part }) => part === 'flux')).toMatchObject({
      // 20 outside the blocks, 32 for each of 3 double and 14 for each of 5 single blocks
      tensors: 186,
      expectedTensors: 186,
      dtypes: ['BF16'],
    });
  });

  it.each(CASES)('names %s', async (_what, part, state, kind, breakIt) => {
    await breakIt();
    const { parts, complete } = await auditPack(pack.target());
    const broken = parts.filter((audited) => audited.state !== 'ok');
    expect(broken.map((audited) => audited.part)).toEqual([part]);
    const [first] = broken[0]?.findings ?? [];
    expect(first).toMatchObject({ state, kind });
    expect(first?.sentence).toMatch(/^(?!.*undefined).{20,400}\.$/);
    expect(first?.remedy).toMatch(/^(?!.*undefined).{20,300}\.$/);
    expect(complete).toBe(false);
    said.set(`${part} ${kind}`, first?.sentence ?? '');
  });

  it('calls a smaller network what it is when the pack is the real one', async () => {
    const { parts } = await auditPack({ ...pack.target(), expectedTensors: { flux: 1160, infusenet: 314 } });
    const kinds = parts.filter(({ state }) => state !== 'ok').map(({ part, findings }) => [part, findings[0]?.kind]);
    expect(kinds).toEqual([
      ['flux', 'other-size'],
      ['infusenet', 'other-size'],
    ]);
  });

  it('prefers the single bf16 file of InfuseNet', async () => {
    await rewrite(infuseNet(), single(), { dtype: 'BF16' });
    await rm(join(infuseNet(), DIFFUSERS));
    const { parts, complete } = await auditPack(pack.target());
    expect(complete).toBe(true);
    expect(parts.find(({ part }) => part === 'infusenet')).toMatchObject({ path: single(), dtypes: ['BF16'] });
  });

  it('names every part of an empty folder', async () => {
    const { parts, complete } = await auditPack({ flux: null, variants: new Map(), arcface: null, scrfd: null });
    expect(complete).toBe(false);
    expect(parts.map(({ state }) => state)).toEqual(parts.map(() => 'missing'));
    expect(parts).toHaveLength(8);
  });

  it('follows links, as the cache of the hub has them', async () => {
    const blobs = join(pack.root, 'blobs');
    await mkdir(blobs);
    const file = join(pack.flux, 'vae', DIFFUSERS);
    await rename(file, join(blobs, 'aa'));
    await symlink(join(blobs, 'aa'), file);
    expect((await auditPack(pack.target())).complete).toBe(true);
  });
});

afterAll(() => {
  // Each case has its own sentence: at least 25 different ones, and none twice.
  if (said.size > 0) expect(new Set(said.values()).size).toBe(said.size);
});
