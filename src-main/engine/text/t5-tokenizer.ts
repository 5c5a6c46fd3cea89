/**
 * T5's unigram tokenizer from tokenizer.json.
 *
 * The library reads the file's definition, with two parts replaced: it lacks the Nmt normalizer, and its WhitespaceSplit
 * uses JavaScript's white space, which includes U+FEFF and lacks U+0085. Its Precompiled normalizer (the one in FLUX's
 * file) does not decode the character map but applies Nmt and NFKC, from which T5's map was made.
 *
 * @source huggingface/tokenizers, tokenizers/src/normalizers/unicode.rs (`do_nmt`) for the two character sets.
 */
import { z } from 'zod';
import {
  frameTokenizer,
  invalidTokenizer,
  parseTokenizerConfig,
  parseWith,
  tokenId,
  type TextTokenizer,
} from './text-tokenizer.js';

export interface T5TokenizerFiles {
  /** Parsed tokenizer.json. */
  readonly tokenizer: unknown;
  /** Parsed tokenizer_config.json. */
  readonly config: unknown;
}

/** FLUX.1-dev reads so many. */
const MAX_LENGTH = 512;
/** Control characters that Nmt removes, and characters that it replaces by a space. */
const NMT_REMOVED = String.raw`[\x01-\x08\x0b\x0e-\x1f\x7f\x{8f}\x{9f}]`;
const NMT_SPACES = String.raw`[\x09\x0a\x0c\x0d\x{1680}\x{200b}-\x{200f}\x{2028}\x{2029}\x{2581}\x{feff}\x{fffd}]`;

const part = z.looseObject({ type: z.string() });
type Part = z.infer<typeof part>;

const tokenizerFile = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string().min(1) })).default([]),
  normalizer: part.nullable().default(null),
  pre_tokenizer: part.nullable().default(null),
  model: z.looseObject({
    type: z.literal('Unigram').default('Unigram'),
    unk_id: z.number().int().min(0),
    vocab: z.array(z.tuple([z.string(), z.number()])).min(1),
  }),
});

/**
 * Builds T5's tokenizer. `encode` gives tokens, `</s>` and padding, `model_max_length` ids in total, at most 512. There is no
 * attention mask, because attention covers the whole padded length.
 * @param where the folder, for messages
 * @throws AppError text.tokenizer-invalid
 */
export function buildT5Tokenizer(files: T5TokenizerFiles, where: string): TextTokenizer {
  const file = parseWith(tokenizerFile, files.tokenizer, `${where} (tokenizer.json)`);
  const config = parseTokenizerConfig(files.config, `${where} (tokenizer_config.json)`);
  const { vocab, unk_id: unkId } = file.model;
  if (unkId >= vocab.length) {
    throw invalidTokenizer(where, `the unknown token has id ${unkId}, but there are ${vocab.length} tokens`);
  }
  const id = (token: string): number => {
    const added = file.added_tokens.find(({ content }) => content === token)?.id;
    const found = added ?? vocab.findIndex(([content]) => content === token);
    if (found < 0) throw invalidTokenizer(where, `tokenizer.json has no ${token}`);
    return found;
  };
  const frame = {
    bosId: null,
    eosId: id(config.eos_token ?? '</s>'),
    padId: id(config.pad_token ?? '<pad>'),
    length: Math.min(MAX_LENGTH, Math.floor(config.model_max_length)),
  };
  const definition = {
    ...file,
    normalizer: portable(file.normalizer, where),
    pre_tokenizer: portable(file.pre_tokenizer, where),
    post_processor: null,
    decoder: null,
  };
  return frameTokenizer(definition, frame, `${where} (tokenizer.json)`);
}

/** Deepest nesting of sequences; published files have two levels. */
const MAX_NESTING = 8;

/** A normalizer or pre-tokenizer in which parts that the library lacks or treats differently are replaced. */
function portable(component: Part | null, where: string, depth = 0): Part | null {
  if (depth > MAX_NESTING) throw invalidTokenizer(where, `tokenizer.json nests deeper than ${MAX_NESTING} levels`);
  switch (component?.type) {
    case 'Nmt':
      return {
        type: 'Sequence',
        normalizers: [
          { type: 'Replace', pattern: { Regex: NMT_REMOVED }, content: '' },
          { type: 'Replace', pattern: { Regex: NMT_SPACES }, content: ' ' },
        ],
      };
    case 'WhitespaceSplit':
      return { type: 'Split', pattern: { Regex: String.raw`\S+` }, behavior: 'Removed', invert: true };
    case 'Sequence': {
      const key = 'normalizers' in component ? 'normalizers' : 'pretokenizers';
      const parts = parseWith(z.array(part), component[key], `${where} (tokenizer.json, ${key})`);
      return { ...component, [key]: parts.map((inner) => portable(inner, where, depth + 1)) };
    }
    default:
      return component;
  }
}
