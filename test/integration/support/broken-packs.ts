/** Every way in which a pack can be wrong that the app tells apart, each as one change of the miniature pack. */
import { cp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFluxConfig } from '../../../src-main/engine/graph/flux-config.js';
import { infuseNetNeeds } from '../../../src-main/engine/pack/audit-needs.js';
import type { AuditPart, AuditState } from '../../../src-main/engine/protocol/audit-report.js';
import { writeSafetensors } from '../../support/write-safetensors.js';
import { onnxBytes } from './onnx-bytes.js';
import { editJson, rewrite, SCRFD_OUTPUTS, zeros, type TinyPack } from './tiny-pack.js';

const DIFFUSERS = 'diffusion_pytorch_model.safetensors';
const SHARD = 'diffusion_pytorch_model-00003-of-00005.safetensors';

/** Replaces FLUX's shards by one file. */
async function wholeFlux(pack: TinyPack, change: Parameters<typeof rewrite>[2]): Promise<void> {
  const folder = join(pack.flux, 'transformer');
  const whole = join(pack.root, 'whole.safetensors');
  await rewrite(folder, whole, change);
  for (const name of await readdir(folder)) if (name !== 'config.json') await rm(join(folder, name));
  await rename(whole, join(folder, DIFFUSERS));
}

const infuseNet = (pack: TinyPack): string => join(pack.variant, 'InfuseNetModel');
const single = (pack: TinyPack): string => join(pack.variant, 'infusenet_aes_bf16.safetensors');
const projection = (pack: TinyPack): string => join(pack.variant, 'image_proj_model.bin');

/** What is wrong, in which part, and what the audit must call it. */
export type BrokenPack = readonly [string, AuditPart, AuditState, string, (pack: TinyPack) => Promise<unknown>];

