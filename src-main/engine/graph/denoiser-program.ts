/**
 * A denoising step as a sequence of blocks, with the numbers of `stepGraph`. Each InfuseNet block runs just before the
 * first FLUX block that adds its residual, so that one residual exists at a time. A stream's text and image rows lie in
 * one buffer, text first: single blocks read what double blocks wrote without a copy.
 */
import { defined } from '../../base/assert.js';
import { residualIndex } from '../sampling/gating.js';
import { fluxNames, infuseNetNames } from '../weights/names/flux.js';
import { ProgramBuilder, rowsOf, type BlockBuilder, type BlockProgram, type View } from './block-program.js';
import type { ComputeProfile } from './compute-profile.js';
import { STEP_IO } from './denoiser.js';
import type { FluxConfig } from './flux-config.js';
import { modulationLayout } from './modulation-layout.js';
import type { Network } from './network.js';
import type { WeightBook } from './stored-tensor.js';
import {
  doubleBlockFrom,
  modulate,
  rotate,
  singleBlock,
  streamAttended,
  type Attended,
  type BlockContext,
  type doubleBlock,
} from './transformer-blocks.js';

/** A network's weights and sizes. */
export interface ProgramNetwork {
  readonly book: WeightBook;
  readonly config: FluxConfig;
  /** Of the text, or of the identity. */
  readonly tokens: number;
}

/** Modulation vectors of one block, by its own indices. */
const DOUBLE = defined(modulationLayout(1, 0, false).double[0], 'a double block');
const SINGLE = defined(modulationLayout(0, 1, false).single[0], 'a single block');
const FINAL = defined(modulationLayout(0, 0, true).final ?? undefined, 'the final layer');
const VECTORS = {
  double: modulationLayout(1, 0, false).count,
  single: modulationLayout(0, 1, false).count,
  final: modulationLayout(0, 0, true).count,
} as const;

/**
 * Buffers named as `STEP_IO`: all but `latents`, the modulations and `residual_scale` are read by the blocks that run once.
 * @param control null: the base alone
 * @param imageTokens S
 */
export function denoiserProgram(
  base: ProgramNetwork,
  control: ProgramNetwork | null,
  profile: ComputeProfile,
  imageTokens: number,
): BlockProgram {
  const program = new ProgramBuilder();
  const latents = program.buffer(STEP_IO.latents, 'f32', [imageTokens, base.config.inChannels]);
  const longest = Math.max(base.tokens, control?.tokens ?? 0) + imageTokens;
  const part = (name: string) => program.buffer(name, profile.dtype, [longest, base.config.hidden]);
  const attended: AttendedViews = { q: part('q'), k: part('k'), v: part('v'), out: part('attended') };
  const side =
    control === null ? null : new ControlStream(program, control, profile, imageTokens, base.tokens, latents, attended);
  const flux = new Stream(program, 'FLUX', 'flux', base, profile, imageTokens, attended, {
    context: STEP_IO.text,
    cos: STEP_IO.cos,
    sin: STEP_IO.sin,
    modulation: STEP_IO.fluxModulation,
    final: true,
  });
  const { config } = base;
  const names = fluxNames(config.doubleBlocks, config.singleBlocks, config.guidanceEmbeds);
  // Each graph has its own handles of cuBLAS and cuDNN, 40 MiB on a card: both networks' small layers are in one.
  program.block('once', 'the contexts', (block) => {
    flux.context(block, names.txtIn);
    side?.context(block);
  });
  program.block('step', 'the inputs', (block) => {
    const net = block.network(base.book, profile);
    block.write(flux.image, net.linear(block.readAs(net, latents), names.imgIn, config.hidden, config.inChannels));
    side?.input(block);
  });
  const doubleIndex = residualIndex(config.doubleBlocks, control?.config.doubleBlocks ?? 0);
  const singleIndex = residualIndex(config.singleBlocks, control?.config.singleBlocks ?? 0);
  names.doubleBlocks.forEach((block, index) => {
    const residual = side?.double(doubleIndex[index]) ?? null;
    flux.double(block, index, residual);
  });
  side?.finishDoubles();
  flux.join();
  names.singleBlocks.forEach((block, index) => {
    const residual = side?.single(singleIndex[index]) ?? null;
    flux.single(block, index, residual);
  });
  side?.skipOthers();

  const velocity = program.buffer(STEP_IO.velocity, 'f32', [imageTokens, config.outChannels]);
  program.block('step', "FLUX's output", (block) => {
    const net = block.network(base.book, profile);
    const context = flux.blockContext(block, net, 'final', 0);
    const normed = modulate(context, block.read(flux.image), FINAL.scale, FINAL.shift);
    const out = net.linear(normed, names.finalOut, config.outChannels, config.hidden);
    block.write(velocity, net.cast(out, net.dtype, 'f32'));
  });
  return program.finish();
}

