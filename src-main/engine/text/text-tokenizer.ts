/**
 * What both tokenizers share: the shape of their result, and the frame of special tokens, padding and truncation
 * around the library's tokens. The library is imported here and nowhere else.
 *
 * L = token count after padding.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';

/** A prompt's tokens, padded and truncated to a fixed length. */
export interface TextTokenizer {
  /** L. */
  readonly length: number;
  /** Token ids [L] of a prompt of any length; a new array. */
  encode(prompt: string): Int32Array;
}

/** Ids around the prompt's own tokens. */
export interface TokenFrame {
  /** Put first; null for none. */
  readonly bosId: number | null;
  /** Put after the last token, also when the prompt is truncated. */
  readonly eosId: number;
  readonly padId: number;
  /** L. */
  readonly length: number;
}

/**
 * Longest token sequence that is accepted from a tokenizer_config.json: T5 for FLUX has 512, and attention over more
 * than this would need gigabytes. Unset lengths are written as 1e30.
 */
const MAX_LENGTH = 4096;

const specialToken = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .transform((token) => (typeof token === 'string' ? token : token.content));

/** The fields of tokenizer_config.json that matter here. */
const configFile = z.looseObject({
  model_max_length: z.number().int().min(2).max(MAX_LENGTH),
  bos_token: specialToken.nullish(),
  eos_token: specialToken.nullish(),
  pad_token: specialToken.nullish(),
  unk_token: specialToken.nullish(),
});

export type TokenizerConfig = z.infer<typeof configFile>;

/**
 * Reads a parsed `tokenizer_config.json`.
 * @param where the file, for messages
 * @throws AppError text.tokenizer-invalid
 */
export function parseTokenizerConfig(json: unknown, where: string): TokenizerConfig {
  return parseWith(configFile, json, where);
}

/** @throws AppError text.tokenizer-invalid naming every field that is wrong */
export function parseWith<T>(schema: z.ZodType<T>, json: unknown, where: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`);
  throw invalidTokenizer(where, found.join('; '), parsed.error);
}

export function invalidTokenizer(where: string, found: string, cause?: unknown): AppError {
  return new AppError('text.tokenizer-invalid', `The tokenizer in ${where} cannot be used: ${found}.`, {
    remedy: 'Copy the tokenizer folder of the original model again.',
    cause,
  });
}

/**
 * Builds a tokenizer from the library's two inputs and our own frame.
 * @param tokenizerJson contents of a tokenizer.json
 * @param where folder or file, for messages
 * @throws AppError text.tokenizer-invalid when the library refuses the definition
 */
export function frameTokenizer(
  tokenizerJson: Readonly<Record<string, unknown>>,
  frame: TokenFrame,
  where: string,
): TextTokenizer {
  const library = createTokenizer(tokenizerJson, where);
  const { bosId, eosId, padId, length } = frame;
  const first = bosId === null ? 0 : 1;
  const room = length - first - 1;
  return {
    length,
    encode(prompt) {
      const own = library.encode(prompt, { add_special_tokens: false }).ids.slice(0, room);
      const ids = new Int32Array(length).fill(padId);
      if (bosId !== null) ids[0] = bosId;
      ids.set(own, first);
      ids[first + own.length] = eosId;
      return ids;
    },
  };
}

function createTokenizer(tokenizerJson: Readonly<Record<string, unknown>>, where: string): Tokenizer {
  try {
    return new Tokenizer(tokenizerJson, {});
  } catch (cause) {
    throw invalidTokenizer(where, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
