import { describe, expect, it } from 'vitest';
import { readGgufTokenizer, tokenizerIn } from '../../../../src-main/engine/text/gguf-tokenizer.js';
import { loadT5Tokenizer } from '../../../../src-main/engine/text/load-tokenizers.js';
import { buildT5Tokenizer } from '../../../../src-main/engine/text/t5-tokenizer.js';
import { ggufArray, ggufBytes, ggufString, GGUF_VALUE, u32 } from '../../support/gguf-bytes.js';
import { MemoryAccess } from '../../support/memory-access.js';
import { fixturePath, readFixtureJson } from '../../support/read-fixture.js';

const FILE = fixturePath('gguf/t5-tokenizer.gguf');
/** Of transformers, without padding. */
const { cases } = readFixtureJson<{ cases: { prompt: string; ids: number[] }[] }>('gguf/t5-tokenizer.json');
const LENGTH = 64;

describe("T5's tokenizer from a GGUF file", async () => {
  const files = await readGgufTokenizer(FILE);
  if (files === null) throw new Error('no tokenizer');
  const tokenizer = buildT5Tokenizer(files, FILE);

  it.each(cases)('gives the ids of transformers for $prompt', ({ prompt, ids }) => {
    const cut = ids.length > LENGTH ? [...ids.slice(0, LENGTH - 1), ids.at(-1)] : ids;
    expect([...tokenizer.encode(prompt)]).toEqual([...cut, ...Array<number>(LENGTH - cut.length).fill(0)]);
  });

  it('is taken for a T5 that is in such a file, and only when the file has one', async () => {
    const expected = cases.find(({ ids }) => ids.includes(299));
    expect(expected).toBeDefined();
    const t5 = await loadT5Tokenizer(FILE);
    expect([...t5.encode(expected?.prompt ?? '')]).toContain(299);
    await expect(loadT5Tokenizer(fixturePath('gguf/no-keys.gguf'))).rejects.toMatchObject({
      code: 'text.tokenizer-invalid',
    });
  });
});

type Key = readonly [key: string, type: number, value: Uint8Array];
const NAME = 'tokenizer.ggml.';
const TOKENS = ['<pad>', '</s>', '<unk>', 'a', '[PAD4]'];
const scalars = (values: readonly number[], type: 'f32' | 'i32'): Uint8Array =>
  new Uint8Array((type === 'f32' ? Float32Array : Int32Array).from(values).buffer);

const KEYS: readonly Key[] = [
  ['general.architecture', GGUF_VALUE.string, ggufString('t5')],
  ['t5.context_length', GGUF_VALUE.u32, u32(100)],
  [`${NAME}model`, GGUF_VALUE.string, ggufString('t5')],
  [`${NAME}tokens`, GGUF_VALUE.array, ggufArray(GGUF_VALUE.string, 5, Buffer.concat(TOKENS.map(ggufString)))],
  [`${NAME}scores`, GGUF_VALUE.array, ggufArray(GGUF_VALUE.f32, 5, scalars([0, 0, 0, -2, -10000], 'f32'))],
  [`${NAME}token_type`, GGUF_VALUE.array, ggufArray(GGUF_VALUE.i32, 5, scalars([3, 3, 2, 1, 5], 'i32'))],
  [`${NAME}eos_token_id`, GGUF_VALUE.u32, u32(1)],
  [`${NAME}unknown_token_id`, GGUF_VALUE.u32, u32(2)],
  [`${NAME}padding_token_id`, GGUF_VALUE.u32, u32(0)],
];

/** With keys changed or added; null takes one away. */
function read(changes: readonly (Key | readonly [key: string, type: null])[] = []) {
  const changed = new Map([...KEYS, ...changes].map((one) => [one[0], one]));
  const keys = [...changed.values()].filter((one): one is Key => one[1] !== null);
  return tokenizerIn(new MemoryAccess(ggufBytes({ keys }), undefined, 't5.gguf'));
}

describe('what a GGUF file says of its tokenizer', () => {
  it('is what the tokenizer is built from', async () => {
    expect(await read()).toMatchObject({
      tokenizer: {
        model: {
          unk_id: 2,
          vocab: [
            ['<pad>', 0],
            ['</s>', 0],
            ['<unk>', 0],
            ['a', -2],
          ],
        },
        normalizer: null,
      },
      config: { model_max_length: 100, eos_token: '</s>', pad_token: '<pad>', unk_token: '<unk>' },
    });
    expect(await read([['t5.context_length', null]])).toMatchObject({ config: { model_max_length: 512 } });
  });

  it('may be nothing', async () => {
    expect(await read([[`${NAME}tokens`, null]])).toBeNull();
    expect(await readGgufTokenizer(fixturePath('gguf/no-keys.gguf'))).toBeNull();
  });

  it.each<[string, Key | readonly [key: string, type: null], RegExp]>([
    [
      'another model',
      [`${NAME}model`, GGUF_VALUE.string, ggufString('gpt2')],
      /tokenizer\.ggml\.model" is "gpt2", exp/,
    ],
    ['no scores', [`${NAME}scores`, null], /no array "tokenizer\.ggml\.scores"/],
    ['a number as scores', [`${NAME}scores`, GGUF_VALUE.u32, u32(1)], /no array "tokenizer\.ggml\.scores"/],
    [
      'too few types',
      [`${NAME}token_type`, GGUF_VALUE.array, ggufArray(GGUF_VALUE.i32, 1, scalars([1], 'i32'))],
      /5 tokens, 5 scores and 1 types/,
    ],
    ['no end token', [`${NAME}eos_token_id`, null], /eos_token_id" is undefined, expected one of 4 tokens/],
    ['an end token that is not there', [`${NAME}eos_token_id`, GGUF_VALUE.u32, u32(4)], /eos_token_id" is 4/],
    ['no space before', [`${NAME}add_space_prefix`, GGUF_VALUE.bool, Uint8Array.of(0)], /add_space_prefix" is not set/],
    [
      'a map of words',
      [`${NAME}precompiled_charsmap`, GGUF_VALUE.array, ggufArray(GGUF_VALUE.i32, 0, u32(0))],
      /of i32/,
    ],
  ])('is refused with %s', async (_, change, message) => {
    await expect(read([change])).rejects.toMatchObject({
      code: 'text.tokenizer-invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  it('is refused with scores of another type, or bytes that are not UTF-8', async () => {
    const scores = ggufArray(GGUF_VALUE.i32, 5, scalars([0, 0, 0, 0, 0], 'i32'));
    await expect(read([[`${NAME}scores`, GGUF_VALUE.array, scores]])).rejects.toThrow(
      /has i32 for "tokenizer.ggml.sco/,
    );
    const tokens = Buffer.concat([...TOKENS.slice(0, 4).map(ggufString), ggufString(Uint8Array.of(0xff))]);
    const array = ggufArray(GGUF_VALUE.string, 5, tokens);
    await expect(read([[`${NAME}tokens`, GGUF_VALUE.array, array]])).rejects.toThrow(/not UTF-8 in element 4 of "tok/);
  });

  it('is refused when it has more tokens than any model', async () => {
    const tokens = ggufArray(GGUF_VALUE.string, 2 ** 20 + 1, Buffer.alloc(8 * (2 ** 20 + 1)));
    await expect(read([[`${NAME}tokens`, GGUF_VALUE.array, tokens]])).rejects.toThrow(
      /1048577 elements for "tokenizer/,
    );
  });
});
