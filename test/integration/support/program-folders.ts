/** Miniatures of other programs' folders, with the miniature files as the real tools wrote them. */
import { cp, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { middleFaceDetector } from '../../support/face-detector.js';
import { writeFaceNetwork } from '../../support/test-assets.js';
import { MODEL_FILES, writePartsPack } from './parts-pack.js';

const TOKENIZERS = resolve('test/fixtures/reference-tiny/flux');

/** Puts files at paths below `root`: links to fixtures, so that nothing is copied. */
export async function link(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, from] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(from, join(root, path));
  }
}

export const FILE = (name: string): string => join(MODEL_FILES, name);

/** What ComfyUI's own workflow for FLUX needs, and the tokenizers that come with the program. */
export const COMFY_FILES: Readonly<Record<string, string>> = {
  'models/diffusion_models/flux1-dev.safetensors': FILE('flux-bf16.safetensors'),
  'models/text_encoders/t5xxl_fp16.safetensors': FILE('t5-f16.safetensors'),
  'models/clip/clip_l.safetensors': FILE('clip_l.safetensors'),
  'models/vae/ae.safetensors': FILE('ae.safetensors'),
};

/** @returns `root`, a ComfyUI with everything but the identity's parts */
export async function makeComfyFolder(root: string): Promise<string> {
  await link(root, COMFY_FILES);
  await mkdir(join(root, 'custom_nodes'), { recursive: true });
  await cp(join(TOKENIZERS, 'tokenizer'), join(root, 'comfy', 'sd1_tokenizer'), { recursive: true });
  await cp(join(TOKENIZERS, 'tokenizer_2'), join(root, 'comfy', 'text_encoders', 't5_tokenizer'), { recursive: true });
  return root;
}

/** The parts that carry an identity, where the nodes for them put them. */
export async function addIdentityParts(root: string): Promise<void> {
  await link(root, {
    'models/controlnet/aes_stage2_control.safetensors': FILE('infusenet_aes_fp8e4m3fn.safetensors'),
  });
  const made = await writePartsPack(join(root, '..', 'made'));
  const projection = join(root, 'models', 'infinite_you', 'aes_stage2_img_proj.safetensors');
  await mkdir(dirname(projection), { recursive: true });
  await rename(join(made, 'image_proj_model.safetensors'), projection);
  await addFaceParts(root);
}

/** Face networks that work: see `face-detector.ts` and `test-assets.ts`. */
export async function addFaceParts(root: string): Promise<void> {
  const arcface = join(root, 'models', 'facexlib', 'recognition_arcface_ir_se50.pth');
  const detector = join(root, 'models', 'insightface', 'models', 'antelopev2', 'scrfd_10g_bnkps.onnx');
  await Promise.all([arcface, detector].map((path) => mkdir(dirname(path), { recursive: true })));
  await writeFaceNetwork(arcface);
  await writeFile(detector, middleFaceDetector());
}
