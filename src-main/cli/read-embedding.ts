/** An identity embedding from a file: JSON, raw float32 values, or a tensor of a safetensors file. */
import { open, readFile, stat } from 'node:fs/promises';
import { AppError } from '../base/app-error.js';
import { typedAbsolute } from '../disk/paths.js';
import { decodeText } from '../disk/text-file.js';
import { openTensorFile } from '../engine/weights/open-tensor-file.js';

/** Values of a face embedding. */
const SIZE = 512;
/** Preferred names of the tensor. */
const NAMES = ['face_embedding', 'embedding', 'id_embedding'];
/** A JSON array of 512 numbers has under 16 kB. */
const MAX_PLAIN_BYTES = 2 ** 20;

/** @throws AppError engine.request-invalid, weights.* */
export async function readEmbedding(given: string): Promise<readonly number[]> {
  const path = typedAbsolute(given);
  const values = (await isSafetensors(path)) ? await fromSafetensors(path) : await fromPlain(path);
  if (values.length !== SIZE || values.some((value) => typeof value !== 'number' || !Number.isFinite(value))) {
    throw invalid(path, `${values.length} values`);
  }
  return values;
}

async function isSafetensors(path: string): Promise<boolean> {
  const handle = await open(path).catch((cause: unknown) => {
    throw invalid(path, 'no readable file', cause);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(9), 0, 9, 0);
    // A u64 header length, small in practice, then the header's brace.
    return bytesRead === 9 && buffer.readUInt32LE(4) === 0 && buffer[8] === '{'.charCodeAt(0);
  } finally {
    await handle.close();
  }
}

async function fromSafetensors(path: string): Promise<number[]> {
  const source = await openTensorFile(path);
  try {
    const fitting = [...source.entries.values()].filter(({ shape }) => shape.reduce((a, b) => a * b, 1) === SIZE);
    const named = NAMES.find((name) => fitting.some((entry) => entry.name === name)) ?? fitting[0]?.name;
    if (named === undefined) throw invalid(path, `no tensor of ${SIZE} values`);
    return [...(await source.readF32(named))];
  } finally {
    await source.close();
  }
}

async function fromPlain(path: string): Promise<number[]> {
  if ((await stat(path)).size > MAX_PLAIN_BYTES) throw invalid(path, 'a file too large for one embedding');
  const bytes = await readFile(path);
  const isRaw = bytes.byteLength === SIZE * 4 && !bytes.toString('utf8').trimStart().startsWith('[');
  const text = decodeText(bytes).trimStart();
  if (isRaw || !text.startsWith('[')) {
    if (!isRaw) throw invalid(path, `${bytes.byteLength} bytes`);
    return [...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
  }
  try {
    const json: unknown = JSON.parse(text);
    return Array.isArray(json) ? (json.flat(3) as number[]) : [];
  } catch (cause) {
    throw invalid(path, 'no valid JSON', cause);
  }
}

function invalid(path: string, found: string, cause?: unknown): AppError {
  return new AppError(
    'engine.request-invalid',
    `${path} holds ${found}, expected an embedding of ${SIZE} finite numbers.`,
    {
      remedy:
        'Give a JSON array, a file of 512 little-endian float32 values, or a safetensors file with a tensor "face_embedding".',
      cause,
    },
  );
}
