/**
 * CLIP's lower-cased byte-level BPE, built from vocab.json and merges.txt because FLUX's layout has no tokenizer.json.
 *
 * The definition equals that of `CLIPTokenizer` in current transformers. The older pure-Python class, without ftfy
 * installed, also puts spaces around Chinese characters.
 *
 * @source huggingface/transformers, src/transformers/models/clip/tokenization_clip.py (version 5): normalizer,
 * pre-tokenizer, BPE settings and the bos/eos frame.
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

export interface ClipTokenizerFiles {
  /** Parsed vocab.json: token to id. */
  readonly vocab: unknown;
  /** Text of merges.txt: a version line, then one merge of two tokens per line, the strongest first. */
  readonly merges: string;
  /** Parsed tokenizer_config.json. */
  readonly config: unknown;
}

const START = '<|startoftext|>';
const END = '<|endoftext|>';
const END_OF_WORD = '</w>';
/** CLIP's positions. ComfyUI's tokenizer_config.json says 8192, because its program divides long prompts. */
const MAX_LENGTH = 77;
/** CLIP's words; everything else (white space) is dropped. */
const WORDS = String.raw`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`;

const vocabulary = z.record(z.string(), tokenId);

/**
 * Builds CLIP's tokenizer. `encode` gives bos, tokens, eos and padding, `model_max_length` ids in total, at most 77.
 * @param where the folder, for messages
 * @throws AppError text.tokenizer-invalid
 */
export function buildClipTokenizer(files: ClipTokenizerFiles, where: string): TextTokenizer {
  const vocab = parseWith(vocabulary, files.vocab, `${where} (vocab.json)`);
  const config = parseTokenizerConfig(files.config, `${where} (tokenizer_config.json)`);
  const id = (token: string): number => {
    const found = Object.hasOwn(vocab, token) ? vocab[token] : undefined;
    if (found === undefined) throw invalidTokenizer(where, `vocab.json has no ${token}`);
    return found;
  };
  const bos = config.bos_token ?? START;
  const eos = config.eos_token ?? END;
  const frame = {
    bosId: id(bos),
    eosId: id(eos),
    padId: id(config.pad_token ?? END),
    length: Math.min(MAX_LENGTH, Math.floor(config.model_max_length)),
  };
  const special = [...new Set([bos, eos])].map((content) => ({ id: id(content), content, special: true }));
  const definition = {
    added_tokens: special,
    // Rust lower-cases each letter alone; JavaScript would write a sigma at a word's end as a final sigma.
    normalizer: sequence('normalizers', [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: String.raw`\s+` }, content: ' ' },
      { type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' },
      { type: 'Lowercase' },
    ]),
    pre_tokenizer: sequence('pretokenizers', [
      { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
      { type: 'ByteLevel', add_prefix_space: false },
    ]),
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      vocab,
      merges: parseMerges(files.merges, `${where} (merges.txt)`),
      unk_token: config.unk_token ?? END,
      end_of_word_suffix: END_OF_WORD,
      fuse_unk: false,
      ignore_merges: false,
    },
  };
  return frameTokenizer(definition, frame, `${where} (vocab.json, merges.txt)`);
}

function sequence(key: string, parts: readonly object[]): Record<string, unknown> {
  return { type: 'Sequence', [key]: parts };
}

/** @throws AppError text.tokenizer-invalid when a line is not two tokens */
function parseMerges(text: string, where: string): [string, string][] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines[0]?.startsWith('#version')) lines.shift();
  return lines
    .filter((line) => line !== '')
    .map((line, i) => {
      const [left, right, ...rest] = line.split(' ');
      if (!left || !right || rest.length > 0) {
        throw invalidTokenizer(where, `merge ${i + 1} is "${line.slice(0, 80)}", not two tokens with a space between`);
      }
      return [left, right];
    });
}

/**
 * Position of the token whose state is CLIP's pooled vector: the first eos. Configs from before 2023 have eos_token_id
 * 2, which was never the real id; for them it is the highest id of the sequence.
 * @param ids [L], from `TextTokenizer.encode`
 * @param eosTokenId `eos_token_id` of the text encoder's config.json
 * @throws AppError text.tokenizer-invalid when the sequence has no such token
 * @source huggingface/transformers, src/transformers/models/clip/modeling_clip.py, `CLIPTextTransformer.forward`
 */
export function clipEosIndex(ids: Int32Array, eosTokenId: number): number {
  const eos = eosTokenId === LEGACY_EOS ? ids.reduce((highest, id) => Math.max(highest, id), 0) : eosTokenId;
  const index = ids.indexOf(eos);
  if (index < 0) {
    throw invalidTokenizer(
      'the CLIP folders',
      `config.json has the end token ${eos}, but the tokenizer gave none in ${ids.length} tokens`,
    );
  }
  return index;
}

const LEGACY_EOS = 2;
