/** Packs whose text files were saved by Notepad or PowerShell on Windows. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditPack, packTarget } from '../../../../src-main/engine/pack/audit-pack.js';
import { openPack } from '../../../../src-main/engine/pack/open-pack.js';
import { inspectPack } from '../../../../src-main/engine/pipeline/packs/inspect-pack.js';
import { loadTokenizers } from '../../../../src-main/engine/text/load-tokenizers.js';
import { makeTinyPack, type TinyPack } from '../../support/tiny-pack.js';

let pack: TinyPack;
beforeEach(async () => {
  pack = await makeTinyPack();
});
afterEach(() => pack.remove());

async function edit(encode: (text: string) => Uint8Array): Promise<number> {
  let count = 0;
  for (const entry of await readdir(pack.root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(json|txt)$/.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    await writeFile(file, encode(await readFile(file, 'utf8')));
    count++;
  }
  return count;
}

describe('a pack whose texts were saved', () => {
  it.each<[string, (text: string) => Uint8Array]>([
    ['with a mark', (text) => Buffer.from(`\ufeff${text}`)],
    ['in UTF-16 with Windows line ends', (text) => Buffer.from(`\ufeff${text.replaceAll('\n', '\r\n')}`, 'utf16le')],
  ])('%s is what it was', async (_name, encode) => {
    await writeFile(
      join(pack.root, 'pack.json'),
      JSON.stringify({
        formatVersion: 1,
        name: 'Größe',
        licence: 'CC0-1.0',
        components: { flux: 'flux', infiniteyou: 'infiniteyou/infu_flux_v1.0' },
      }),
    );
    const before = await inspectPack(pack.root);
    const tokens = (await loadTokenizers(await openPack(pack.root))).clip.encode('a portrait');
    expect(await edit(encode)).toBeGreaterThan(8);

    expect(await inspectPack(pack.root)).toEqual(before);
    expect(before.name).toBe('Größe');
    const { parts } = await auditPack(await packTarget(pack.root));
    expect(parts.flatMap(({ findings }) => findings).filter(({ sentence }) => /JSON|damaged/.test(sentence))).toEqual(
      [],
    );
    expect((await loadTokenizers(await openPack(pack.root))).clip.encode('a portrait')).toEqual(tokens);
  });
});
