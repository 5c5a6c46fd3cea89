/**
 * Outline of an ONNX file: inputs, outputs, first operators, names of weights. Walks the protobuf by its field lengths
 * and skips the weights' bytes, so that a file of any size is read quickly.
 *
 * @source onnx/onnx.proto3: ModelProto.graph = 7; GraphProto.node = 1, initializer = 5, input = 11, output = 12;
 *   NodeProto.op_type = 4; TensorProto.name = 8; ValueInfoProto.name = 1, type = 2; TypeProto.tensor_type = 1;
 *   TypeProto.Tensor.elem_type = 1, shape = 2; TensorShapeProto.dim = 1; Dimension.dim_value = 1
 */
import { openRandomAccess, type RandomAccess } from './random-access-file.js';
import { malformed } from './weights-error.js';

export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType; null if absent. 1 is f32. */
  readonly elemType: number | null;
  /** Null entries have no fixed size; null if the file has no shape. */
  readonly dims: readonly (number | null)[] | null;
}

export interface OnnxOutline {
  /** Without weights, which older files list here too. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly string[];
  /** Operators of the first nodes, at most 8. */
  readonly firstOperators: readonly string[];
  readonly sizeBytes: number;
}

const MODEL_GRAPH = 7;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 } as const;
const NODE_OPERATOR = 4;
const VALUE = { name: 1, type: 2 } as const;
const TENSOR_NAME = 8;
const TENSOR_TYPE = 1;
const TENSOR_TYPE_FIELD = { elemType: 1, shape: 2 } as const;
const DIMENSION = 1;
const DIMENSION_VALUE = 1;

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Limit of fields in one file; glintr100 has some 2,000 nodes and weights. */
const MAX_FIELDS = 500_000;
/** A tag and a length take at most 20 bytes. */
const HEAD_BYTES = 20;
const MAX_NAME_BYTES = 4096;
/** The number in which insightface looks for a network's own normalization. */
const FIRST_NODES = 8;
/** Bytes per read. */
const WINDOW_BYTES = 2 ** 16;

interface Field {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  /** Whether the range is bytes (a message or a string) and not a number. */
  readonly bytes: boolean;
}

/** @throws AppError weights.malformed, weights.unreadable */
export async function readOnnxOutline(path: string): Promise<OnnxOutline> {
  const access = await openRandomAccess(path);
  try {
    const walker = new Walker(access);
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    const initializers: string[] = [];
    const firstOperators: string[] = [];
    let graphs = 0;
    for await (const field of walker.fields(0, access.sizeBytes)) {
      if (field.id !== MODEL_GRAPH || !field.bytes) continue;
      graphs++;
      for await (const part of walker.fields(field.start, field.end)) {
        if (part.id === GRAPH.input) inputs.push(await walker.value(part));
        if (part.id === GRAPH.output) outputs.push(await walker.value(part));
        if (part.id === GRAPH.initializer) initializers.push(await walker.name(part, TENSOR_NAME));
        if (part.id === GRAPH.node && firstOperators.length < FIRST_NODES) {
          firstOperators.push(await walker.name(part, NODE_OPERATOR));
        }
      }
    }
    if (graphs === 0) throw malformed(path, 'contains no graph. It is not an ONNX file, or it is damaged.');
    const weights = new Set(initializers);
    return {
      inputs: inputs.filter(({ name }) => !weights.has(name)),
      outputs,
      initializers,
      firstOperators,
      sizeBytes: access.sizeBytes,
    };
  } finally {
    await access.close();
  }
}

class Walker {
  readonly #access: RandomAccess;
  #window: Uint8Array = new Uint8Array();
  #windowStart = 0;
  #walked = 0;

  constructor(access: RandomAccess) {
    this.#access = access;
  }

