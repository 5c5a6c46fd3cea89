/** Builds safetensors bytes from any header, valid or not. Independent of the engine's writer. */
export function safetensorsBytes(header: unknown, dataBytes = 0, pad = true): Uint8Array {
  const json = typeof header === 'string' ? header : JSON.stringify(header);
  const text = Buffer.from(json, 'utf8');
  const length = pad ? Math.ceil(text.byteLength / 8) * 8 : text.byteLength;
  const bytes = Buffer.alloc(8 + length + dataBytes, 0x20);
  bytes.writeBigUInt64LE(BigInt(length), 0);
  text.copy(bytes, 8);
  bytes.fill(0, 8 + length);
  return new Uint8Array(bytes);
}
