/**
 * The packs that can be imported and downloaded, as data: repositories, revisions, files, licences.
 *
 * Sizes and hashes are public and were found in at least two independent places. Unknown hashes are taken from the hub's
 * answer at download.
 *
 * @source docs/pipeline.md, section 1; black-forest-labs/FLUX.1-dev, ByteDance/InfiniteYou, xinntao/facexlib releases
 */
import type { ExpectedTensors } from '../engine/protocol/audit-report.js';
import { PART_FILES, PART_LICENCES, PART_SOURCES, type PartFile } from './part-files.js';

export interface Licence {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** One sentence. */
  readonly summary: string;
}

/** A repository of the hub, or a folder of files elsewhere. */
export type FileSource =
  | {
      readonly kind: 'hub';
      readonly repository: string;
      /** Commit, or a branch whose commit is recorded when the download begins. */
      readonly revision: string;
      readonly licence: string;
      /** Whether the licence must be accepted on its page while logged in. */
      readonly gated: boolean;
    }
  | { readonly kind: 'url'; readonly base: string; readonly licence: string };

/** A file of the pack; `target` is its path in the pack's folder. */
export type ManifestFile = Omit<PartFile, 'part'>;

export interface DownloadManifest {
  readonly id: string;
  readonly name: string;
  readonly sources: Readonly<Record<string, FileSource>>;
  readonly licences: readonly Licence[];
  readonly files: readonly ManifestFile[];
  readonly variants: readonly string[];
  /** Files of single parts, for those who have the others. */
  readonly parts: readonly PartFile[];
  readonly expectedTensors: ExpectedTensors;
}

const KB = 1000;
const GB = 1e9;
const ANTELOPE = 'supports/insightface/models/antelopev2';

type Known = Partial<Pick<ManifestFile, 'exact' | 'sha256'>>;
const exact: Known = { exact: true };

/** Only diffusers' folders: the repository root also has the same weights as two single files (24 GB). */
function fluxFile(path: string, bytes: number, known: Known = {}): ManifestFile {
  return { source: 'flux', path, target: `flux/${path}`, variant: null, bytes, exact: false, sha256: null, ...known };
}

function variantFiles(variant: string): ManifestFile[] {
  const folder = `infu_flux_v1.0/${variant}`;
  const file = (name: string, bytes: number): ManifestFile => ({
    source: 'infiniteyou',
    path: `${folder}/${name}`,
    target: `infiniteyou/${folder}/${name}`,
    variant,
    bytes,
    exact: false,
    sha256: null,
  });
  return [
    file('InfuseNetModel/config.json', KB),
    // Half the size of the sharded f32 folder, and the original's compute dtype.
    file(infuseNetFile(variant), 5.91 * GB),
    file('image_proj_model.bin', 338_413_026),
  ];
}

function infuseNetFile(variant: string): string {
  return `infusenet_${variant.split('_')[0] ?? variant}_bf16.safetensors`;
}

/** The two networks of a variant, each a file. */
function variantParts(variant: string): PartFile[] {
  return variantFiles(variant)
    .filter(({ path }) => !path.endsWith('.json'))
    .map(({ target, ...file }) => ({
      ...file,
      target: target.replace('infiniteyou/infu_flux_v1.0/', ''),
      part: file.path.endsWith('.bin') ? 'image-projection' : 'infusenet',
    }));
}

const DETECTOR: ManifestFile = {
  source: 'insightface',
  path: `${ANTELOPE}/scrfd_10g_bnkps.onnx`,
  target: 'scrfd_10g_bnkps.onnx',
  variant: null,
  bytes: 16_923_827,
  exact: true,
  sha256: '5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91',
};

const FACE_NETWORK: ManifestFile = {
  source: 'facexlib',
  path: 'recognition_arcface_ir_se50.pth',
  target: 'recognition_arcface_ir_se50.pth',
  variant: null,
  bytes: 175_367_323,
  exact: true,
  sha256: 'a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28',
};

const VARIANTS = ['aes_stage2', 'sim_stage1'] as const;

