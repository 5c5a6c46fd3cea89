/** Checkpoints in memory, opened as from a file. */
import { FileTensorSource } from '../../../src-main/engine/weights/file-tensor-source.js';
import { withPackings } from '../../../src-main/engine/weights/packings.js';
import { readSafetensorsHeader } from '../../../src-main/engine/weights/safetensors-source.js';
import type { TensorSource } from '../../../src-main/engine/weights/tensor-source.js';
import { MemoryAccess } from './memory-access.js';

/** A tensor of any dtype, whether it exists or not. */
export interface RawTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Tensors by name, as a file has them. */
export function rawTensors(file: Uint8Array): { tensors: RawTensor[]; metadata: Record<string, string> } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    never
  >;
  const tensors = Object.entries(entries as Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>);
  return {
    metadata,
    tensors: tensors.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin = 0, end = 0],
        },
      ]) => ({
        name,
        dtype,
        shape,
        data: new Uint8Array(bytes.subarray(start + begin, start + end)),
      }),
    ),
  };
}

/** Bytes of a safetensors file with them, one after the other. */
export function fileOf(tensors: readonly RawTensor[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return new Uint8Array(Buffer.concat([length, json, ...tensors.map(({ data }) => data)]));
}

/** @param path by which the file is called in messages and found by what looks beside it */
export async function openBytes(bytes: Uint8Array, path = 'memory.bin'): Promise<TensorSource> {
  const access = new MemoryAccess(bytes, bytes.byteLength, path);
  const { entries, metadata } = await readSafetensorsHeader(access);
  return withPackings(new FileTensorSource(path, [access], entries, metadata));
}
