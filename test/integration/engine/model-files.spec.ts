/** The files that artists have, as the real tools wrote them: every tensor's name, shape, type and values. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listTensors } from '../../../src-main/engine/pipeline/packs/inspect-tensors.js';

const FOLDER = 'test/fixtures/model-files';
const NAMES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

describe('a miniature of each layout', () => {
  it.each(NAMES)('%s has the tensors that its own tool reads', async (name) => {
    const { tensors } = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as { tensors: Listed[] };
    const byName = (a: Listed, b: Listed) => a.name.localeCompare(b.name);
    expect([...(await listTensors(join(FOLDER, name)))].sort(byName)).toEqual(tensors.sort(byName));
  });
});

type Listed = Awaited<ReturnType<typeof listTensors>>[number];