export const INFINITEYOU_FLUX: DownloadManifest = {
  id: 'infiniteyou-flux',
  name: 'InfiniteYou with FLUX.1-dev',
  sources: {
    flux: {
      kind: 'hub',
      repository: 'black-forest-labs/FLUX.1-dev',
      revision: '3de623fc3c33e44ffbe2bad470d0f45bccf2eb21',
      licence: 'flux-dev',
      gated: true,
    },
    infiniteyou: {
      kind: 'hub',
      repository: 'ByteDance/InfiniteYou',
      revision: 'main',
      licence: 'cc-by-nc-4.0',
      gated: false,
    },
    facexlib: {
      kind: 'url',
      base: 'https://github.com/xinntao/facexlib/releases/download/v0.1.0/',
      licence: 'facexlib',
    },
    insightface: {
      kind: 'hub',
      repository: 'ByteDance/InfiniteYou',
      revision: 'main',
      licence: 'insightface',
      gated: false,
    },
    ...PART_SOURCES,
  },
  licences: [
    {
      id: 'flux-dev',
      name: 'FLUX.1 [dev] Non-Commercial License',
      url: 'https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md',
      summary: 'Non-commercial use; to be accepted on the model’s page while logged in.',
    },
    {
      id: 'cc-by-nc-4.0',
      name: 'CC BY-NC 4.0 (InfiniteYou)',
      url: 'https://creativecommons.org/licenses/by-nc/4.0/',
      summary: 'Non-commercial use with attribution.',
    },
    {
      id: 'insightface',
      name: 'InsightFace model licence (SCRFD, glintr100)',
      url: 'https://github.com/deepinsight/insightface#license',
      summary: 'Non-commercial research.',
    },
    {
      id: 'facexlib',
      name: 'facexlib (ArcFace IR-SE50)',
      url: 'https://github.com/xinntao/facexlib/blob/master/LICENSE',
      summary: 'MIT for the code; the weights come with it.',
    },
    ...PART_LICENCES,
  ],
  variants: VARIANTS,
  expectedTensors: {
    flux: 1160,
    t5: 219,
    clip: 196,
    vae: 244,
    infusenet: 314,
    tokenizer: 49_408,
    tokenizer_2: 32_128,
  },
  parts: [
    ...PART_FILES,
    ...VARIANTS.flatMap(variantParts),
    { ...FACE_NETWORK, part: 'arcface' },
    { ...DETECTOR, part: 'scrfd' },
  ],
  files: [
    fluxFile('model_index.json', KB),
    fluxFile('scheduler/scheduler_config.json', KB),
    fluxFile('transformer/config.json', 378),
    fluxFile('transformer/diffusion_pytorch_model.safetensors.index.json', 121 * KB),
    fluxFile('transformer/diffusion_pytorch_model-00001-of-00003.safetensors', 9_983_040_304, exact),
    fluxFile('transformer/diffusion_pytorch_model-00002-of-00003.safetensors', 9_949_328_904, exact),
    fluxFile('transformer/diffusion_pytorch_model-00003-of-00003.safetensors', 3_870_584_832, exact),
    fluxFile('text_encoder/config.json', KB),
    fluxFile('text_encoder/model.safetensors', 246_144_352, exact),
    fluxFile('text_encoder_2/config.json', 782),
    fluxFile('text_encoder_2/model.safetensors.index.json', 20 * KB),
    fluxFile('text_encoder_2/model-00001-of-00002.safetensors', 4_994_582_224, exact),
    fluxFile('text_encoder_2/model-00002-of-00002.safetensors', 4_530_066_360, exact),
    fluxFile('tokenizer/merges.txt', 525 * KB),
    fluxFile('tokenizer/special_tokens_map.json', KB),
    fluxFile('tokenizer/tokenizer_config.json', KB),
    fluxFile('tokenizer/vocab.json', 1_060 * KB),
    fluxFile('tokenizer_2/special_tokens_map.json', 3 * KB),
    fluxFile('tokenizer_2/tokenizer.json', 2_424 * KB),
    fluxFile('tokenizer_2/tokenizer_config.json', 21 * KB),
    fluxFile('vae/config.json', KB),
    fluxFile('vae/diffusion_pytorch_model.safetensors', 167_666_902, {
      exact: true,
      sha256: 'f5b59a26851551b67ae1fe58d32e76486e1e812def4696a4bea97f16604d40a3',
    }),
    ...VARIANTS.flatMap(variantFiles),
    DETECTOR,
    {
      // Scores beside ArcFace, which also conditions; optional.
      source: 'insightface',
      path: `${ANTELOPE}/glintr100.onnx`,
      target: 'glintr100.onnx',
      variant: null,
      bytes: 260_665_334,
      exact: true,
      sha256: '4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf',
    },
    FACE_NETWORK,
  ],
};

export const MANIFESTS: readonly DownloadManifest[] = [INFINITEYOU_FLUX];

/** Files of the chosen variants and shared files. */
export function filesOf(manifest: DownloadManifest, variants: readonly string[]): ManifestFile[] {
  return manifest.files.filter(({ variant }) => variant === null || variants.includes(variant));
}

/** Names of the licences of a whole pack, for the packs made of such files. */
export function licenceText(manifest: DownloadManifest): string {
  return licencesOf(manifest, manifest.files)
    .map(({ name }) => name)
    .join('; ');
}

/** Licences of these files. */
export function licencesOf(manifest: DownloadManifest, files: readonly ManifestFile[]): Licence[] {
  const ids = new Set(files.map(({ source }) => manifest.sources[source]?.licence));
  return manifest.licences.filter(({ id }) => ids.has(id));
}
