/** Opens the networks of a pack: config, checkpoint, and the tensors that belong to each. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import type { ArcFaceConfig, BottleneckConfig } from '../graph/arcface.js';
import { ARCFACE_SIDE } from '../graph/arcface.js';
import { parseClipConfig, type ClipConfig } from '../graph/clip-text.js';
import { invalid, parseFluxConfig, type FluxConfig } from '../graph/flux-config.js';
import { defaultHeadSize, type ResamplerConfig } from '../graph/image-projection.js';
import { isT5HostTensor, parseT5Config, type T5Config } from '../graph/t5-encoder.js';
import { parseVaeConfig, type VaeConfig } from '../graph/vae.js';
import type { Pack } from './open-pack.js';
import { openCheckpoint } from '../weights/open-checkpoint.js';
import { ARCFACE, IMAGE_PROJECTION_ROOT, isArcFaceBuffer, resamplerNames } from '../weights/names/identity.js';
import { CLIP_BUFFERS, clipNames } from '../weights/names/text-encoders.js';
import type { TensorSource } from '../weights/tensor-source.js';

/** A checkpoint with the sizes of its network. Close it after use. */
export interface PackNetwork<Config> {
  readonly label: string;
  readonly config: Config;
  readonly source: TensorSource;
  /** Tensors that the network's graphs read. */
  readonly include: (name: string) => boolean;
}

const all = (): boolean => true;

/** @throws AppError pack.incomplete, config.invalid, weights.* */
export async function openFlux(pack: Pack): Promise<PackNetwork<FluxConfig>> {
  const folder = join(pack.flux, 'transformer');
  const config = parseFluxConfig(await readJson(join(folder, 'config.json')), 'FLUX config.json');
  return { label: 'FLUX', config, source: await openCheckpoint(folder), include: all };
}

/** @param variant name of the InfiniteYou variant @throws AppError pack.incomplete, config.invalid, weights.* */
export async function openInfuseNet(pack: Pack, variant: string): Promise<PackNetwork<FluxConfig>> {
  const root = variantFolder(pack, variant);
  const folder = join(root, 'InfuseNetModel');
  const config = parseFluxConfig(await readJson(join(folder, 'config.json')), 'InfuseNet config.json');
  // The single bf16 file has the same weights in half the size of the sharded f32 folder.
  const short = variant.split('_')[0] ?? variant;
  const single = join(root, `infusenet_${short}_bf16.safetensors`);
  const source = await openCheckpoint((await exists(single)) ? single : folder);
  return { label: 'InfuseNet', config, source, include: all };
}

export async function openT5(pack: Pack): Promise<PackNetwork<T5Config>> {
  const folder = join(pack.flux, 'text_encoder_2');
  const config = parseT5Config(await readJson(join(folder, 'config.json')), 'T5 config.json');
  return { label: 'T5', config, source: await openCheckpoint(folder), include: (name) => !isT5HostTensor(name) };
}

export interface ClipNetwork extends PackNetwork<ClipConfig> {
  /** Prefix of the checkpoint's names. */
  readonly root: string;
}

export async function openClip(pack: Pack): Promise<ClipNetwork> {
  const folder = join(pack.flux, 'text_encoder');
  const config = parseClipConfig(await readJson(join(folder, 'config.json')), 'CLIP config.json');
  const source = await openCheckpoint(folder);
  const root = source.entries.has('text_model.final_layer_norm.weight') ? 'text_model.' : '';
  const table = clipNames(0, root).tokenEmbedding;
  return {
    label: 'CLIP',
    config,
    source,
    root,
    include: (name) => name !== table && !CLIP_BUFFERS.some((pattern) => pattern.test(name)),
  };
}

export async function openVae(pack: Pack): Promise<PackNetwork<VaeConfig>> {
  const folder = join(pack.flux, 'vae');
  const config = parseVaeConfig(await readJson(join(folder, 'config.json')), 'VAE config.json');
  return { label: 'VAE', config, source: await openCheckpoint(folder), include: all };
}

