/** A model of one Identity node over weights that lie in another file. @source onnx/onnx.proto3 */
function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
const message = (id: number, body: readonly number[]): number[] => [
  ...varint(id * 8 + 2),
  ...varint(body.length),
  ...body,
];
const number = (id: number, value: number): number[] => [...varint(id * 8), ...varint(value)];
const string = (id: number, value: string): number[] => message(id, [...Buffer.from(value, 'utf8')]);

/** Four floats at `location`, put out as they are. */
export function externalDataModel(location: string): Uint8Array {
  const entry = (key: string, value: string): number[] => message(13, [...string(1, key), ...string(2, value)]);
  const weights = [
    ...[...number(1, 4), ...number(2, 1), ...string(8, 'w')],
    ...[...entry('location', location), ...entry('offset', '0'), ...entry('length', '16')],
    ...number(14, 1),
  ];
  const type = message(2, message(1, [...number(1, 1), ...message(2, message(1, number(1, 4)))]));
  const graph = [
    ...message(1, [...string(1, 'w'), ...string(2, 'y'), ...string(4, 'Identity')]),
    ...string(2, 'g'),
    ...message(5, weights),
    ...message(12, [...string(1, 'y'), ...type]),
  ];
  return Uint8Array.from([...number(1, 8), ...message(7, graph), ...message(8, number(2, 17))]);
}
