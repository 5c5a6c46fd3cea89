/**
 * T5's tokenizer from a GGUF file, whose keys hold what llama.cpp's converter took from T5's SentencePiece model.
 *
 * @source huggingface/transformers, models/t5/tokenization_t5.py for the parts around the vocabulary;
 * ggml-org/ggml docs/gguf.md, "Tokenizer", for the keys
 */
import { openRandomAccess, type RandomAccess } from '../weights/random-access-file.js';
import { readGgufHeader } from '../weights/gguf-source.js';
import { readGgufNumbers, readGgufStrings, type GgufRange, type GgufValue } from '../weights/gguf-values.js';
import type { T5TokenizerFiles } from './t5-tokenizer.js';
import { invalidTokenizer } from './text-tokenizer.js';

const KEY = {
  model: 'tokenizer.ggml.model',
  tokens: 'tokenizer.ggml.tokens',
  scores: 'tokenizer.ggml.scores',
  types: 'tokenizer.ggml.token_type',
  charsmap: 'tokenizer.ggml.precompiled_charsmap',
  eos: 'tokenizer.ggml.eos_token_id',
  unknown: 'tokenizer.ggml.unknown_token_id',
  padding: 'tokenizer.ggml.padding_token_id',
} as const;
/** Flags that T5 has set; llama.cpp's defaults for it when they are missing. */
const FLAGS = ['tokenizer.ggml.add_space_prefix', 'tokenizer.ggml.remove_extra_whitespaces'] as const;
/** SentencePiece's type of a token that stands for nothing. */
const UNUSED = 5;
/** T5's `<extra_id_99>` … `<extra_id_0>`, which llama.cpp's converter names `[PAD32000]` and on. */
const EXTRA_IDS = 100;
/** Tokens that FLUX gives T5, where the file does not say it. */
const DEFAULT_LENGTH = 512;

/**
 * What `buildT5Tokenizer` reads, or null when the file has no tokenizer.
 * @throws AppError text.tokenizer-invalid for another tokenizer than T5's; weights.malformed, weights.unreadable
 */
export async function readGgufTokenizer(path: string): Promise<T5TokenizerFiles | null> {
  const access = await openRandomAccess(path);
  try {
    return await tokenizerIn(access);
  } finally {
    await access.close();
  }
}

/** The same for an open file. @throws AppError as `readGgufTokenizer` */
export async function tokenizerIn(access: RandomAccess): Promise<T5TokenizerFiles | null> {
  const { values } = await readGgufHeader(access);
  return values.has(KEY.tokens) ? tokenizerFiles(access, values) : null;
}

type Values = ReadonlyMap<string, GgufValue>;

async function tokenizerFiles(access: RandomAccess, values: Values): Promise<T5TokenizerFiles> {
  const { file } = access;
  checkModel(values, file);
  const tokens = await readGgufStrings(access, range(values, KEY.tokens, file), `"${KEY.tokens}"`);
  const scores = await readGgufNumbers(access, range(values, KEY.scores, file), 'f32', `"${KEY.scores}"`);
  const types = await readGgufNumbers(access, range(values, KEY.types, file), 'i32', `"${KEY.types}"`);
  if (scores.length !== tokens.length || types.length !== tokens.length) {
    throw invalidTokenizer(
      file,
      `it has ${tokens.length} tokens, ${scores.length} scores and ${types.length} types, expected as many of each`,
    );
  }
  // What fills the table up to the network's size has scores that would make every unknown character cost more.
  const used = types.findLastIndex((type) => type !== UNUSED) + 1;
  const special = [KEY.padding, KEY.eos, KEY.unknown].map((key) => tokenId(values, key, used, file));
  const [pad, eos, unknown] = special.map((id) => tokens[id]);
  const vocab = tokens.slice(0, used).map((token, id) => [token, scores[id]] as const);
  const sentinels = tokens.length - used < EXTRA_IDS ? 0 : EXTRA_IDS;
  return {
    tokenizer: {
      added_tokens: [
        ...special.map((id) => addedToken(id, tokens[id])),
        ...Array.from({ length: sentinels }, (_, i) => addedToken(used + i, `<extra_id_${EXTRA_IDS - 1 - i}>`)),
      ],
      normalizer: hasCharsmap(values, file) ? { type: 'Precompiled' } : null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'WhitespaceSplit' },
          { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
        ],
      },
      model: { type: 'Unigram', unk_id: special[2], vocab },
    },
    config: { model_max_length: lengthOf(values), eos_token: eos, pad_token: pad, unk_token: unknown },
  };
}

function checkModel(values: Values, file: string): void {
  const model = values.get(KEY.model);
  if (model !== 't5') {
    throw invalidTokenizer(file, `"${KEY.model}" is ${JSON.stringify(String(model))}, expected "t5"`);
  }
  for (const flag of FLAGS) {
    if ((values.get(flag) ?? true) !== true) throw invalidTokenizer(file, `"${flag}" is not set, as it is for T5`);
  }
}

function range(values: Values, key: string, file: string): GgufRange {
  const value = values.get(key);
  if (typeof value === 'object' && 'byteOffset' in value) return value;
  throw invalidTokenizer(file, `it has no array "${key}"`);
}

function tokenId(values: Values, key: string, used: number, file: string): number {
  const id = values.get(key);
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < used) return id;
  throw invalidTokenizer(file, `"${key}" is ${String(id)}, expected one of ${used} tokens`);
}

/** The map itself is not read: the normalizer applies Nmt and NFKC, from which T5's was made. */
function hasCharsmap(values: Values, file: string): boolean {
  if (!values.has(KEY.charsmap)) return false;
  const { type, count } = range(values, KEY.charsmap, file);
  if (type === 'u8' || type === 'i8') return count > 0;
  throw invalidTokenizer(file, `"${KEY.charsmap}" has elements of ${type}, expected u8`);
}

function lengthOf(values: Values): GgufValue {
  return values.get(`${String(values.get('general.architecture'))}.context_length`) ?? DEFAULT_LENGTH;
}

function addedToken(id: number, content: string | undefined): object {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}
