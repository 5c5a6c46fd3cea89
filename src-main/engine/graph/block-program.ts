/**
 * A network as a sequence of small graphs, its blocks, which hand their results on in buffers that stay on the device.
 * Weights are inputs, so that blocks of one kind share one graph and a device need not hold the weights of all. Pure.
 */
import { defined, invariant } from '../../base/assert.js';
import type { ComputeProfile } from './compute-profile.js';
import { GraphBuilder, type Value, type WeightInput } from './graph-builder.js';
import { Network } from './network.js';
import { elementCount } from '../weights/tensor-source.js';
import { ONNX_TYPE_BYTES } from './onnx-schema.js';
import type { WeightBook } from './stored-tensor.js';

type BufferType = 'f32' | 'f16';

export interface BufferSpec {
  readonly name: string;
  readonly type: BufferType;
  readonly dims: readonly number[];
  /** All zeros before the first block runs. */
  readonly zeros?: boolean;
}

/** A stretch of a buffer's elements, read or written in a shape of its own. */
export interface View {
  readonly buffer: string;
  readonly type: BufferType;
  /** Elements before it. */
  readonly offset: number;
  readonly dims: readonly number[];
}

/** An input or output of a block's graph. */
export interface BoundView {
  readonly name: string;
  readonly view: View;
}

export interface Block {
  /** Such as "FLUX's double block 3". */
  readonly label: string;
  /** ONNX; equal for blocks that differ in their weights alone. */
  readonly model: Uint8Array;
  readonly weights: readonly WeightInput[];
  readonly inputs: readonly BoundView[];
  readonly outputs: readonly BoundView[];
}

export interface BlockProgram {
  readonly buffers: readonly BufferSpec[];
  /** Run when the fixed inputs are there, once. */
  readonly once: readonly Block[];
  /** Run in order for each step. */
  readonly step: readonly Block[];
}

export function viewBytes({ type, dims }: Pick<View, 'type' | 'dims'>): number {
  return elementCount(dims) * ONNX_TYPE_BYTES[type];
}

/** Rows [from, from + count) of a view. */
export function rowsOf(view: View, from: number, count: number): View {
  const [rows = 0, ...rest] = view.dims;
  invariant(from >= 0 && from + count <= rows, `rows ${from} to ${from + count} of ${rows} of ${view.buffer}`);
  return { ...view, offset: view.offset + from * elementCount(rest), dims: [count, ...rest] };
}

/** Builds one block's graph. */
export class BlockBuilder {
  readonly g = new GraphBuilder('block', 'inputs');
  readonly inputs: BoundView[] = [];
  readonly outputs: BoundView[] = [];
  readonly #read = new Map<string, Value>();

  /** A view as an input of the graph; made once. */
  read(view: View): Value {
    const key = `${view.buffer}|${view.offset}|${view.dims.join(',')}`;
    let value = this.#read.get(key);
    if (value === undefined) {
      value = this.g.input(`x${this.inputs.length}`, view.type, view.dims);
      this.inputs.push({ name: value, view });
      this.#read.set(key, value);
    }
    return value;
  }

  /** Writes a value of the view's type and shape there. The block must not read that memory. */
  write(view: View, value: Value): void {
    const name = `y${this.outputs.length}`;
    this.g.output(name, value, view.type, view.dims);
    this.outputs.push({ name, view });
  }

  /** As a value of the compute dtype. */
  readAs(net: Network, view: View): Value {
    return net.cast(this.read(view), view.type, net.dtype);
  }

  network(book: WeightBook, profile: ComputeProfile): Network {
    // Two networks of a block may have tensors of one name.
    return new Network(this.g, profile, book, book.network, (file) => file);
  }
}

/** Collects buffers and blocks. */
export class ProgramBuilder {
  readonly #buffers = new Map<string, BufferSpec>();
  readonly #once: Block[] = [];
  readonly #step: Block[] = [];

  /** @param zeros it has zeros before the first block runs */
  buffer(name: string, type: BufferType, dims: readonly number[], zeros = false): View {
    invariant(!this.#buffers.has(name), `there are two buffers ${name}`);
    this.#buffers.set(name, { name, type, dims, zeros });
    return { buffer: name, type, offset: 0, dims };
  }

  block(when: 'once' | 'step', label: string, build: (block: BlockBuilder) => void): void {
    const block = new BlockBuilder();
    build(block);
    const { inputs, outputs, g } = block;
    for (const { view } of outputs) {
      const own = inputs.find((input) => overlap(input.view, view));
      invariant(own === undefined, `${label} writes ${view.buffer} while it reads it`);
      invariant(
        view.offset + elementCount(view.dims) <=
          elementCount(defined(this.#buffers.get(view.buffer), view.buffer).dims),
        `${label} writes beyond ${view.buffer}`,
      );
    }
    const into = when === 'once' ? this.#once : this.#step;
    into.push({ label, model: g.finish(), weights: g.weightInputs, inputs, outputs });
  }

  finish(): BlockProgram {
    return { buffers: [...this.#buffers.values()], once: this.#once, step: this.#step };
  }
}

function overlap(a: View, b: View): boolean {
  return (
    a.buffer === b.buffer && a.offset < b.offset + elementCount(b.dims) && b.offset < a.offset + elementCount(a.dims)
  );
}
