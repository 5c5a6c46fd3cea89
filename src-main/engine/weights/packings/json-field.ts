/** JSON inside checkpoints: quant_state, comfy_quant and the like. */
import type { TensorEntry } from '../tensor-source.js';
import { malformed, quoted } from '../weights-error.js';

export type JsonFields = Readonly<Record<string, unknown>>;

/**
 * @param text whose parts are shown in messages
 * @param what names it, such as `"w.comfy_quant"`
 * @throws AppError weights.malformed for anything but an object
 */
export function parseFields(text: string, file: string, what: string): JsonFields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, `has ${what} that is not JSON: ${quoted(text)}.`, cause);
  }
  if (!isObject(value)) throw malformed(file, `has ${what} that is not a JSON object: ${quoted(text)}.`);
  return value;
}

export function isObject(value: unknown): value is JsonFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Bytes of a tensor as JSON. Python's json.dumps writes ASCII by default. */
export function parseTensorFields(bytes: Uint8Array, { file, name }: TensorEntry): JsonFields {
  return parseFields(Buffer.from(bytes).toString('utf8'), file, quoted(name));
}

/** A value of the JSON for a message, shortened. */
export function jsonText(value: unknown): string {
  const text = (JSON.stringify(value) as string | undefined) ?? 'missing';
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
