/**
 * Shared by both tokenizers: the result's shape, and special tokens, padding and truncation around the library's tokens.
 * The only importer of the library.
 *
 * L = token count after padding.
 */
import { createContext, Script, type Context } from 'node:vm';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';

/** A prompt's tokens, padded and truncated to a fixed length. */
export interface TextTokenizer {
  /** L. */
  readonly length: number;
  /** Number of tokens that it knows. */
  readonly vocabulary: number;
  /** Token ids [L] of a prompt of any length; a new array. @throws AppError text.tokenizer-invalid */
  encode(prompt: string): Int32Array;
}

export interface TokenFrame {
  /** First id; null for none. */
  readonly bosId: number | null;
  /** Follows the last token, also of a truncated prompt. */
  readonly eosId: number;
  readonly padId: number;
  /** L. */
  readonly length: number;
}

/** An id that fits an Int32Array. */
export const tokenId = z.number().int().min(0).max(0x7fffffff);

const specialToken = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .transform((token) => (typeof token === 'string' ? token : token.content));

/** The used fields of tokenizer_config.json. */
const configFile = z.looseObject({
  /** Other tools write other lengths than the network's, and an unset one as 1e30. */
  model_max_length: z.number().min(2),
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

/** @throws AppError text.tokenizer-invalid naming up to three wrong fields */
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
 * Time limit for one prompt. The app's longest (4000 characters) takes some ten milliseconds; a damaged file may contain
 * an expression that runs for years.
 */
const ENCODE_LIMIT_MS = 5000;

/** Ordinary text of every kind: a definition that fails on it is rejected before a network is read. */
const PROBE = "A man, portrait, 85 mm; it's café 日本語 🙂\n";

/**
 * Builds a tokenizer from a definition and a frame, and tests it on a short text.
 * @param tokenizerJson contents of a tokenizer.json
 * @param where source files, for messages
 * @param limitMs time limit for one text
 * @throws AppError text.tokenizer-invalid when the library rejects the definition or cannot use it
 */
export function frameTokenizer(
  tokenizerJson: Readonly<Record<string, unknown>>,
  frame: TokenFrame,
  where: string,
  limitMs = ENCODE_LIMIT_MS,
): TextTokenizer {
  const library = createTokenizer(tokenizerJson, where);
  const { bosId, eosId, padId, length } = frame;
  const first = bosId === null ? 0 : 1;
  const room = length - first - 1;
  const own = boundedEncode(library, where, limitMs);
  if (own(PROBE).length === 0) throw invalidTokenizer(where, `it finds no tokens in "${PROBE.trim()}"`);
  return {
    length,
    vocabulary: vocabularyOf(tokenizerJson),
    encode(prompt) {
      const ids = new Int32Array(length).fill(padId);
      if (bosId !== null) ids[0] = bosId;
      const tokens = own(prompt).slice(0, room);
      ids.set(tokens, first);
      ids[first + tokens.length] = eosId;
      return ids;
    },
  };
}

/** A unigram model has a list of tokens, BPE an object. */
function vocabularyOf({ model }: Readonly<Record<string, unknown>>): number {
  const vocab: unknown = (model as { readonly vocab?: unknown } | undefined)?.vocab;
  return typeof vocab === 'object' && vocab !== null ? Object.keys(vocab).length : 0;
}

const tokenIds = z.array(tokenId);
const RUN = new Script('encode()');

/**
 * The library's `encode` with a time limit. V8 can interrupt JavaScript and regular expressions on the same thread, but
 * only when entered through `vm`; the called code is the same in the same realm.
 */
function boundedEncode(library: Tokenizer, where: string, limitMs: number): (text: string) => readonly number[] {
  let text = '';
  const context: Context = createContext({ encode: () => library.encode(text, { add_special_tokens: false }).ids });
  return (prompt) => {
    text = prompt;
    const ids = refusing(where, () => RUN.runInContext(context, { timeout: limitMs }) as unknown[]);
    return parseWith(tokenIds, ids, `${where}, token ids of a text`);
  };
}

function createTokenizer(tokenizerJson: Readonly<Record<string, unknown>>, where: string): Tokenizer {
  return refusing(where, () => new Tokenizer(tokenizerJson, {}));
}

/** @throws AppError text.tokenizer-invalid for any error of the library */
function refusing<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw invalidTokenizer(where, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
