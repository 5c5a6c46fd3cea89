/**
 * Files that make up one part each, for those who have the others: as data, beside the whole pack of `manifest.ts`. FLUX
 * itself needs an account; the text encoders, the VAE and the tokenizers do not.
 *
 * Sizes and hashes were found in at least two independent places each. The tokenizers' are those of the files themselves,
 * which are FLUX.1-dev's own, in a public repository at a fixed commit.
 *
 * @source comfyanonymous/flux_text_encoders, Comfy-Org/z_image_turbo (FLUX.1-schnell's VAE, which is FLUX.1-dev's),
 *   lllyasviel/stable-diffusion-webui-forge backend/huggingface/black-forest-labs/FLUX.1-dev
 */
import type { AuditPart } from '../engine/protocol/audit-report.js';

export interface PartFile {
  readonly part: AuditPart;
  /** Key of the manifest's sources. */
  readonly source: string;
  readonly path: string;
  /** Path in the folder of downloaded parts. */
  readonly target: string;
  /** The only variant that needs it; null for shared files. */
  readonly variant: string | null;
  /** Bytes; an estimate unless `exact`. */
  readonly bytes: number;
  readonly exact: boolean;
  readonly sha256: string | null;
}

export const PART_LICENCES = [
  {
    id: 'apache-2.0',
    name: 'Apache License 2.0 (T5, FLUX’s autoencoder)',
    url: 'https://www.apache.org/licenses/LICENSE-2.0',
    summary: 'Free use with the licence’s text and notices.',
  },
  {
    id: 'clip-mit',
    name: 'MIT License (CLIP)',
    url: 'https://github.com/openai/CLIP/blob/main/LICENSE',
    summary: 'Free use with the licence’s text.',
  },
] as const;

const FORGE = 'https://raw.githubusercontent.com/lllyasviel/stable-diffusion-webui-forge/';
const FORGE_COMMIT = 'dfdcbab685e57677014f05a3309b48cc87383167';
const TOKENIZERS = `${FORGE}${FORGE_COMMIT}/backend/huggingface/black-forest-labs/FLUX.1-dev/`;
const ENCODERS = {
  kind: 'hub',
  repository: 'comfyanonymous/flux_text_encoders',
  revision: '6af2a98e3f615bdfa612fbd85da93d1ed5f69ef5',
  gated: false,
} as const;

export const PART_SOURCES = {
  t5: { ...ENCODERS, licence: 'apache-2.0' },
  clip: { ...ENCODERS, licence: 'clip-mit' },
  vae: {
    kind: 'hub',
    repository: 'Comfy-Org/z_image_turbo',
    revision: '08d04455279082882deaabc8d0d09fc914c071e1',
    licence: 'apache-2.0',
    gated: false,
  },
  'clip-tokenizer': { kind: 'url', base: `${TOKENIZERS}tokenizer/`, licence: 'clip-mit' },
  't5-tokenizer': { kind: 'url', base: `${TOKENIZERS}tokenizer_2/`, licence: 'apache-2.0' },
} as const;

function known(
  part: AuditPart,
  source: string,
  path: string,
  facts: { readonly bytes: number; readonly sha256: string; readonly target?: string },
): PartFile {
  const { bytes, sha256, target = path } = facts;
  return { part, source, path, target, variant: null, bytes, exact: true, sha256 };
}

function tokenizerFile(part: 'tokenizer' | 'tokenizer_2', name: string, bytes: number, sha256: string): PartFile {
  const source = part === 'tokenizer' ? 'clip-tokenizer' : 't5-tokenizer';
  return known(part, source, name, { bytes, sha256, target: `${source}/${name}` });
}

export const PART_FILES: readonly PartFile[] = [
  known('flux', 'flux', 'flux1-dev.safetensors', {
    bytes: 23_802_932_552,
    sha256: '4610115bb0c89560703c892c59ac2742fa821e60ef5871b33493ba544683abd7',
  }),
  known('t5', 't5', 't5xxl_fp16.safetensors', {
    bytes: 9_787_841_024,
    sha256: '6e480b09fae049a72d2a8c5fbccb8d3e92febeb233bbe9dfe7256958a9167635',
  }),
  known('clip', 'clip', 'clip_l.safetensors', {
    bytes: 246_144_152,
    sha256: '660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd',
  }),
  known('vae', 'vae', 'split_files/vae/ae.safetensors', {
    bytes: 335_304_388,
    sha256: 'afc8e28272cd15db3919bacdb6918ce9c1ed22e96cb12c4d5ed0fba823529e38',
    target: 'ae.safetensors',
  }),
  tokenizerFile(
    'tokenizer',
    'vocab.json',
    1_059_962,
    'e089ad92ba36837a0d31433e555c8f45fe601ab5c221d4f607ded32d9f7a4349',
  ),
  tokenizerFile('tokenizer', 'merges.txt', 524_619, '9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a'),
  tokenizerFile(
    'tokenizer',
    'tokenizer_config.json',
    705,
    '6bdcee9ccce2a16ca2b4c0c5ed00b42c50ea225f4472a8c4c1e963a2902c2881',
  ),
  tokenizerFile(
    'tokenizer_2',
    'tokenizer.json',
    2_424_256,
    '6cd1badb7467cdab971403bbeb1945070ca385652385a2b6549f672b08089dfc',
  ),
  tokenizerFile(
    'tokenizer_2',
    'tokenizer_config.json',
    20_790,
    'c1aaab7805b1b4dff4cdf2022f1bfee7534bfde49f8cd60baea5f929601580b9',
  ),
];
