/**
 * A ComfyUI with files of the real sizes and without data, for the pictures of the documents: the folder of an artist, and
 * the files that a search in it lacks.
 */
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseFluxConfig } from '../../../src-main/engine/graph/flux-config.js';
import {
  arcFaceNeeds,
  imageProjectionNeeds,
  infuseNetNeeds,
  type TensorNeeds,
} from '../../../src-main/engine/pack/audit-needs.js';
import { middleFaceDetector } from '../../support/face-detector.js';
import { varint } from '../../integration/support/onnx-bytes.js';
import { bflFlux, clipL, fluxAe, t5Xxl, writeSparse, type NamedShape } from '../../integration/support/sparse-files.js';

/** Tokens of FLUX.1-dev's two tokenizers. */
const CLIP_TOKENS = 49_408;
const T5_TOKENS = 32_100;

async function folderOf(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  return path;
}

/** What ComfyUI has for FLUX, with one more FLUX in fp8, a LoRA and a Stable Diffusion VAE. */
export async function makeRealComfy(root: string): Promise<void> {
  const models = join(root, 'models');
  const file = (...names: string[]) => folderOf(join(models, ...names));
  await writeSparse(await file('diffusion_models', 'flux1-dev.safetensors'), bflFlux(), () => 'BF16');
  await writeSparse(await file('diffusion_models', 'flux1-dev-fp8-e4m3fn.safetensors'), bflFlux(), () => 'F8_E4M3');
  await writeSparse(await file('text_encoders', 't5xxl_fp16.safetensors'), t5Xxl(), () => 'F16');
  await writeSparse(await file('text_encoders', 'clip_l.safetensors'), clipL(), () => 'F16');
  await writeSparse(await file('vae', 'ae.safetensors'), fluxAe(), () => 'F32');
  const lora: NamedShape[] = ['lora_down', 'lora_up'].map((name) => [`lora_unet_x.${name}.weight`, [16, 3072]]);
  await writeSparse(await file('loras', 'film-grain.safetensors'), lora, () => 'BF16');
  await mkdir(join(root, 'custom_nodes'), { recursive: true });
  await writeTokenizers(join(root, 'comfy'));
}

async function writeTokenizers(root: string): Promise<void> {
  const clip = join(root, 'sd1_tokenizer');
  const t5 = join(root, 'text_encoders', 't5_tokenizer');
  await Promise.all([clip, t5].map((folder) => mkdir(folder, { recursive: true })));
  const words = (count: number) => Array.from({ length: count }, (_, index) => `word${index}`);
  const vocab = [...words(CLIP_TOKENS - 2), '<|startoftext|>', '<|endoftext|>'];
  await writeFile(join(clip, 'vocab.json'), JSON.stringify(Object.fromEntries(vocab.map((word, id) => [word, id]))));
  await writeFile(join(clip, 'merges.txt'), '#version: 0.2\n');
  await writeFile(join(clip, 'tokenizer_config.json'), JSON.stringify({ model_max_length: 77 }));
  const pieces = ['<pad>', '</s>', '<unk>', ...words(T5_TOKENS - 3)].map((piece) => [piece, -1]);
  const model = { type: 'Unigram', unk_id: 2, vocab: pieces };
  await writeFile(join(t5, 'tokenizer.json'), JSON.stringify({ model }));
  await writeFile(join(t5, 'tokenizer_config.json'), JSON.stringify({ model_max_length: 512 }));
}

/** Where nodes for faces put their networks. */
export async function addRealFaces(root: string): Promise<void> {
  const arcface = await folderOf(join(root, 'models', 'facexlib', 'recognition_arcface_ir_se50.pth'));
  await writeSparse(arcface, shapes(arcFaceNeeds(irSe50())), () => 'F32');
  const detector = join(root, 'models', 'insightface', 'models', 'antelopev2', 'scrfd_10g_bnkps.onnx');
  const network = middleFaceDetector();
  const emptyText = Buffer.from([...varint(ONNX_DOC_STRING), ...varint(SCRFD_BYTES)]);
  await writeFile(await folderOf(detector), Buffer.concat([network, emptyText]));
  await truncate(detector, network.byteLength + emptyText.byteLength + SCRFD_BYTES);
}

/** Its file. */
const SCRFD_BYTES = 16_923_827;
/** ModelProto.doc_string, field 6, with a length. @source onnx/onnx.proto3 */
const ONNX_DOC_STRING = 6 * 8 + 2;

/** @param folder of the app's downloaded parts */
export async function addRealIdentity(folder: string): Promise<void> {
  const variant = join(folder, 'aes_stage2');
  const config = { ...DEV, num_layers: 4, num_single_layers: 10 };
  const infuseNet = await folderOf(join(variant, 'infusenet_aes_bf16.safetensors'));
  await writeSparse(infuseNet, shapes(infuseNetNeeds(parseFluxConfig(config, 'InfuseNet'))), () => 'BF16');
  const projection = join(variant, 'image_proj_model.bin');
  await writeSparse(projection, shapes(imageProjectionNeeds(RESAMPLER)), () => 'F32');
}

/** @source docs/pipeline.md */
const DEV = {
  patch_size: 1,
  in_channels: 64,
  num_layers: 19,
  num_single_layers: 38,
  attention_head_dim: 128,
  num_attention_heads: 24,
  joint_attention_dim: 4096,
  pooled_projection_dim: 768,
  guidance_embeds: true,
};
const RESAMPLER = {
  queries: 8,
  width: 1280,
  attentionWidth: 1280,
  feedForward: 5120,
  embedding: 512,
  output: 4096,
  layers: 4,
  headSize: 64,
};

/** facexlib's IR-SE50: units of four stages. @source xinntao/facexlib recognition/arcface_arch.py, get_blocks(50) */
function irSe50(): Parameters<typeof arcFaceNeeds>[0] {
  const stages = [
    [64, 3],
    [128, 4],
    [256, 14],
    [512, 3],
  ] as const;
  let into = 64;
  const bottlenecks = stages.flatMap(([out, units]) =>
    Array.from({ length: units }, (_, unit) => {
      const one = {
        into,
        out,
        stride: unit === 0 ? (2 as const) : (1 as const),
        squeeze: out / 16,
        projected: into !== out,
      };
      into = out;
      return one;
    }),
  );
  return { inputWidth: 64, bottlenecks, embedding: 512, finalSide: 7 };
}

function shapes(needs: TensorNeeds): NamedShape[] {
  return [...needs].map(([name, shape]) => [name, shape.map((dim) => dim ?? 1)]);
}