export async function openImageProjection(pack: Pack, variant: string): Promise<PackNetwork<ResamplerConfig>> {
  const path = join(variantFolder(pack, variant), 'image_proj_model.bin');
  const source = await openCheckpoint(path, { stripPrefix: IMAGE_PROJECTION_ROOT });
  const names = resamplerNames(1);
  const [layer] = names.layers;
  if (layer === undefined) throw new Error('Invariant violated: one layer was asked for');
  const shape = shapeReader(source, 'The image projection');
  const [, queries, width] = shape(names.latents, 3);
  const [attentionWidth] = shape(layer.q.weight, 2);
  const [feedForward] = shape(layer.mlpIn.weight, 2);
  const [, embedding] = shape(names.projIn.weight, 2);
  const [output] = shape(names.projOut.weight, 2);
  const layers = countIndices(source, /^layers\.(\d+)\./);
  const headSize = pack.imageProjectionHeadSize ?? defaultHeadSize(attentionWidth ?? 1);
  if ((attentionWidth ?? 0) % headSize !== 0) {
    throw invalid('pack.json', 'imageProjectionHeadSize', String(headSize), `a divisor of ${String(attentionWidth)}`);
  }
  const config = {
    queries,
    width,
    attentionWidth,
    feedForward,
    embedding,
    output,
    layers,
    headSize,
  } as ResamplerConfig;
  return { label: 'the image projection', config, source, include: all };
}

/** @throws AppError pack.incomplete when the pack has no face network, weights.missing-tensor for another network */
export async function openArcFace(pack: Pack): Promise<PackNetwork<ArcFaceConfig>> {
  if (pack.arcface === null) {
    throw new AppError('pack.incomplete', `The pack "${pack.name}" has no face network.`, {
      remedy: 'Add recognition_arcface_ir_se50.pth to the pack, or use an identity embedding instead of a photo.',
    });
  }
  const source = await openCheckpoint(pack.arcface);
  const shape = shapeReader(source, 'The face network (ArcFace IR-SE from facexlib is needed)');
  const [inputWidth] = shape(ARCFACE.inputConv, 4);
  const count = countIndices(source, /^body\.(\d+)\./);
  const bottlenecks = Array.from({ length: count }, (_, index): BottleneckConfig => {
    const names = ARCFACE.bottleneck(index);
    const [out, into] = shape(names.conv1, 4) as [number, number];
    const [squeeze] = shape(names.squeeze, 4) as [number];
    // The first unit of a stage halves the side: unit 0, and each that widens.
    return {
      into,
      out,
      squeeze,
      stride: index === 0 || into !== out ? 2 : 1,
      projected: source.entries.has(names.shortcutConv),
    };
  });
  const [embedding, features] = shape(ARCFACE.outputLinear.weight, 2) as [number, number];
  const last = bottlenecks.at(-1)?.out ?? inputWidth ?? 1;
  const halvings = bottlenecks.filter(({ stride }) => stride === 2).length;
  const finalSide = ARCFACE_SIDE / 2 ** halvings;
  if (features !== last * finalSide ** 2) {
    throw new AppError(
      'config.invalid',
      `The face network's last layer reads ${features} features, expected ${last * finalSide ** 2}.`,
      { remedy: 'This is another face network. facexlib’s recognition_arcface_ir_se50.pth is needed.' },
    );
  }
  const config = { inputWidth, bottlenecks, embedding, finalSide } as ArcFaceConfig;
  return { label: 'the face network', config, source, include: (name) => !isArcFaceBuffer(name) };
}

/** @throws AppError pack.incomplete */
function variantFolder(pack: Pack, variant: string): string {
  const folder = pack.variants.get(variant);
  if (folder === undefined) {
    throw new AppError(
      'pack.incomplete',
      `The pack has no model variant "${variant}"; it has ${[...pack.variants.keys()].join(', ')}.`,
      { remedy: 'Choose one of the available variants, or download the missing one.' },
    );
  }
  return folder;
}

/** @throws AppError pack.incomplete, config.invalid */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('pack.incomplete', `The file ${path} is missing or cannot be read.`, {
      remedy: 'Download the pack again, or correct its pack.json.',
      cause,
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError('config.invalid', `The file ${path} is not valid JSON.`, {
      remedy: 'Download the file again.',
      cause,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

function shapeReader(source: TensorSource, label: string): (name: string, rank: number) => readonly number[] {
  return (name, rank) => {
    const entry = source.entries.get(name);
    if (entry === undefined || entry.shape.length !== rank) {
      throw new AppError(
        entry === undefined ? 'weights.missing-tensor' : 'weights.wrong-shape',
        `${label} has ${entry === undefined ? 'no tensor' : `an unexpected shape [${entry.shape.join(', ')}] for`} "${name}".`,
        { remedy: 'The file is of another model or incomplete. Download the one that the pack names.' },
      );
    }
    return entry.shape;
  };
}

/** The highest index that the pattern finds, plus one. */
function countIndices(source: TensorSource, pattern: RegExp): number {
  let count = 0;
  for (const name of source.entries.keys()) {
    const match = pattern.exec(name);
    if (match?.[1] !== undefined) count = Math.max(count, Number(match[1]) + 1);
  }
  return count;
}