/** Attention's inputs and result between a double block's graphs, of either network. */
type AttendedViews = Readonly<Record<keyof Attended | 'out', View>>;

interface StreamInputs {
  readonly context: string;
  readonly cos: string;
  readonly sin: string;
  readonly modulation: string;
  readonly final: boolean;
}

/** The rows of one network on their way through its blocks. */
class Stream {
  readonly program: ProgramBuilder;
  readonly label: string;
  readonly network: ProgramNetwork;
  readonly profile: ComputeProfile;
  /** What the next block reads. */
  text: View;
  image: View;
  readonly #joint: readonly [View, View];
  #current = 0;
  readonly #inputs: { readonly context: View; readonly cos: View; readonly sin: View; readonly modulation: View };
  readonly #rotation: { readonly cos: View; readonly sin: View };
  readonly #attended: AttendedViews;
  readonly #prefix: string;

  constructor(
    program: ProgramBuilder,
    label: string,
    prefix: string,
    network: ProgramNetwork,
    profile: ComputeProfile,
    imageTokens: number,
    attended: AttendedViews,
    inputs: StreamInputs,
  ) {
    this.program = program;
    this.label = label;
    this.network = network;
    this.profile = profile;
    this.#prefix = prefix;
    const { config, tokens } = network;
    const { dtype } = profile;
    const joint = tokens + imageTokens;
    const half = config.headSize / 2;
    const layout = modulationLayout(config.doubleBlocks, config.singleBlocks, inputs.final);
    this.#inputs = {
      context: program.buffer(inputs.context, 'f32', [tokens, config.jointAttentionDim]),
      cos: program.buffer(inputs.cos, 'f32', [joint, half]),
      sin: program.buffer(inputs.sin, 'f32', [joint, half]),
      modulation: program.buffer(inputs.modulation, 'f32', [layout.count * config.hidden]),
    };
    this.#rotation = {
      cos: program.buffer(`${prefix} cos`, dtype, [joint, half]),
      sin: program.buffer(`${prefix} sin`, dtype, [joint, half]),
    };
    this.#joint = [
      program.buffer(`${prefix} a`, dtype, [joint, config.hidden]),
      program.buffer(`${prefix} b`, dtype, [joint, config.hidden]),
    ];
    this.#attended = {
      q: rowsOf(attended.q, 0, joint),
      k: rowsOf(attended.k, 0, joint),
      v: rowsOf(attended.v, 0, joint),
      out: rowsOf(attended.out, 0, joint),
    };
    this.text = program.buffer(`${prefix} context`, dtype, [tokens, config.hidden]);
    this.image = this.#rows(this.#joint[0]).img;
  }

  /** What does not change from step to step: the context's projection, and the rotation in compute dtype. */
  context(block: BlockBuilder, txtIn: Parameters<Network['linear']>[1]): void {
    const { config } = this.network;
    const net = block.network(this.network.book, this.profile);
    const context = block.readAs(net, this.#inputs.context);
    block.write(this.text, net.linear(context, txtIn, config.hidden, config.jointAttentionDim));
    for (const key of ['cos', 'sin'] as const) {
      block.write(this.#rotation[key], block.readAs(net, this.#inputs[key]));
    }
  }

  blockContext(block: BlockBuilder, net: Network, kind: 'double' | 'single' | 'final', index: number): BlockContext {
    const { config, tokens } = this.network;
    const { modulation } = this.#inputs;
    const before =
      kind === 'double'
        ? index * VECTORS.double
        : config.doubleBlocks * VECTORS.double + (kind === 'single' ? index : config.singleBlocks) * VECTORS.single;
    const vectors = rowsOf(modulation, before * config.hidden, VECTORS[kind] * config.hidden);
    return {
      net,
      shape: config,
      textTokens: tokens,
      // Only single blocks rotate text and image together.
      cos: kind === 'single' ? block.read(this.#rotation.cos) : '',
      sin: kind === 'single' ? block.read(this.#rotation.sin) : '',
      modulation: block.readAs(net, vectors),
    };
  }

  /**
   * In three blocks, between which both streams lie in one buffer, text first, so that nothing is joined or cut.
   * @param residual whose image rows are added behind the block
   */
  double(names: Parameters<typeof doubleBlock>[1], index: number, residual: View | null, also?: Also): void {
    const { book, config } = this.network;
    const { q, k, v, out } = this.#attended;
    const label = `${this.label}'s double block ${index}`;
    const rows = { txt: this.text, img: this.image };
    this.program.block('step', `${label}, before attention`, (block) => {
      const net = block.network(book, this.profile);
      const whole = this.blockContext(block, net, 'double', index);
      for (const stream of ['txt', 'img'] as const) {
        const at = (view: View) => this.#rows(view)[stream];
        const context = { ...whole, cos: block.read(at(this.#rotation.cos)), sin: block.read(at(this.#rotation.sin)) };
        const own = streamAttended(context, names[stream], DOUBLE[stream], block.read(rows[stream]));
        block.write(at(q), rotate(context, own.q));
        block.write(at(k), rotate(context, own.k));
        block.write(at(v), own.v);
      }
    });
    this.program.block('step', `${label}, attention`, (block) => {
      const net = block.network(book, this.profile);
      block.write(out, net.attention(block.read(q), block.read(k), block.read(v), config.heads, config.headSize));
    });
    const attended = this.#rows(out);
    const next = this.#rows(this.#next());
    this.program.block('step', label, (block) => {
      const net = block.network(book, this.profile);
      const context = this.blockContext(block, net, 'double', index);
      const streams = { img: block.read(rows.img), txt: block.read(rows.txt) };
      const { img, txt } = doubleBlockFrom(context, names, DOUBLE, streams, {
        img: block.read(attended.img),
        txt: block.read(attended.txt),
      });
      block.write(next.img, residual === null ? img : net.clipF16(net.add(img, block.read(this.#rows(residual).img))));
      block.write(next.txt, txt);
      also?.(block, net, img);
    });
    this.text = next.txt;
    this.image = next.img;
  }

  /** Brings text and image into one buffer, where no double block did. */
  join(): void {
    const rows = this.#rows(this.#joint[this.#current] as View);
    if (this.text.buffer === rows.txt.buffer) return;
    this.program.block('step', `${this.label}'s text`, (block) => block.write(rows.txt, block.read(this.text)));
    this.text = rows.txt;
  }

  /** @param residual of all rows, those of the text zeros */
  single(names: Parameters<typeof singleBlock>[1], index: number, residual: View | null, also?: Also): void {
    const from = this.#joint[this.#current] as View;
    const into = this.#next();
    const next = this.#rows(into);
    this.program.block('step', `${this.label}'s single block ${index}`, (block) => {
      const net = block.network(this.network.book, this.profile);
      const context = this.blockContext(block, net, 'single', index);
      const x = singleBlock(context, names, SINGLE, block.read(from));
      block.write(into, residual === null ? x : net.clipF16(net.add(x, block.read(residual))));
      also?.(block, net, x);
    });
    this.text = next.txt;
    this.image = next.img;
  }

  #next(): View {
    this.#current = 1 - this.#current;
    return this.#joint[this.#current] as View;
  }

  #rows(joint: View): { readonly txt: View; readonly img: View } {
    const { tokens } = this.network;
    const [all = 0] = joint.dims;
    return { txt: rowsOf(joint, 0, tokens), img: rowsOf(joint, tokens, all - tokens) };
  }
}

/** Writes more of a block's result. */
type Also = (block: BlockBuilder, net: Network, x: string) => void;

/** InfuseNet's stream, whose blocks run when FLUX asks for their residuals. */
class ControlStream {
  readonly #stream: Stream;
  readonly #names: ReturnType<typeof infuseNetNames>;
  readonly #scale: View;
  /** Used up before the next is made. */
  readonly #residual: View;
  /** Its rows of the image. */
  readonly #image: View;
  readonly #latents: View;
  readonly #picture: View;
  /** The control picture in the stream's width. */
  readonly #embedded: View;
  #doubles = 0;
  #singles = 0;

  constructor(
    program: ProgramBuilder,
    control: ProgramNetwork,
    profile: ComputeProfile,
    imageTokens: number,
    textTokens: number,
    latents: View,
    attended: AttendedViews,
  ) {
    const { config } = control;
    const { hidden, inChannels } = config;
    this.#names = infuseNetNames(config.doubleBlocks, config.singleBlocks, config.guidanceEmbeds);
    this.#stream = new Stream(program, 'InfuseNet', 'infusenet', control, profile, imageTokens, attended, {
      context: STEP_IO.identity,
      cos: STEP_IO.controlCos,
      sin: STEP_IO.controlSin,
      modulation: STEP_IO.infuseNetModulation,
      final: false,
    });
    this.#scale = program.buffer(STEP_IO.residualScale, 'f32', [1]);
    // Rows as FLUX's; those of the text stay zeros.
    this.#residual = program.buffer('residual', profile.dtype, [textTokens + imageTokens, hidden], true);
    this.#image = rowsOf(this.#residual, textTokens, imageTokens);
    this.#latents = latents;
    this.#picture = program.buffer(STEP_IO.control, 'f32', [imageTokens, inChannels]);
    this.#embedded = program.buffer('infusenet control', profile.dtype, [imageTokens, hidden]);
  }

  context(block: BlockBuilder): void {
    const { config, book } = this.#stream.network;
    this.#stream.context(block, this.#names.txtIn);
    const net = block.network(book, this.#stream.profile);
    const picture = block.readAs(net, this.#picture);
    block.write(this.#embedded, net.linear(picture, this.#names.controlIn, config.hidden, config.inChannels));
  }

  input(block: BlockBuilder): void {
    const { config, book } = this.#stream.network;
    const net = block.network(book, this.#stream.profile);
    const noisy = net.linear(block.readAs(net, this.#latents), this.#names.imgIn, config.hidden, config.inChannels);
    block.write(this.#stream.image, net.add(noisy, block.read(this.#embedded)));
  }

  /** The residual of double block `index`, computed when it was not yet. */
  double(index: number | undefined): View | null {
    if (index === undefined) return null;
    while (this.#doubles <= index) this.#runDouble(this.#doubles === index);
    return this.#residual;
  }

  /** The blocks whose residuals nobody asked for, where single blocks read what they leave. */
  finishDoubles(): void {
    if (this.#names.singleBlocks.length === 0) return;
    while (this.#doubles < this.#names.doubleBlocks.length) this.#runDouble(false);
    this.#stream.join();
  }

  single(index: number | undefined): View | null {
    if (index === undefined) return null;
    while (this.#singles <= index) this.#runSingle(this.#singles === index);
    return this.#residual;
  }

  /** Blocks whose residuals nobody adds, where FLUX has few, are not run; their weights are no fault of the file. */
  skipOthers(): void {
    const { doubleBlocks, doubleResiduals, singleBlocks, singleResiduals } = this.#names;
    const skipped = [
      ...[doubleBlocks, doubleResiduals].map((all) => all.slice(this.#doubles)),
      ...[singleBlocks, singleResiduals].map((all) => all.slice(this.#singles)),
    ];
    for (const name of namesIn(skipped)) this.#stream.network.book.skip(name);
  }

  #runDouble(wanted: boolean): void {
    const index = this.#doubles++;
    const { config } = this.#stream.network;
    const names = defined(this.#names.doubleResiduals[index], `residual ${index}`);
    this.#stream.double(
      defined(this.#names.doubleBlocks[index], `block ${index}`),
      index,
      null,
      wanted
        ? (block, net, img) => {
            this.#write(block, net, net.linear(img, names, config.hidden, config.hidden));
          }
        : undefined,
    );
  }

  #runSingle(wanted: boolean): void {
    const index = this.#singles++;
    const { config, tokens } = this.#stream.network;
    const names = defined(this.#names.singleResiduals[index], `residual ${index}`);
    this.#stream.single(
      defined(this.#names.singleBlocks[index], `block ${index}`),
      index,
      null,
      wanted
        ? (block, net, x) => {
            const rows = net.rows(x, tokens, tokens + (this.#image.dims[0] ?? 0));
            this.#write(block, net, net.linear(rows, names, config.hidden, config.hidden));
          }
        : undefined,
    );
  }

  #write(block: BlockBuilder, net: Network, residual: string): void {
    block.write(this.#image, net.mul(residual, net.cast(block.read(this.#scale), 'f32', net.dtype)));
  }
}

/** All strings in nested lists and records. */
function namesIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(namesIn) : [];
}