export const BROKEN_PACKS: readonly BrokenPack[] = [
  [
    'a missing folder',
    'flux',
    'missing',
    'folder-missing',
    (pack) => rm(join(pack.flux, 'transformer'), { recursive: true }),
  ],
  ['a missing config', 'vae', 'missing', 'config-missing', (pack) => rm(join(pack.flux, 'vae', 'config.json'))],
  [
    'a config that is no JSON',
    't5',
    'damaged',
    'json-damaged',
    (pack) => writeFile(join(pack.flux, 'text_encoder_2', 'config.json'), '{"d_model": 48,'),
  ],
  [
    'the config of another class',
    'flux',
    'other-model',
    'config-of-other-class',
    (pack) =>
      editJson(join(pack.flux, 'transformer', 'config.json'), (json) => {
        json['_class_name'] = 'SD3Transformer2DModel';
      }),
  ],
  [
    'a config with a missing size',
    'clip',
    'damaged',
    'config-invalid',
    (pack) =>
      editJson(join(pack.flux, 'text_encoder', 'config.json'), (json) => {
        delete json['num_hidden_layers'];
      }),
  ],
  [
    'FLUX.1-schnell by its config',
    'flux',
    'other-model',
    'schnell',
    (pack) =>
      editJson(join(pack.flux, 'transformer', 'config.json'), (json) => {
        json['guidance_embeds'] = false;
      }),
  ],
  [
    'the weights of schnell beside the config of dev',
    'flux',
    'other-model',
    'schnell',
    (pack) => wholeFlux(pack, { rename: (name) => (name.includes('guidance_embedder') ? null : name) }),
  ],
  [
    'FLUX.1-Fill',
    'flux',
    'other-model',
    'flux-tools',
    (pack) =>
      editJson(join(pack.flux, 'transformer', 'config.json'), (json) => {
        json['in_channels'] = 384;
      }),
  ],
  ['no weights', 'vae', 'missing', 'weights-missing', (pack) => rm(join(pack.flux, 'vae', DIFFUSERS))],
  [
    'weights in torch’s form only',
    'clip',
    'missing',
    'torch-weights-only',
    (pack) =>
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
    (pack) =>
      rename(
        join(pack.flux, 'text_encoder_2', 'model.safetensors'),
        join(pack.flux, 'text_encoder_2', 'model.safetensors.incomplete'),
      ),
  ],
  ['a missing shard', 'flux', 'missing', 'shard-missing', (pack) => rm(join(pack.flux, 'transformer', SHARD))],
  [
    'shards without their index',
    'flux',
    'missing',
    'index-missing',
    (pack) => rm(join(pack.flux, 'transformer', `${DIFFUSERS}.index.json`)),
  ],
  [
    'an index of another download',
    'flux',
    'damaged',
    'index-mismatch',
    (pack) =>
      editJson(join(pack.flux, 'transformer', `${DIFFUSERS}.index.json`), (json) => {
        (json['weight_map'] as Record<string, string>)['transformer_blocks.99.attn.to_q.weight'] = SHARD;
      }),
  ],
  [
    'a shard that was cut short',
    'flux',
    'truncated',
    'truncated',
    (pack) => truncate(join(pack.flux, 'transformer', SHARD), 300_000),
  ],
  [
    'a file cut inside its header',
    'vae',
    'truncated',
    'truncated',
    (pack) => truncate(join(pack.flux, 'vae', DIFFUSERS), 500),
  ],
  [
    'a file with something after its end',
    'vae',
    'damaged',
    'too-long',
    async (pack) => {
      const file = join(pack.flux, 'vae', DIFFUSERS);
      await writeFile(file, Buffer.concat([await readFile(file), Buffer.from('tail')]));
    },
  ],
  ['an empty file', 'vae', 'damaged', 'empty-file', (pack) => truncate(join(pack.flux, 'vae', DIFFUSERS), 0)],
  [
    'a Git LFS pointer',
    'vae',
    'missing',
    'lfs-pointer',
    (pack) =>
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
    (pack) => writeFile(join(pack.flux, 'transformer', SHARD), '<!DOCTYPE html><html><head><title>Log in</title>'),
  ],
  [
    'an error message saved as weights',
    'vae',
    'damaged',
    'json-instead',
    (pack) => writeFile(join(pack.flux, 'vae', DIFFUSERS), '{"error":"Access to model is restricted"}'),
  ],
  [
    'a file of no known kind',
    'vae',
    'damaged',
    'unknown-file',
    (pack) => writeFile(join(pack.flux, 'vae', DIFFUSERS), 'Rar!\x1a\x07 and so on'),
  ],
  [
    'torch’s file under a safetensors name',
    'vae',
    'other-model',
    'torch-file',
    (pack) => cp(projection(pack), join(pack.flux, 'vae', DIFFUSERS)),
  ],
  [
    'a part of FLUX in Black Forest Labs’ layout',
    'flux',
    'other-model',
    'is-bfl-flux',
    (pack) =>
      wholeFlux(pack, {
        rename: (name) =>
          name.replace('single_transformer_blocks.', 'single_blocks.').replace('transformer_blocks.', 'double_blocks.'),
      }),
  ],
  [
    'a LoRA',
    'flux',
    'other-model',
    'is-lora',
    (pack) => wholeFlux(pack, { rename: (name) => `transformer.${name.replace('.weight', '.lora_A.weight')}` }),
  ],
  [
    'a kohya LoRA',
    'flux',
    'other-model',
    'is-lora',
    (pack) => wholeFlux(pack, { rename: (name) => `lora_unet_${name.replaceAll('.', '_')}.lora_down.weight` }),
  ],
  [
    'quanto’s form',
    'flux',
    'other-model',
    'unsupported-dtype',
    (pack) => wholeFlux(pack, { rename: (name) => (name.endsWith('to_q.weight') ? `${name}._data` : name) }),
  ],
  [
    'Nunchaku’s form',
    'flux',
    'other-model',
    'unsupported-dtype',
    (pack) =>
      wholeFlux(pack, { rename: (name) => (name.endsWith('to_q.weight') ? name.replace('weight', 'qweight') : name) }),
  ],
  ['whole numbers for weights', 'flux', 'other-model', 'unsupported-dtype', (pack) => wholeFlux(pack, { dtype: 'I8' })],
  [
    'a missing tensor',
    'flux',
    'damaged',
    'tensors-missing',
    (pack) => wholeFlux(pack, { rename: (name) => (name === 'norm_out.linear.weight' ? null : name) }),
  ],
  [
    'a tensor that has no place',
    'flux',
    'other-model',
    'tensors-unexpected',
    (pack) => wholeFlux(pack, { add: [zeros('pulid_ca.0.norm1.weight', [4])] }),
  ],
  [
    'a tensor of another shape',
    'flux',
    'other-model',
    'wrong-shape',
    (pack) =>
      wholeFlux(pack, {
        rename: (name) => (name === 'proj_out.bias' ? null : name),
        add: [zeros('proj_out.bias', [65])],
      }),
  ],
  [
    'a part of the autoencoder in Black Forest Labs’ layout',
    'vae',
    'other-model',
    'is-bfl-vae',
    async (pack) => {
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
    (pack) => rewrite(join(pack.flux, 'transformer'), join(infuseNet(pack), DIFFUSERS), {}),
  ],
  [
    'a union ControlNet',
    'infusenet',
    'other-model',
    'is-union-controlnet',
    (pack) =>
      editJson(join(infuseNet(pack), 'config.json'), (json) => {
        json['num_mode'] = 10;
      }),
  ],
  [
    'a union ControlNet by its tensors',
    'infusenet',
    'other-model',
    'is-union-controlnet',
    (pack) => rewrite(infuseNet(pack), single(pack), { add: [zeros('controlnet_mode_embedder.weight', [10, 64])] }),
  ],
  [
    'a ControlNet with a hint network',
    'infusenet',
    'other-model',
    'is-hint-controlnet',
    (pack) =>
      editJson(join(infuseNet(pack), 'config.json'), (json) => {
        json['conditioning_embedding_channels'] = 16;
      }),
  ],
  [
    'the file of another variant',
    'infusenet',
    'other-model',
    'wrong-variant',
    (pack) => rename(join(infuseNet(pack), DIFFUSERS), join(pack.variant, 'infusenet_sim_bf16.safetensors')),
  ],
  [
    'an unfinished download of the single file',
    'infusenet',
    'unfinished',
    'unfinished-download',
    (pack) => rename(join(infuseNet(pack), DIFFUSERS), join(pack.variant, 'infusenet_aes_bf16.safetensors.incomplete')),
  ],
  [
    'an InfuseNet of another width than FLUX',
    'infusenet',
    'other-model',
    'parts-disagree',
    async (pack) => {
      const file = join(infuseNet(pack), 'config.json');
      await editJson(file, (json) => {
        json['num_attention_heads'] = 3;
      });
      const needs = infuseNetNeeds(parseFluxConfig(JSON.parse(await readFile(file, 'utf8')), 'config'));
      await writeSafetensors(
        join(infuseNet(pack), DIFFUSERS),
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
  ['a missing image projection', 'image-projection', 'missing', 'file-missing', (pack) => rm(projection(pack))],
  [
    'an IP-Adapter for the image projection',
    'image-projection',
    'other-model',
    'is-ip-adapter',
    (pack) => rewrite(projection(pack), projection(pack), { add: [zeros('ip_adapter.1.to_k_ip.weight', [4, 4])] }),
  ],
  [
    'an image projection that was cut short',
    'image-projection',
    'damaged',
    'malformed',
    (pack) => truncate(projection(pack), 300_000),
  ],
  ['a missing face network', 'arcface', 'missing', 'arcface-missing', (pack) => rm(pack.arcface)],
  [
    'glintr100 under ArcFace’s name',
    'arcface',
    'other-model',
    'is-insightface-iresnet',
    (pack) =>
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
    (pack) => writeFile(pack.arcface, onnxBytes({ inputs: ['x'], outputs: ['y'], initializers: ['381'] })),
  ],
  [
    'insightface’s torch weights under ArcFace’s name',
    'arcface',
    'other-model',
    'is-insightface-iresnet',
    (pack) =>
      rewrite(pack.arcface, pack.arcface, {
        rename: (name) => name.replace(/^body\.(\d)\.res_layer\.0\./, 'layer1.$1.bn1.').replace('body.', 'layer2.'),
      }),
  ],
  ['a missing detector', 'scrfd', 'missing', 'scrfd-missing', (pack) => rm(pack.scrfd)],
  [
    'a detector without landmarks',
    'scrfd',
    'other-model',
    'detector-without-landmarks',
    (pack) =>
      writeFile(pack.scrfd, onnxBytes({ inputs: ['i'], outputs: SCRFD_OUTPUTS.slice(0, 6), initializers: ['381'] })),
  ],
  [
    'another network in the detector’s place',
    'scrfd',
    'other-model',
    'not-a-detector',
    (pack) => writeFile(pack.scrfd, onnxBytes({ inputs: ['i'], outputs: ['1333'], initializers: ['381'] })),
  ],
  [
    'a detector that was cut short',
    'scrfd',
    'damaged',
    'malformed',
    async (pack) => {
      const bytes = await readFile(pack.scrfd);
      await writeFile(pack.scrfd, bytes.subarray(0, bytes.byteLength - 40));
    },
  ],
  [
    'a whole T5',
    't5',
    'other-model',
    'is-full-t5',
    async (pack) => {
      const file = join(pack.flux, 'text_encoder_2', 'model.safetensors');
      await rewrite(file, file, { add: [zeros('decoder.block.0.layer.0.SelfAttention.q.weight', [4, 4])] });
    },
  ],
  [
    'a T5 tokenizer without tokenizer.json',
    'tokenizer_2',
    'missing',
    'file-missing',
    (pack) => rm(join(pack.flux, 'tokenizer_2', 'tokenizer.json')),
  ],
  [
    'no CLIP tokenizer',
    'tokenizer',
    'missing',
    'folder-missing',
    (pack) => rm(join(pack.flux, 'tokenizer'), { recursive: true }),
  ],
  [
    'a damaged vocabulary',
    'tokenizer',
    'damaged',
    'json-damaged',
    (pack) => truncate(join(pack.flux, 'tokenizer', 'vocab.json'), 2000),
  ],
  [
    'a link of a cache whose file is gone',
    'vae',
    'missing',
    'broken-link',
    async (pack) => {
      const file = join(pack.flux, 'vae', DIFFUSERS);
      await rm(file);
      await symlink(join(pack.root, 'blobs', '0a1b'), file);
    },
  ],
];
