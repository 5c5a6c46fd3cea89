/** Reads the two tokenizers of a pack. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { readText } from '../../disk/text-file.js';
import type { PackPlaces } from '../protocol/pack-parts.js';
import { buildClipTokenizer } from './clip-tokenizer.js';
import { readGgufTokenizer } from './gguf-tokenizer.js';
import { buildT5Tokenizer } from './t5-tokenizer.js';
import { invalidTokenizer, type TextTokenizer } from './text-tokenizer.js';

export interface Tokenizers {
  readonly clip: TextTokenizer;
  readonly t5: TextTokenizer;
}

/** Size limit. T5's tokenizer.json has 2.4 MB, the largest multilingual ones 35 MB. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** @throws AppError pack.incomplete when a file is missing, text.tokenizer-invalid when one cannot be used */
export async function loadTokenizers({
  clipTokenizer,
  t5Tokenizer,
}: Pick<PackPlaces, 'clipTokenizer' | 't5Tokenizer'>): Promise<Tokenizers> {
  const [clip, t5] = await Promise.all([loadClipTokenizer(clipTokenizer), loadT5Tokenizer(t5Tokenizer)]);
  return { clip, t5 };
}

/** @param folder with vocab.json, merges.txt and tokenizer_config.json @throws AppError as `loadTokenizers` */
export async function loadClipTokenizer(folder: string): Promise<TextTokenizer> {
  const [vocab, merges, config] = await Promise.all([
    readJson(folder, 'vocab.json'),
    readPart(folder, 'merges.txt'),
    readJson(folder, 'tokenizer_config.json'),
  ]);
  return buildClipTokenizer({ vocab, merges, config }, folder);
}

/**
 * @param place folder with tokenizer.json and tokenizer_config.json, or a GGUF file of T5
 * @throws AppError as `loadTokenizers`; weights.* for a GGUF
 */
export async function loadT5Tokenizer(place: string): Promise<TextTokenizer> {
  if (/\.gguf$/i.test(place)) {
    const files = await readGgufTokenizer(place);
    if (files !== null) return buildT5Tokenizer(files, place);
    throw invalidTokenizer(place, 'the GGUF file has no tokenizer in it');
  }
  const [tokenizer, config] = await Promise.all([
    readJson(place, 'tokenizer.json'),
    readJson(place, 'tokenizer_config.json'),
  ]);
  return buildT5Tokenizer({ tokenizer, config }, place);
}

async function readJson(folder: string, name: string): Promise<unknown> {
  const text = await readPart(folder, name);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalidTokenizer(folder, `${name} is not valid JSON`, cause);
  }
}

async function readPart(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const size = await stat(path).then(
    (info) => info.size,
    (cause: unknown) => {
      throw missing(path, cause);
    },
  );
  if (size > MAX_FILE_BYTES) {
    throw invalidTokenizer(folder, `${name} has ${size} bytes, at most ${MAX_FILE_BYTES} are read`);
  }
  return readText(path).catch((cause: unknown) => {
    throw missing(path, cause);
  });
}

function missing(path: string, cause: unknown): AppError {
  return new AppError('pack.incomplete', `The tokenizer file ${path} is missing or cannot be read.`, {
    remedy: 'Download or copy the missing file, then check the pack again.',
    cause,
  });
}
