/** Dropped or chosen LoRA files: recognized by name, and read in pieces. */
import { LORA_PIECE_BYTES, MAX_LORA_HEAD_BYTES } from '$contract/lora';

/** Size of the length field (u64, little-endian) at the start of a safetensors file. */
const LENGTH_BYTES = 8;

export function isLoraFile(file: Pick<File, 'name'>): boolean {
  return /\.safetensors$/i.test(file.name);
}

/** The first LoRA among dropped files. */
export function loraAmong(files: FileList | null | undefined): File | null {
  return [...(files ?? [])].find(isLoraFile) ?? null;
}

/**
 * Bytes of the header including its length field. If there is no valid header, up to 4096 bytes, from which the host
 * reports what is wrong.
 */
export async function headBytes(file: Blob): Promise<number> {
  const first = new DataView(await file.slice(0, LENGTH_BYTES).arrayBuffer());
  const length = first.byteLength < LENGTH_BYTES ? 0 : Number(first.getBigUint64(0, true));
  const head = LENGTH_BYTES + length;
  return head <= MAX_LORA_HEAD_BYTES && head <= file.size ? head : Math.min(file.size, 4096);
}

/** Pieces [from, to) of a file after its header, in bytes. */
export function* piecesAfter(head: number, bytes: number): Generator<readonly [from: number, to: number]> {
  for (let from = head; from < bytes; from += LORA_PIECE_BYTES) yield [from, Math.min(bytes, from + LORA_PIECE_BYTES)];
}
