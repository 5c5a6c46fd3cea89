/**
 * Builds one ONNX graph node by node. Pure: knows places of tensors (file, offset, length) but opens no file. Values are
 * names; every method returns the name of its result.
 */
import { invariant } from '../../base/assert.js';
import {
  ATTRIBUTE_TYPE,
  encodeModel,
  ONNX_TYPE,
  ONNX_TYPE_BYTES,
  type AttributeMessage,
  type NodeMessage,
  type OnnxType,
  type TensorMessage,
  type ValueInfoMessage,
} from './onnx-schema.js';

export type Value = string;

/**
 * Place of a weight's bytes. `location` is relative to the model's folder for initializers, an absolute path for inputs.
 */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A dimension: fixed, or named when known only at run time. */
export type Dim = number | string;

type Attribute =
  number | string | readonly number[] | { readonly float: number } | { readonly floats: readonly number[] };
export type Attributes = Readonly<Record<string, Attribute>>;

interface NodeOptions {
  readonly domain?: 'com.microsoft';
  /** Number of outputs. Default 1. */
  readonly outputs?: number;
}

/** ONNX opset of the default domain. 21 has blocked DequantizeLinear; onnxruntime 1.30 supports it. */
const OPSET = 21;
const IR_VERSION = 10;

/** A weight that a graph takes as an input. */
export interface WeightInput {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  readonly place: ExternalPlace;
}

export class GraphBuilder {
  readonly #name: string;
  /** Null: weights are external initializers. Else they are inputs, named by their order, so that graphs of equal blocks are equal. */
  readonly #weightInputs: WeightInput[] | null;
  readonly #nodes: NodeMessage[] = [];
  readonly #initializers: TensorMessage[] = [];
  readonly #inputs: ValueInfoMessage[] = [];
  readonly #outputs: ValueInfoMessage[] = [];
  readonly #constants = new Map<string, Value>();
  readonly #externals = new Map<string, Value>();
  #externalBytes = 0;
  #counter = 0;

  /** @param weights external initializers, or inputs `w0`, `w1`, … in the order of their first use */
  constructor(name: string, weights: 'initializers' | 'inputs' = 'initializers') {
    this.#name = name;
    this.#weightInputs = weights === 'inputs' ? [] : null;
  }

  get weightInputs(): readonly WeightInput[] {
    return this.#weightInputs ?? [];
  }

  /** Bytes of all weights. */
  get externalBytes(): number {
    return this.#externalBytes;
  }

  input(name: string, type: OnnxType, dims: readonly Dim[]): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Declares `value` a graph output called `name`. */
  output(name: string, value: Value, type: OnnxType, dims: readonly Dim[]): void {
    this.#nodes.push({
      input: [value],
      output: [name],
      name: `output/${name}`,
      opType: 'Identity',
      domain: '',
      attribute: [],
    });
    this.#outputs.push(valueInfo(name, type, dims));
  }

  /** A weight whose bytes are in a file; made once. */
  external(name: string, type: OnnxType, dims: readonly number[], place: ExternalPlace): Value {
    const known = this.#externals.get(name);
    if (known !== undefined) return known;
    const bytes = dims.reduce((product, dim) => product * dim, ONNX_TYPE_BYTES[type]);
    invariant(bytes === place.length, `external ${name} has ${place.length} bytes, its shape needs ${bytes}`);
    this.#externalBytes += place.length;
    if (this.#weightInputs !== null) {
      const input = this.input(`w${this.#weightInputs.length}`, type, dims);
      this.#weightInputs.push({ name: input, type, dims, place });
      this.#externals.set(name, input);
      return input;
    }
    this.#initializers.push({
      name,
      dims: [...dims],
      dataType: ONNX_TYPE[type],
      dataLocation: 1,
      externalData: [
        { key: 'location', value: place.location },
        { key: 'offset', value: String(place.offset) },
        { key: 'length', value: String(place.length) },
      ],
    });
    this.#externals.set(name, name);
    return name;
  }

  /** A small constant inside the model; equal constants are made once. */
  constant(type: OnnxType, dims: readonly number[], data: Uint8Array): Value {
    const key = `${type}|${dims.join(',')}|${Array.from(data, (byte) => String.fromCharCode(byte)).join('')}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `const/${this.#counter++}`;
    this.#initializers.push({ name, dims: [...dims], dataType: ONNX_TYPE[type], rawData: data });
    this.#constants.set(key, name);
    return name;
  }

  i64(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.constant('i64', dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  i32(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.constant('i32', dims, new Uint8Array(Int32Array.from(values).buffer));
  }

  f32(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    return this.constant('f32', dims, new Uint8Array(Float32Array.from(values).buffer));
  }

  node(opType: string, inputs: readonly Value[], attributes: Attributes = {}, options: NodeOptions = {}): Value {
    return this.nodes(opType, inputs, attributes, { ...options, outputs: 1 })[0] as Value;
  }

  /** A node with several outputs. An empty input name omits an optional input. */
  nodes(opType: string, inputs: readonly Value[], attributes: Attributes, options: NodeOptions): Value[] {
    const id = this.#counter++;
    const count = options.outputs ?? 1;
    const output = Array.from({ length: count }, (_, index) => `${opType}/${id}${count > 1 ? `:${index}` : ''}`);
    this.#nodes.push({
      input: [...inputs],
      output: [...output],
      name: `${opType}/${id}`,
      opType,
      domain: options.domain ?? '',
      attribute: Object.entries(attributes).map(([name, value]) => attributeMessage(name, value)),
    });
    return output;
  }

  finish(): Uint8Array {
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'likeness-lab',
      producerVersion: '1',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name: this.#name,
        node: this.#ordered(),
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      },
    });
  }

  /**
   * Nodes that need no activation, such as a weight's expansion, before all others. The runtime walks back from the outputs
   * and visits a node's later predecessor first, so an expansion that stands before the path of the activations is
   * computed right before its product, and one that stands behind it at the start of the run, where it stays in memory
   * until its turn: 8.4 GiB of FLUX's fp8 on `cuda` (docs/measurements.md).
   * @source onnxruntime 1.30 Graph::ReverseDFSFrom (a stack of predecessors sorted by index), seen in its profiles
   */
  #ordered(): NodeMessage[] {
    const weights = [...this.#initializers, ...this.weightInputs];
    const fixed = new Set([...weights.map(({ name }) => name), '']);
    const first: NodeMessage[] = [];
    const others: NodeMessage[] = [];
    for (const node of this.#nodes) {
      if (!node.input.every((name) => fixed.has(name))) others.push(node);
      else {
        first.push(node);
        for (const name of node.output) fixed.add(name);
      }
    }
    return [...first, ...others];
  }
}

function valueInfo(name: string, type: OnnxType, dims: readonly Dim[]): ValueInfoMessage {
  const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ONNX_TYPE[type], shape: { dim } } } };
}

function attributeMessage(name: string, value: Attribute): AttributeMessage {
  if (typeof value === 'number') return { name, type: ATTRIBUTE_TYPE.int, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE_TYPE.string, s: ascii(value) };
  if ('float' in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  if ('floats' in value) return { name, type: ATTRIBUTE_TYPE.floats, floats: [...value.floats] };
  return { name, type: ATTRIBUTE_TYPE.ints, ints: [...value] };
}

/** Attribute strings are operator keywords: ASCII only. */
function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
