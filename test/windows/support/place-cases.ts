/** Every kind of place in every spelling, on Windows: shares, junctions, long paths, spaces. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { moveFile } from '../../../src-main/disk/move-file.js';
import { typedAbsolute } from '../../../src-main/disk/paths.js';
import { readText } from '../../../src-main/disk/text-file.js';
import { makeCacheFolder } from '../../../src-main/engine/convert/cache-folder.js';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import { writePng } from '../../../src-main/engine/image/write-png.js';
import { packTarget } from '../../../src-main/engine/pack/audit-pack.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { keepJson, keptJson } from '../../../src-main/engine/pipeline/networks/kept-json.js';
import { openRandomAccess } from '../../../src-main/engine/weights/random-access-file.js';
import { importedPacks } from '../../../src-main/library/imported-packs.js';
import { withLock } from '../../../src-main/library/lock.js';
import { removePackFolder } from '../../../src-main/library/pack-folder.js';
import { TokenFile } from '../../../src-main/library/token-file.js';
import { writePack } from '../../../src-main/library/write-pack.js';
import { LoraUploads } from '../../../src-main/services/packs/lora-upload.js';
import {
  requireOutputFile,
  requireWritable,
  typedOutput,
  writeResult,
} from '../../../src-main/services/support/writable-folder.js';
import { openStore } from '../../../src-main/store/store.js';
import { failure, folder, image, type Cases } from './case-tools.js';

/** As people write the same folder, and folders that lie elsewhere than their path says. */
const SPELLINGS: Readonly<Record<string, (folder: string) => string>> = {
  'with slashes and a small letter': (at) => at.replace('O:', 'o:').replaceAll('\\', '/'),
  'on a share': (at) => at.replace('O:', '\\\\server\\out'),
  'as a long path': (at) => `\\\\?\\${at}`,
  'in quotation marks': (at) => `"${at}"`,
  'as an address': (at) => `file:///${at.replaceAll('\\', '/').replaceAll(' ', '%20')}`,
  // On another drive.
  'behind a junction': (at) => at.replace('O:', 'O:\\junction'),
};

/** What a person chooses a place for. Each gets a folder that is not there yet, with spaces in its path. */
const KINDS: Readonly<Record<string, (typed: string) => Promise<void>>> = {
  async 'a picture'(typed) {
    const at = typedOutput(typed);
    const file = join(at, 'out 1.png');
    await requireWritable(at);
    await requireOutputFile(file);
    await writePng(file, image);
    await requireOutputFile(file);
    await writePng(file, image);
    assert.deepEqual(await readdir(at), ['out 1.png']);
  },
  async 'a photo'(typed) {
    const file = join(typedAbsolute(typed), 'my photo.png');
    await mkdir(dirname(file), { recursive: true });
    await writePng(file, image);
    assert.equal((await readImage(file)).width, 8);
  },
  async 'a report'(typed) {
    const at = typedOutput(typed);
    await requireWritable(join(at, 'pictures'));
    for (const text of ['one', 'two']) await writeResult(join(at, 'report.csv'), text);
    assert.equal(await readText(join(at, 'report.csv')), 'two');
  },
  async 'the gallery'(typed) {
    const at = typedOutput(typed);
    const store = await openStore(at);
    await store.files.write(store.files.photo('photo-1'), new Uint8Array([1]));
    assert.equal((await failure(openStore(at))).code, 'store.busy');
    store.db.close();
    const again = await openStore(at);
    assert.deepEqual([...(await readFile(again.files.photo('photo-1')))], [1]);
    again.db.close();
  },
  async 'converted weights'(typed) {
    const at = typedOutput(typed);
    await makeCacheFolder(at);
    await keepJson(join(at, 'a.json'), { a: 1 });
    assert.deepEqual(await keptJson(join(at, 'a.json')), { a: 1 });
    const elsewhere = join(await folder(), 'flux.weights');
    await writeFile(elsewhere, 'weights');
    await moveFile(elsewhere, join(at, 'flux.weights'));
    const access = await openRandomAccess(join(at, 'flux.weights'));
    assert.equal(Buffer.from(await access.read(0, 7)).toString(), 'weights');
    await access.close();
  },
  async 'a pack'(typed) {
    const at = typedOutput(typed);
    await mkdir(at, { recursive: true });
    await withLock(at, () => Promise.resolve());
    await writePack(await packTarget('P:\\My packs\\demo'), { name: 'Mine', licence: 'CC0-1.0' }, join(at, 'my pack'));
    assert.equal(
      (await openPack(join(typedAbsolute(typed), 'my pack'))).flux.path,
      'P:\\My packs\\demo\\flux\\transformer',
    );
    assert.deepEqual(importedPacks(at).map(({ name }) => name), ['Mine']); // prettier-ignore
    await removePackFolder(join(at, 'my pack'));
    assert.deepEqual(await readdir(at), []);
  },
  async 'a LoRA'(typed) {
    const at = typedOutput(typed);
    await mkdir(at, { recursive: true });
    const uploads = new LoraUploads({ folder: at, check: () => Promise.resolve() });
    const headBase64 = Buffer.from('abcd').toString('base64');
    const { uploadId } = await uploads.begin({ packId: 'p', name: 'my style.safetensors', bytes: 4, headBase64 });
    assert.equal(await readText((await uploads.finish(uploadId)).file), 'abcd');
  },
  async 'a token'(typed) {
    const tokens = new TokenFile(join(typedOutput(typed), 'hub-token'));
    await tokens.save('hf_one');
    assert.equal(await tokens.read(), 'hf_one');
  },
};

export const PLACE_CASES: Cases = Object.fromEntries(
  Object.entries(KINDS).flatMap(([kind, use]) =>
    Object.entries(SPELLINGS).map(([name, spelled]) => [
      `${kind} in a folder ${name}`,
      () => use(spelled(`O:\\My ${kind}, ${name}`)),
    ]),
  ),
);
