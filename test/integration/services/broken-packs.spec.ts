/** Every way in which a pack can be wrong, through the contract and the real engine: its own sentence and remedy. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { ImportCheck } from '../../../src-main/contract/library.js';
import { INFINITEYOU_FLUX } from '../../../src-main/library/manifest.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { BROKEN_PACKS } from '../support/broken-packs.js';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';
import { makeTinyPack, type TinyPack } from '../support/tiny-pack.js';

let app: ScriptedHost;
let pack: TinyPack;
beforeAll(async () => {
  app = await openScriptedHost({
    // The real list entry without the sizes of the real networks.
    manifests: [{ ...INFINITEYOU_FLUX, expectedTensors: {} }],
    packFolders: [],
    spawnEngine: forkEngine(entryFile('engine')),
  });
});
beforeEach(async () => {
  const folder = join(app.folder, 'data', 'packs', INFINITEYOU_FLUX.id);
  await mkdir(folder, { recursive: true });
  pack = await makeTinyPack(folder);
});
afterEach(() => rm(pack.root, { recursive: true }));
/** Sentences by part and kind, to see that no two kinds say the same. */
const said = new Map<string, string>();
afterAll(async () => {
  await app.dispose();
  if (said.size > 0) expect(new Set(said.values()).size).toBe(said.size);
});

function check(): Promise<ImportCheck> {
  return app.call('library.check', { libraryId: INFINITEYOU_FLUX.id });
}

describe('a broken pack', () => {
  it('is not the miniature as it is', async () => {
    expect(await check()).toMatchObject({ complete: true });
  });

  it.each(BROKEN_PACKS)('is named: %s', async (_what, part, state, kind, breakIt) => {
    await breakIt(pack);
    const found = await check();
    expect(found?.complete).toBe(false);
    const broken = found?.parts.filter((one) => one.state !== 'ok') ?? [];
    expect(broken.map((one) => one.part)).toEqual([part]);
    const [first] = broken[0]?.findings ?? [];
    expect(first).toMatchObject({ state, kind });
    expect(first?.sentence).toMatch(/^(?!.*undefined).{20,400}\.$/);
    expect(first?.remedy).toMatch(/^(?!.*undefined).{20,300}\.$/);
    said.set(`${part} ${kind}`, first?.sentence ?? '');
  });
});
