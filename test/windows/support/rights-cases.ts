/** Read-only files, folders that nobody may write to and files that nobody may read, on Windows. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppError } from '../../../src-main/base/app-error.js';
import { makeCacheFolder } from '../../../src-main/engine/convert/cache-folder.js';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import { writePng } from '../../../src-main/engine/image/write-png.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { keepJson } from '../../../src-main/engine/pipeline/networks/kept-json.js';
import { openRandomAccess } from '../../../src-main/engine/weights/random-access-file.js';
import { withLock } from '../../../src-main/library/lock.js';
import { TokenFile } from '../../../src-main/library/token-file.js';
import { LoraUploads } from '../../../src-main/services/packs/lora-upload.js';
import {
  copyPicture,
  requireOutputFile,
  requireWritable,
  writeResult,
} from '../../../src-main/services/support/writable-folder.js';
import { openStore } from '../../../src-main/store/store.js';
import { failure, folder, image, type Cases } from './case-tools.js';

/** Made on Linux, since the attribute "read-only" says nothing of a folder on Windows. */
const NO_RIGHTS = 'O:\\no rights';
const UNREADABLE = 'O:\\unreadable';

const REFUSED = /the system refused, because it is read-only or another program has it open \(EPERM\)/;

/** A read-only file, as its properties in Explorer make one. */
async function readOnly(name: string): Promise<string> {
  const file = join(await folder(), name);
  await writeFile(file, 'kept');
  chmodSync(file, 0o444);
  return file;
}

/** What is written into the folder without rights, and what is said of it. */
const WRITING: Readonly<Record<string, readonly [() => Promise<unknown>, RegExp]>> = {
  'the folder of a picture or a report': [() => requireWritable(join(NO_RIGHTS, 'sub')), /write to the folder/],
  'the cache folder': [() => makeCacheFolder(join(NO_RIGHTS, 'cache')), /the folder of converted weights/],
  'a small result of the cache': [() => keepJson(join(NO_RIGHTS, 'a.json'), {}), /a\.json/],
  'the gallery': [() => openStore(join(NO_RIGHTS, 'gallery')), /the data folder/],
  'a token': [() => new TokenFile(join(NO_RIGHTS, 'token')).save('hf_a'), /the token/],
  'a download': [() => withLock(NO_RIGHTS, () => Promise.resolve()), /download\.lock/],
  'a picture': [() => writePng(join(NO_RIGHTS, 'out.png'), image), /the picture "out\.png"/],
  'a dropped LoRA': [
    () => {
      const uploads = new LoraUploads({ folder: NO_RIGHTS, check: () => Promise.resolve() });
      return uploads.begin({ packId: 'p', name: 'a.safetensors', bytes: 4, headBase64: '' });
    },
    /a\.safetensors/,
  ],
};

export const RIGHTS_CASES: Cases = {
  ...Object.fromEntries(
    Object.entries(WRITING).map(([what, [write, says]]) => [
      `${what}, where nobody may write, is a sentence`,
      async () => {
        const error: AppError = await failure(write());
        assert.equal(error.code, 'disk.failed');
        assert.match(error.message, says);
        assert.match(error.message, REFUSED);
      },
    ]),
  ),
  'a read-only picture is named before the work': async () => {
    const error = await failure(requireOutputFile(await readOnly('out.png')));
    assert.match(error.message, REFUSED);
  },
  'a read-only report stays, and the new one is kept beside it': async () => {
    const file = await readOnly('report.csv');
    const { details } = await failure(writeResult(file, 'new'));
    assert.equal(await readFile(file, 'utf8'), 'kept');
    assert.equal(await readFile(String(details['kept']), 'utf8'), 'new');
  },
  'a picture whose folder takes nothing more is kept in the temporary one': async () => {
    const work = join(await folder(), 'work.png');
    await writeFile(work, 'picture');
    const { message, details } = await failure(copyPicture(work, join(NO_RIGHTS, 'kept elsewhere.png')));
    assert.match(message, REFUSED);
    assert.match(message, /The result is kept as .*kept elsewhere.*\.png\.$/);
    assert.ok(String(details['kept']).startsWith(tmpdir()));
    assert.equal(await readFile(String(details['kept']), 'utf8'), 'picture');
  },
  'a read-only gallery is a sentence': async () => {
    const at = await folder();
    (await openStore(at)).db.close();
    chmodSync(join(at, 'likeness-lab.db'), 0o444);
    const error = await failure(openStore(at));
    assert.equal(error.code, 'disk.failed');
    assert.match(error.remedy, /writable/);
  },
  'a photo that nobody may read is named': async () => {
    assert.match(
      (await failure(readImage(UNREADABLE))).message,
      /unreadable" could not be opened: .*you may not read it.*\(EPERM\)/,
    );
  },
  'weights that nobody may read are named': async () => {
    assert.match(
      (await failure(openRandomAccess(UNREADABLE))).message,
      /unreadable could not be opened: the system refused/,
    );
  },
  'a pack whose description nobody may read is named': async () => {
    assert.match(
      (await failure(openPack(join(NO_RIGHTS, 'pack')))).message,
      /pack\.json could not be read: .*\(EPERM\)/,
    );
  },
  'nothing is left in a folder where nobody may write': async () => {
    assert.deepEqual((await readdir(NO_RIGHTS)).toSorted(), ['pack']);
  },
};
