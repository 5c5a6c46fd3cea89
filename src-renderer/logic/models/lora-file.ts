/** Dropped or chosen LoRA files: recognized by name, and read in pieces. */
import { LORA_PIECE_BYTES, MAX_LORA_HEAD_BYTES } from '$contract/lora';

/** Size of the length field (u64, little-endian) at the start of a safetensors file. */
const LENGTH_BYTES = 8;

export function isLoraFile(file: Pick<File, 'name'>): boolean {
  return /\.safetensors$/i.test(file.name);
}

/** The first LoRA among dropped files, by its name. */
export function loraAmong(files: readonly File[]): readonly File[] {
  return files.filter(isLoraFile).slice(0, 1);
}

/** Bytes of a header in which some keys of a LoRA are found. */
const LOOK_BYTES = 256 * 1024;
/** Parts of the keys of LoRAs and their relatives; a model's own tensors have none of them. */
const LORA_KEYS = /["._](lora|lora_[ab]|lora_down|lora_up|lokr_w\d|hada_w\d|dora_scale)["._]/i;

/** Whether a safetensors file has a LoRA's header. */
export async function looksLikeLora(file: File): Promise<boolean> {
  if (!isLoraFile(file)) return false;
  const head = Math.min(await headBytes(file), LOOK_BYTES);
  return LORA_KEYS.test(await file.slice(0, head).text());
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
