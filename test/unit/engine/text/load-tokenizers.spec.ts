import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { loadTokenizers } from '../../../../src-main/engine/text/load-tokenizers.js';
import { fixturePath, readFixture, readFixtureJson } from '../../support/read-fixture.js';

const { prompts } = readFixtureJson<{ prompts: string[] }>('reference-tiny/expected.json');
const expected = readFixture('reference-tiny/expected.safetensors');

function expectedIds(tensor: string, row: number): number[] {
  const { shape, data } = expected(tensor);
  const length = shape[1] as number;
  return [...data.slice(row * length, (row + 1) * length)].map(Number);
}

function placesIn(folder: string): Parameters<typeof loadTokenizers>[0] {
  return { clipTokenizer: fixturePath(`${folder}/tokenizer`), t5Tokenizer: fixturePath(`${folder}/tokenizer_2`) };
}

describe('loadTokenizers', async () => {
  const { clip, t5 } = await loadTokenizers(placesIn('reference-tiny/flux'));

  it.each(prompts.map((prompt, row) => ({ prompt, row })))('gives the reference ids for $prompt', ({ prompt, row }) => {
    expect([...clip.encode(prompt)]).toEqual(expectedIds('clip_input_ids', row));
    expect([...t5.encode(prompt)]).toEqual(expectedIds('t5_input_ids', row));
  });

  it('takes the lengths from the configs', () => {
    expect([clip.length, t5.length]).toEqual([77, 64]);
  });

  it('says which file is missing', async () => {
    const failure = await loadTokenizers(placesIn('reference-tiny')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AppError);
    expect(failure).toMatchObject({ code: 'pack.incomplete', message: expect.stringContaining('tokenizer') as string });
  });
});
