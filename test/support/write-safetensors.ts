/** Writes a safetensors file, tensor by tensor, so that none needs to be in memory whole. */
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { throwIfAborted } from '../../src-main/base/app-error.js';
import { invariant } from '../../src-main/base/assert.js';
import { diskError } from '../../src-main/base/disk-error.js';
import { DTYPE_BYTES, elementCount, type TensorDtype } from '../../src-main/engine/weights/tensor-source.js';

/** One tensor to be written. */
export interface WritableTensor {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** All bytes, or parts in order; row-major, little-endian. Not kept. */
  readonly data: ArrayBufferView | AsyncIterable<ArrayBufferView>;
}

export interface WriteSafetensorsOptions {
  /** Free text for the header. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Writes to a temporary file beside `path` and renames it, so that `path` is never half written. Tensors of wide
 * elements come first, so that each starts at a multiple of its element size.
 *
 * @throws AppError disk.full, disk.failed; AbortError. The temporary file is then removed.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly WritableTensor[],
  { metadata = {}, signal }: WriteSafetensorsOptions = {},
): Promise<void> {
  const ordered = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  const header = encodeHeader(ordered, metadata);
  const temporary = `${path}.${process.pid}.incomplete`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'w');
    await handle.writeFile(header);
    for (const tensor of ordered) await writeTensor(handle, tensor, signal);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
  } catch (error) {
    await handle?.close();
    await rm(temporary, { force: true });
    throw diskError(error, `write ${path}`);
  }
}

async function writeTensor(handle: FileHandle, tensor: WritableTensor, signal?: AbortSignal): Promise<void> {
  let written = 0;
  for await (const part of ArrayBuffer.isView(tensor.data) ? [tensor.data] : tensor.data) {
    throwIfAborted(signal);
    await handle.writeFile(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    written += part.byteLength;
  }
  const expected = byteLengthOf(tensor);
  invariant(written === expected, `"${tensor.name}" was given ${written} bytes, expected ${expected}`);
}

/** The length field and the JSON, padded with spaces to a multiple of 8 as the reference implementation does. */
function encodeHeader(tensors: readonly WritableTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const described = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) described.set('__metadata__', metadata);
  let offset = 0;
  for (const tensor of tensors) {
    invariant(tensor.name !== '__metadata__' && !described.has(tensor.name), `two tensors named "${tensor.name}"`);
    const end = offset + byteLengthOf(tensor);
    described.set(tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(described)), 'utf8');
  const length = Math.ceil(json.byteLength / 8) * 8;
  const header = Buffer.alloc(8 + length, 0x20);
  header.writeBigUInt64LE(BigInt(length), 0);
  json.copy(header, 8);
  return header;
}

function byteLengthOf({ dtype, shape }: WritableTensor): number {
  return elementCount(shape) * DTYPE_BYTES[dtype];
}
