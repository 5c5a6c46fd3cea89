/** Opens the networks of a pack: config, checkpoint, and the tensors that belong to each. */
import { AppError } from '../../base/app-error.js';
import { readText } from '../../disk/text-file.js';
import type { ArcFaceConfig, BottleneckConfig } from '../graph/arcface.js';
import { ARCFACE_SIDE } from '../graph/arcface.js';
import { parseClipConfig, type ClipConfig } from '../graph/clip-text.js';
import { invalid, parseFluxConfig, type FluxConfig } from '../graph/flux-config.js';
import { defaultHeadSize, type ResamplerConfig } from '../graph/image-projection.js';
import { isT5HostTensor, parseT5Config, type T5Config } from '../graph/t5-encoder.js';
import { parseVaeConfig, type VaeConfig } from '../graph/vae.js';
import type { PackVariant, PartPlace } from '../protocol/pack-parts.js';
import type { Pack } from './open-pack.js';
import { FLUX_SCHEDULER, inferConfig } from './infer-config.js';
import { openPart } from '../weights/file-parts.js';
import { ARCFACE, isArcFaceBuffer, resamplerNames } from '../weights/names/identity.js';
import { clipNames } from '../weights/names/text-encoders.js';
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
  const { source, config } = await openNetwork('flux', pack.flux, parseFluxConfig, 'FLUX');
  return { label: 'FLUX', config, source, include: all };
}

/** @param variant name of the InfiniteYou variant @throws AppError pack.incomplete, config.invalid, weights.* */
export async function openInfuseNet(pack: Pack, variant: string): Promise<PackNetwork<FluxConfig>> {
  const { infusenet } = variantOf(pack, variant);
  const { source, config } = await openNetwork('infusenet', infusenet, parseFluxConfig, 'InfuseNet');
  return { label: 'InfuseNet', config, source, include: all };
}

export async function openT5(pack: Pack): Promise<PackNetwork<T5Config>> {
  const { source, config } = await openNetwork('t5', pack.t5, parseT5Config, 'T5');
  return { label: 'T5', config, source, include: (name) => !isT5HostTensor(name) };
}

/** The tensors of a network in our names, and its sizes by its config.json or, without one, by the tensors. */
async function openNetwork<Config>(
  part: 'flux' | 'infusenet' | 't5' | 'clip' | 'vae',
  { path, config }: PartPlace,
  parse: (json: unknown, where: string) => Config,
  label: string,
): Promise<{ readonly source: TensorSource; readonly config: Config }> {
  const parsed = config === null ? null : parse(await readJson(config), `${label} config.json`);
  const source = await openPart(path, part);
  try {
    return { source, config: parsed ?? parse(inferConfig(part, source.entries, path), path) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

export interface ClipNetwork extends PackNetwork<ClipConfig> {
  /** Prefix of the checkpoint's names. */
  readonly root: string;
}

export async function openClip(pack: Pack): Promise<ClipNetwork> {
  const { source, config } = await openNetwork('clip', pack.clip, parseClipConfig, 'CLIP');
  const root = source.entries.has('text_model.final_layer_norm.weight') ? 'text_model.' : '';
  const table = clipNames(0, root).tokenEmbedding;
  return {
    label: 'CLIP',
    config,
    source,
    root,
    include: (name) => name !== table,
  };
}

export async function openVae(pack: Pack): Promise<PackNetwork<VaeConfig>> {
  const { source, config } = await openNetwork('vae', pack.vae, parseVaeConfig, 'VAE');
  return { label: 'VAE', config, source, include: all };
}

export async function openImageProjection(pack: Pack, variant: string): Promise<PackNetwork<ResamplerConfig>> {
  return openImageProjectionFile(variantOf(pack, variant).imageProjection, pack.imageProjectionHeadSize);
}

/** @param knownHeadSize of the pack; null: the usual one. @throws AppError config.invalid, weights.* */
export async function openImageProjectionFile(
  path: string,
  knownHeadSize: number | null,
): Promise<PackNetwork<ResamplerConfig>> {
  const source = await openPart(path, 'image-projection');
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
  const headSize = knownHeadSize ?? defaultHeadSize(attentionWidth ?? 1);
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
  return openArcFaceFile(pack.arcface);
}

/** @throws AppError config.invalid, weights.* */
export async function openArcFaceFile(path: string): Promise<PackNetwork<ArcFaceConfig>> {
  const source = await openPart(path, 'arcface');
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
function variantOf(pack: Pack, name: string): PackVariant {
  const variant = pack.variants.get(name);
  if (variant === undefined) {
    throw new AppError(
      'pack.incomplete',
      `The pack has no model variant "${name}"; it has ${[...pack.variants.keys()].join(', ')}.`,
      { remedy: 'Choose one of the available variants, or download the missing one.' },
    );
  }
  return variant;
}

/** The JSON of scheduler_config.json. @throws AppError pack.incomplete, config.invalid */
export async function readScheduler({ scheduler }: Pack): Promise<unknown> {
  return scheduler === null ? FLUX_SCHEDULER : readJson(scheduler);
}

/** @throws AppError pack.incomplete, config.invalid */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readText(path);
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
