/** Builds the protobuf of small ONNX files by hand, independently of the engine's own builder and reader. */

export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

export function message(id: number, body: readonly number[]): number[] {
  return [...varint(id * 8 + 2), ...varint(body.length), ...body];
}

export function text(id: number, value: string): number[] {
  return message(id, [...Buffer.from(value, 'utf8')]);
}

export interface OnnxNames {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly initializers: readonly string[];
}

/** A model with these names and a few bytes of weights each. @source onnx/onnx.proto3 */
export function onnxBytes({ inputs, outputs, initializers }: OnnxNames): Uint8Array {
  const graph = [
    ...text(2, 'graph'),
    // name = 8, raw_data = 9; the data comes first, so that readers have to skip it
    ...initializers.flatMap((name) => message(5, [...message(9, Array<number>(300).fill(7)), ...text(8, name)])),
    ...inputs.flatMap((name) => message(11, text(1, name))),
    ...outputs.flatMap((name) => message(12, text(1, name))),
  ];
  return Uint8Array.from([0x08, 7, ...text(2, 'test'), ...message(7, graph)]);
}