  async *fields(start: number, end: number): AsyncIterable<Field> {
    let position = start;
    while (position < end) {
      if (++this.#walked > MAX_FIELDS) throw malformed(this.#access.file, `has more than ${MAX_FIELDS} fields.`);
      const head = await this.#read(position, Math.min(HEAD_BYTES, end - position));
      const tag = this.#varint(head, 0);
      const wire = tag.value % 8;
      const id = Math.floor(tag.value / 8);
      let bodyStart = position + tag.next;
      let bodyEnd: number;
      if (wire === WIRE.bytes) {
        const length = this.#varint(head, tag.next);
        bodyStart = position + length.next;
        bodyEnd = bodyStart + length.value;
      } else if (wire === WIRE.varint) bodyEnd = position + this.#varint(head, tag.next).next;
      else if (wire === WIRE.fixed64) bodyEnd = bodyStart + 8;
      else if (wire === WIRE.fixed32) bodyEnd = bodyStart + 4;
      else throw malformed(this.#access.file, `has a field of unknown kind ${wire} at byte ${position}.`);
      if (bodyEnd > end) {
        throw malformed(
          this.#access.file,
          `is incomplete: a field at byte ${position} ends at ${bodyEnd}, but only ${end} bytes belong to it.`,
        );
      }
      yield { id, start: bodyStart, end: bodyEnd, bytes: wire === WIRE.bytes };
      position = bodyEnd;
    }
  }

  /** The string in a message's field; empty if absent. */
  async name(message: Field, id: number): Promise<string> {
    if (!message.bytes) return '';
    for await (const field of this.fields(message.start, message.end)) {
      if (field.id !== id || !field.bytes) continue;
      const length = Math.min(MAX_NAME_BYTES, field.end - field.start);
      return Buffer.from(await this.#read(field.start, length)).toString('utf8');
    }
    return '';
  }

  async value(message: Field): Promise<OnnxValue> {
    const name = await this.name(message, VALUE.name);
    let elemType: number | null = null;
    let dims: (number | null)[] | null = null;
    for await (const field of this.#path(message, [VALUE.type, TENSOR_TYPE])) {
      if (field.id === TENSOR_TYPE_FIELD.elemType && !field.bytes) elemType = await this.#number(field);
      if (field.id !== TENSOR_TYPE_FIELD.shape || !field.bytes) continue;
      dims = [];
      for await (const dim of this.fields(field.start, field.end)) {
        if (dim.id === DIMENSION && dim.bytes) dims.push(await this.#dimension(dim));
      }
    }
    return { name, elemType, dims };
  }

  /** Fields of the nested messages at the path of ids. */
  async *#path(message: Field, ids: readonly number[]): AsyncIterable<Field> {
    const [id, ...deeper] = ids;
    if (!message.bytes) return;
    for await (const field of this.fields(message.start, message.end)) {
      if (id === undefined) yield field;
      else if (field.id === id) yield* this.#path(field, deeper);
    }
  }

  async #dimension(dim: Field): Promise<number | null> {
    for await (const field of this.fields(dim.start, dim.end)) {
      if (field.id === DIMENSION_VALUE && !field.bytes) return this.#number(field);
    }
    return null;
  }

  async #number({ start, end }: Field): Promise<number> {
    return this.#varint(await this.#read(start, end - start), 0).value;
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const inside = position >= this.#windowStart && position + length <= this.#windowStart + this.#window.byteLength;
    if (!inside) {
      this.#windowStart = position;
      const wanted = Math.max(length, Math.min(WINDOW_BYTES, this.#access.sizeBytes - position));
      this.#window = await this.#access.read(position, wanted);
    }
    const offset = position - this.#windowStart;
    return this.#window.subarray(offset, offset + length);
  }

  #varint(bytes: Uint8Array, from: number): { value: number; next: number } {
    let value = 0;
    for (let i = from; i < Math.min(bytes.byteLength, from + 10); i++) {
      const byte = bytes[i] as number;
      value += (byte & 0x7f) * 2 ** (7 * (i - from));
      if (byte < 0x80) return { value, next: i + 1 };
    }
    throw malformed(this.#access.file, 'ends inside a number. It is incomplete or not an ONNX file.');
  }
}
