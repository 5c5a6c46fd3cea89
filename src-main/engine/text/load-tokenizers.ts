/** Reads the tokenizer folders of a FLUX checkpoint in diffusers' layout. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { buildClipTokenizer } from './clip-tokenizer.js';
import { buildT5Tokenizer } from './t5-tokenizer.js';
import { invalidTokenizer, type TextTokenizer } from './text-tokenizer.js';

export interface Tokenizers {
  readonly clip: TextTokenizer;
  readonly t5: TextTokenizer;
}

/** Size limit. T5's tokenizer.json has 2.4 MB, the largest multilingual ones 35 MB. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Loads both tokenizers: `tokenizer/{vocab.json,merges.txt,tokenizer_config.json}` for CLIP and
 * `tokenizer_2/{tokenizer.json,tokenizer_config.json}` for T5.
 * @param fluxFolder absolute path of the FLUX folder
 * @throws AppError pack.incomplete when a file is missing, text.tokenizer-invalid when one cannot be used
 */
export async function loadTokenizers(fluxFolder: string): Promise<Tokenizers> {
  const clipFolder = join(fluxFolder, 'tokenizer');
  const t5Folder = join(fluxFolder, 'tokenizer_2');
  const [vocab, merges, clipConfig, tokenizer, t5Config] = await Promise.all([
    readJson(clipFolder, 'vocab.json'),
    readText(clipFolder, 'merges.txt'),
    readJson(clipFolder, 'tokenizer_config.json'),
    readJson(t5Folder, 'tokenizer.json'),
    readJson(t5Folder, 'tokenizer_config.json'),
  ]);
  return {
    clip: buildClipTokenizer({ vocab, merges, config: clipConfig }, clipFolder),
    t5: buildT5Tokenizer({ tokenizer, config: t5Config }, t5Folder),
  };
}

async function readJson(folder: string, name: string): Promise<unknown> {
  const text = await readText(folder, name);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalidTokenizer(folder, `${name} is not valid JSON`, cause);
  }
}

async function readText(folder: string, name: string): Promise<string> {
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
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw missing(path, cause);
  });
}

function missing(path: string, cause: unknown): AppError {
  return new AppError('pack.incomplete', `The tokenizer file ${path} is missing or cannot be read.`, {
    remedy: 'Download or copy the missing file, then check the pack again.',
    cause,
  });
}
