/** A list of packs of which the identity's parts and the tokenizers can be downloaded one by one, from a hub of the tests. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { AuditPart } from '../../../src-main/engine/protocol/audit-report.js';
import type { DownloadManifest } from '../../../src-main/library/manifest.js';
import type { PartFile } from '../../../src-main/library/part-files.js';
import { sha256, type HubServer } from './hub-server.js';
import { addIdentityParts } from './program-folders.js';

const VARIANT = 'aes_stage2';
const TOKENIZERS = resolve('test/fixtures/reference-tiny/flux');

export async function partsCatalogue(hub: HubServer): Promise<DownloadManifest> {
  const made = await mkdtemp(join(tmpdir(), 'likeness-parts-'));
  const folder = join(made, 'ComfyUI');
  await addIdentityParts(folder);
  const parts: PartFile[] = [];
  const add = async (part: AuditPart, file: string, target: string, variant: string | null = null): Promise<void> => {
    const bytes = await readFile(file);
    const source = variant === null ? 'plain' : 'identity';
    hub.put(variant === null ? `plain/${target}` : `tests/identity/${target}`, bytes);
    const facts = { bytes: bytes.byteLength, exact: true, sha256: sha256(bytes) };
    parts.push({ part, source, path: target, target, variant, ...facts });
  };
  const models = join(folder, 'models');
  await add('infusenet', join(models, 'controlnet', 'aes_stage2_control.safetensors'), 'aes/net.safetensors', VARIANT);
  const projection = join(models, 'infinite_you', 'aes_stage2_img_proj.safetensors');
  await add('image-projection', projection, 'aes/projection.safetensors', VARIANT);
  await add('arcface', join(models, 'facexlib', 'recognition_arcface_ir_se50.pth'), 'recognition_arcface_ir_se50.pth');
  const detector = join(models, 'insightface', 'models', 'antelopev2', 'scrfd_10g_bnkps.onnx');
  await add('scrfd', detector, 'scrfd_10g_bnkps.onnx');
  for (const name of ['vocab.json', 'merges.txt', 'tokenizer_config.json']) {
    await add('tokenizer', join(TOKENIZERS, 'tokenizer', name), `clip-tokenizer/${name}`);
  }
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await add('tokenizer_2', join(TOKENIZERS, 'tokenizer_2', name), `t5-tokenizer/${name}`);
  }
  await rm(made, { recursive: true });
  const licence = (id: string, name: string) => ({ id, name, url: 'https://huggingface.co/', summary: 'For tests.' });
  return {
    id: 'tiny',
    name: 'Miniature of InfiniteYou',
    sources: {
      identity: { kind: 'hub', repository: 'tests/identity', revision: 'main', licence: 'tiny-nc', gated: false },
      plain: { kind: 'url', base: `${hub.storageEndpoint}/blob/plain/`, licence: 'tiny-face' },
    },
    licences: [licence('tiny-nc', 'Miniature licence of identities'), licence('tiny-face', 'Miniature face licence')],
    files: parts,
    variants: [VARIANT],
    parts,
    expectedTensors: {},
  };
}
