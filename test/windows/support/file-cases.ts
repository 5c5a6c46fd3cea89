/**
 * Cases of files on Windows, by name; each throws when it falls short. They run there (`cases.ts`), where a file that is
 * open without sharing can be neither replaced nor deleted.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, parse } from 'node:path';
import { driveOf, pathKey, truePath, typedPath } from '../../../src-main/disk/paths.js';
import { removeFile, removeFolder, renameFile, renameFileSync } from '../../../src-main/disk/patience.js';
import { takeOverPartial } from '../../../src-main/engine/convert/conversion-journal.js';
import { removePartials } from '../../../src-main/engine/convert/remove-partials.js';
import { encodePng, writePng } from '../../../src-main/engine/image/write-png.js';
import { keepJson, keptJson } from '../../../src-main/engine/pipeline/networks/kept-json.js';
import { newJournal, writeJournal } from '../../../src-main/library/journal.js';
import { withLock } from '../../../src-main/library/lock.js';
import { packUse, removePackFolder } from '../../../src-main/library/pack-folder.js';
import { TokenFile } from '../../../src-main/library/token-file.js';
import { LoraUploads } from '../../../src-main/services/packs/lora-upload.js';
import { packIdOf, type PackService } from '../../../src-main/services/packs/pack-service.js';
import {
  defaultCacheDir,
  defaultDataDir,
  defaultLorasDir,
  defaultPacksDir,
  defaultTokenFile,
} from '../../../src-main/services/support/data-dir.js';
import { Log } from '../../../src-main/services/support/log.js';
import {
  copyPicture,
  requireOutputFile,
  requireWritable,
  writeResult,
} from '../../../src-main/services/support/writable-folder.js';
import { PictureFolder } from '../../../src-main/store/picture-folder.js';
import { databaseFile, openStore } from '../../../src-main/store/store.js';
import { readText } from '../../../src-main/disk/text-file.js';
import { readImage } from '../../../src-main/engine/image/read-image.js';
import { GraphBuilder } from '../../../src-main/engine/graph/graph-builder.js';
import { packTarget } from '../../../src-main/engine/pack/audit-pack.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { inspectPack } from '../../../src-main/engine/pipeline/packs/inspect-pack.js';
import { locateFromRoot, openSession } from '../../../src-main/engine/runtime/session.js';
import { openRandomAccess } from '../../../src-main/engine/weights/random-access-file.js';
import { folderForName } from '../../../src-main/library/imported-packs.js';
import { writePack } from '../../../src-main/library/write-pack.js';
import type { CacheFolder } from '../../../src-main/services/packs/cache-folder.js';
import { CacheService } from '../../../src-main/services/packs/cache-service.js';
import type { EventHub } from '../../../src-main/services/support/event-hub.js';
import { failure, folder, heldElsewhere, hold, holdFor, image, OUT, type Cases } from './case-tools.js';
import { PLACE_CASES } from './place-cases.js';
import { RIGHTS_CASES } from './rights-cases.js';

const PATHS: Cases = {
  'a drive in either case is one drive': async () => {
    assert.equal(driveOf('o:\\a'), driveOf('O:\\b'));
    assert.notEqual(driveOf('O:\\a'), driveOf('P:\\a'));
  },
  'a share is a drive': async () => {
    assert.equal(driveOf('\\\\Server\\models\\a'), driveOf('//server/models/b'));
    assert.notEqual(driveOf('\\\\server\\a\\x'), driveOf('\\\\server\\b\\x'));
  },
  'a long path lies on its drive': async () => assert.equal(driveOf('\\\\?\\O:\\a'), driveOf('O:\\')),
  'a folder has one true path in every spelling': async () => {
    const at = join(await folder(), 'Demo Pack');
    await mkdir(at);
    const one = await truePath(at);
    assert.equal(await truePath(at.toLowerCase()), one);
    assert.equal(await truePath(`${at.toUpperCase().replaceAll('\\', '/')}/`), one);
  },
  'a pack in two spellings is one pack': async () => {
    const at = join(await folder(), 'Pack');
    assert.equal(packIdOf(at), packIdOf(at.toLowerCase()));
    assert.equal(packIdOf(`${at}\\`), packIdOf(at.replaceAll('\\', '/')));
  },
  'spellings are one key, other names are not': async () => {
    assert.equal(pathKey('O:\\A\\b'), pathKey('o:/a/B/'));
    assert.notEqual(pathKey('O:\\A\\b'), pathKey('O:\\A\\c'));
  },
  'a missing folder has no true path': async () => {
    await assert.rejects(truePath('X:\\none'), { code: 'ENOENT' });
  },
  'a pasted path in quotation marks': async () => assert.equal(typedPath('"P:\\My packs"'), 'P:\\My packs'),
  'a pasted address of a file': async () => assert.equal(typedPath('file:///P:/My%20packs'), 'P:\\My packs'),
  'a path beyond 260 characters': async () => {
    const at = join(await folder(), ...Array.from({ length: 8 }, (_, i) => `${i}`.repeat(40)));
    assert.ok(at.length > 300);
    await requireWritable(at);
    assert.equal((await truePath(at)).toLowerCase(), at.toLowerCase());
    await writePng(join(at, 'out.png'), image);
    assert.deepEqual(await readdir(at), ['out.png']);
  },
  'names that differ only in case are one file': async () => {
    const at = await folder();
    await writePng(join(at, 'Out.png'), image);
    await writePng(join(at, 'out.PNG'), image);
    assert.equal((await readdir(at)).length, 1);
  },
  'a kept result overwrites no name in another case': async () => {
    const at = await folder();
    await writeFile(join(at, 'a.png'), 'held');
    await writeFile(join(at, 'A (2).PNG'), 'older');
    const release = hold(join(at, 'a.png'));
    const { details } = await failure(writePng(join(at, 'a.png'), image)).finally(release);
    assert.equal(details['kept'], join(at, 'a (3).png'));
    assert.equal(await readFile(join(at, 'A (2).PNG'), 'utf8'), 'older');
  },
  'a pack named from one drive on another is a pack, whose files count as linked': async () => {
    const mine = join(await folder(), 'mine');
    await writePack(await packTarget('P:\\My packs\\demo'), { name: 'Mine', licence: 'CC0-1.0' }, mine);
    const pack = await openPack(mine);
    assert.equal(pack.flux.path, 'P:\\My packs\\demo\\flux\\transformer');
    const { name, components } = await inspectPack(mine);
    const networks = components.filter(({ parameters }) => parameters > 0);
    assert.equal(name, 'Mine');
    assert.ok(networks.length > 5 && networks.every(({ missing }) => missing.length === 0));
    const { ownBytes, linkedBytes } = await packUse(mine);
    assert.ok(ownBytes < 10_000 && linkedBytes > 60_000_000, `${ownBytes} own, ${linkedBytes} linked`);
    await removePackFolder(mine);
    assert.equal((await inspectPack('P:\\My packs\\demo')).complete, true);
  },
  'a pack whose name is that of a device gets a folder that Windows has': async () => {
    const at = await folder();
    assert.equal(folderForName(at, 'CON', []), join(at, '_con'));
    assert.equal(folderForName(at, 'aux?.', []), join(at, '_aux'));
  },
  'gallery, packs, LoRAs and converted weights lie in the local profile, the token in the roaming one': async () => {
    const local = join(homedir(), 'AppData', 'Local', 'Likeness Lab');
    assert.equal(defaultCacheDir(), join(local, 'cache'));
    assert.equal(defaultPacksDir(), join(local, 'packs'));
    assert.equal(defaultLorasDir(), join(local, 'loras'));
    assert.equal(defaultDataDir(), join(local, 'gallery'));
    assert.equal(defaultTokenFile(), join(homedir(), 'AppData', 'Roaming', 'Likeness Lab', 'hub-token'));
  },
};

const NAMES: Cases = Object.fromEntries(
  [
    'aux.png', 'CON', 'nul.tar.gz', 'COM1.png', 'lpt9', 'dot.png.', 'space.png ', 'a<b.png', 'a>b.png', 'a:b.png',
    'a"b.png', 'a|b.png', 'a?b.png', 'a*b.png', 'sub.\\a.png', 'prn\\a.png',
  ].map((name) => [
    `the name ${JSON.stringify(name)} is refused before a picture is made`,
    async () => {
      const error = await failure(requireOutputFile(`${OUT}${name}`));
      assert.match(error.message, /cannot be written/);
      assert.ok(!existsSync(`${OUT}${name}`) || /^(aux|con|nul|com|lpt|prn)/i.test(name));
    },
  ]),
); // prettier-ignore

const HELD: Cases = {
  'a file that is held for a moment is replaced': async () => {
    const at = await folder();
    await writeFile(join(at, 'new'), 'new');
    await writeFile(join(at, 'old'), 'old');
    holdFor(700, join(at, 'old'));
    await renameFile(join(at, 'new'), join(at, 'old'));
    assert.equal(await readFile(join(at, 'old'), 'utf8'), 'new');
  },
  'a new file that a scanner reads is renamed': async () => {
    const at = await folder();
    await writeFile(join(at, 'new'), 'new');
    holdFor(700, join(at, 'new'));
    await renameFile(join(at, 'new'), join(at, 'name'));
    assert.deepEqual(await readdir(at), ['name']);
  },
  'a held file is deleted later': async () => {
    const file = join(await folder(), 'a');
    await writeFile(file, '');
    holdFor(700, file);
    await removeFile(file);
    assert.ok(!existsSync(file));
  },
  'a folder with a held file is deleted later': async () => {
    const at = await folder();
    await mkdir(join(at, 'in'));
    await writeFile(join(at, 'in', 'a'), '');
    holdFor(700, join(at, 'in', 'a'));
    await removeFolder(at);
    assert.ok(!existsSync(at));
  },
  'a picture whose name stays held is kept beside it': async () => {
    const at = await folder();
    await writeFile(join(at, 'out.png'), 'held');
    const release = hold(join(at, 'out.png'));
    const error = await failure(writePng(join(at, 'out.png'), image)).finally(release);
    assert.match(error.message, /kept as O:\\case-\w+\\out \(2\)\.png/);
    assert.deepEqual(new Uint8Array(await readFile(join(at, 'out (2).png'))), new Uint8Array(await encodePng(image)));
    assert.equal(await readFile(join(at, 'out.png'), 'utf8'), 'held');
    assert.equal((await readdir(at)).length, 2);
  },
  'a copied picture, too': async () => {
    const at = await folder();
    await writeFile(join(at, 'work.png'), 'new');
    await writeFile(join(at, 'out.png'), 'held');
    const release = hold(join(at, 'out.png'));
    await failure(copyPicture(join(at, 'work.png'), join(at, 'out.png'))).finally(release);
    assert.equal(await readFile(join(at, 'out (2).png'), 'utf8'), 'new');
  },
  'a report that a spreadsheet has open is kept beside it': async () => {
    const at = await folder();
    await writeFile(join(at, 'report.csv'), 'held');
    const release = hold(join(at, 'report.csv'));
    const error = await failure(writeResult(join(at, 'report.csv'), 'new')).finally(release);
    assert.match(error.remedy, /Close the other program/);
    assert.equal(await readFile(join(at, 'report (2).csv'), 'utf8'), 'new');
  },
  'an output that another process holds is named before the work': async () => {
    const file = join(await folder(), 'out.png');
    await writeFile(file, '');
    const release = hold(file);
    const error = await failure(requireOutputFile(file)).finally(release);
    assert.match(error.message, /^Could not replace .*another program has it open/);
  },
  'an output that is held for a moment is taken': async () => {
    const file = join(await folder(), 'out.png');
    await writeFile(file, '');
    holdFor(700, file);
    await requireOutputFile(file);
  },
  'a folder as output is named before the work': async () => {
    assert.match((await failure(requireOutputFile(await folder()))).message, /is a folder/);
  },
  'a drive that is not there is named': async () => {
    assert.match((await failure(requireWritable('X:\\out'))).message, /folder or drive of its path is not there/);
  },
  'a picture of the gallery is written while a scanner looks': async () => {
    const files = new PictureFolder(await folder());
    await files.prepare();
    await files.write(files.picture('run-1'), new Uint8Array([1]));
    holdFor(700, files.picture('run-1'));
    await files.write(files.picture('run-1'), new Uint8Array([2]));
    assert.deepEqual([...(await readFile(files.picture('run-1')))], [2]);
  },
  'a viewer with a work file does not keep the gallery from opening': async () => {
    const at = await folder();
    const files = new PictureFolder(at);
    await files.prepare();
    await writeFile(files.work('run-1'), '');
    const release = hold(files.work('run-1'));
    await (await openStore(at).finally(release)).db.close();
    await (await openStore(at)).db.close();
    assert.ok(!existsSync(files.work('run-1')));
  },
  'a viewer with a deleted picture does not keep the gallery from opening': async () => {
    const at = await folder();
    const store = await openStore(at);
    await store.files.write(store.files.photo('photo-1'), new Uint8Array([1]));
    store.deletions.add('photo', ['photo-1']);
    store.db.close();
    const release = hold(store.files.photo('photo-1'));
    const next = await openStore(at).finally(release);
    assert.deepEqual(next.deletions.list(), [{ kind: 'photo', id: 'photo-1' }]);
    next.db.close();
    const last = await openStore(at);
    assert.deepEqual(last.deletions.list(), []);
    assert.ok(!existsSync(store.files.photo('photo-1')));
    last.db.close();
  },
  'a gallery that is open is refused to a second start': async () => {
    const at = await folder();
    const store = await openStore(at);
    const error = await failure(openStore(at));
    store.db.close();
    assert.equal(error.code, 'store.busy');
  },
  'a small result of the cache is replaced while a scanner looks': async () => {
    const file = join(await folder(), 'a.json');
    await keepJson(file, { a: 1 });
    holdFor(700, file);
    await keepJson(file, { a: 2 });
    assert.deepEqual(await keptJson(file), { a: 2 });
    assert.equal((await readdir(join(file, '..'))).length, 1);
  },
  'what a killed conversion left and a scanner reads is deleted at a later start': async () => {
    const at = await folder();
    const file = join(at, 'flux.weights.0.scratch');
    await writeFile(file, '');
    const release = hold(file);
    assert.equal(await removePartials(at).finally(release), 0);
    assert.equal(await removePartials(at), 1);
  },
  'a cancelled conversion is continued though a scanner reads its parts': async () => {
    const file = join(await folder(), 'flux.weights');
    await writeFile(`${file}.0.partial`, '');
    await truncate(`${file}.0.partial`, 100);
    await writeFile(`${file}.0.journal`, '["a","b"]\n');
    holdFor(700, `${file}.0.partial`);
    assert.deepEqual([...(await takeOverPartial(file, 100))], ['a', 'b']);
    assert.ok(existsSync(`${file}.${process.pid}.partial`));
  },
  'a pack of which a file is open stays whole': async () => {
    const pack = join(await folder(), 'pack');
    await mkdir(join(pack, 'flux'), { recursive: true });
    for (const name of ['a', 'b', 'c', 'flux/d', 'flux/e']) await writeFile(join(pack, name), name);
    const release = hold(join(pack, 'flux', 'd'));
    const error = await failure(removePackFolder(pack)).finally(release);
    assert.equal(error.code, 'disk.failed');
    assert.equal((await readdir(pack, { recursive: true })).length, 6);
    await removePackFolder(pack);
    assert.deepEqual(await readdir(join(pack, '..')), []);
  },
  'a token is saved while a scanner looks': async () => {
    const at = await folder();
    const tokens = new TokenFile(join(at, 'token'));
    await tokens.save('hf_one');
    holdFor(700, join(at, 'token'));
    await tokens.save('hf_two');
    assert.equal(await tokens.read(), 'hf_two');
    holdFor(700, join(at, 'token'));
    await tokens.forget();
    assert.deepEqual(await readdir(at), []);
  },
  'the journal of a download is written while a scanner looks': async () => {
    const target = join(await folder(), 'flux.safetensors');
    const journal = newJournal({ etag: null, sizeBytes: 10, commit: null }, 5);
    await writeJournal(target, journal);
    const [name = ''] = await readdir(join(target, '..'));
    holdFor(700, join(target, '..', name));
    await writeJournal(target, journal);
    const written = JSON.parse(await readFile(join(target, '..', name), 'utf8')) as unknown;
    assert.deepEqual(written, { formatVersion: 1, ...journal });
  },
  'the lock of a folder is given back though a scanner looks': async () => {
    const at = await folder();
    await withLock(at, async () => {
      const [name = ''] = await readdir(at);
      holdFor(700, join(at, name));
      await Promise.resolve();
    });
    assert.deepEqual(await readdir(at), []);
  },
  'weights that a scanner reads are waited for': async () => {
    const file = join(await folder(), 'flux.safetensors');
    await writeFile(file, 'weights');
    holdFor(700, file);
    const access = await openRandomAccess(file);
    assert.equal(Buffer.from(await access.read(0, 7)).toString(), 'weights');
    await access.close();
  },
  'weights that another program keeps are named': async () => {
    const file = join(await folder(), 'flux.safetensors');
    await writeFile(file, 'weights');
    const release = hold(file);
    const error = await failure(openRandomAccess(file)).finally(release);
    assert.match(error.message, /flux\.safetensors could not be opened: another program has it open \(EBUSY\)\.$/);
    assert.match(error.remedy, /^Close the program/);
  },
  'weights that the runtime cannot read because another program has them are waited for, then named': async () => {
    const at = await folder();
    const file = join(at, 'w.weights');
    await writeFile(file, new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    const g = new GraphBuilder('held');
    const w = g.external('w', 'f32', [2, 2], { location: locateFromRoot(file), offset: 0, length: 16 });
    g.output('y', g.node('MatMul', [g.input('x', 'f32', [1, 2]), w]), 'f32', [1, 2]);
    const model = g.finish();
    const load = () => openSession(model, parse(file).root, { provider: 'cpu', label: 'the test', quiet: true });
    const release = hold(file);
    const error = await failure(load()).finally(release);
    assert.equal(error.message, 'Another program has weights of the test open.');
    holdFor(700, file);
    const session = await load();
    assert.deepEqual(
      [...((await session.run({ x: { data: Float32Array.of(1, 1), dims: [1, 2] } }))['y'] ?? [])],
      [4, 6],
    );
    await session.release();
  },
  'a photo and a text that are held for a moment are read': async () => {
    const at = await folder();
    await writePng(join(at, 'photo.png'), image);
    await writeFile(join(at, 'pack.json'), '\ufeff{"a":1}', 'utf16le');
    holdFor(700, join(at, 'photo.png'));
    holdFor(700, join(at, 'pack.json'));
    const [photo, text] = await Promise.all([readImage(join(at, 'photo.png')), readText(join(at, 'pack.json'))]);
    assert.equal(photo.width, 8);
    assert.deepEqual(JSON.parse(text), { a: 1 });
  },
  'a photo that another program keeps is named': async () => {
    const file = join(await folder(), 'photo.png');
    await writePng(file, image);
    const release = hold(file);
    assert.match((await failure(readImage(file)).finally(release)).message, /another program has it open/);
  },
  'converted weights that another program keeps are named when they are removed, and the others go': async () => {
    const root = await folder();
    const names = ['flux.nf4.f32.aa.bb.v1.weights', 't5.nf4.f32.aa.bb.v1.weights'];
    for (const name of names) await writeFile(join(root, name), name);
    const service = new CacheService({
      folder: { root, of: () => root } as unknown as CacheFolder,
      packs: { list: () => Promise.resolve([]) } as unknown as PackService,
      hub: { current: () => null } as unknown as EventHub,
    });
    const release = hold(join(root, names[0] ?? ''));
    const error = await failure(service.remove(null, null)).finally(release);
    assert.equal(error.code, 'disk.failed');
    assert.match(error.message, /flux\.nf4.*another program has it open/);
    await service.remove(null, null);
    assert.deepEqual(await readdir(root), []);
  },
  'an uploaded LoRA gets a name that Windows takes': async () => {
    const at = await folder();
    const uploads = new LoraUploads({ folder: at, check: () => Promise.resolve() });
    const headBase64 = Buffer.from('abcd').toString('base64');
    const { uploadId } = await uploads.begin({ packId: 'p', name: 'CON.safetensors', bytes: 4, headBase64 });
    const { file } = await uploads.finish(uploadId);
    assert.match(file, /\\_CON\.safetensors$/);
    assert.equal(await readFile(file, 'utf8'), 'abcd');
    assert.equal((await readdir(at)).length, 1);
  },
};

/** Their waits stop the process, so they run alone. */
export const ALONE_CASES: Cases = {
  'a file that another process holds for a moment is replaced, in code that cannot wait otherwise': async () => {
    const at = await folder();
    await writeFile(join(at, 'new'), 'new');
    await writeFile(join(at, 'old'), 'old');
    await heldElsewhere(join(at, 'old'), 1000);
    renameFileSync(join(at, 'new'), join(at, 'old'));
    assert.equal(await readFile(join(at, 'old'), 'utf8'), 'new');
  },
  'a gallery whose database another program has open is told apart from a broken one': async () => {
    const at = await folder();
    (await openStore(at)).db.close();
    const release = hold(databaseFile(at));
    const error = await failure(openStore(at)).finally(release);
    assert.equal(error.code, 'store.busy');
    assert.match(error.message, /Another program has the gallery's database open/);
    (await openStore(at)).db.close();
  },
  'a log that somebody reads does not keep the app from starting': async () => {
    const at = await folder();
    await writeFile(join(at, 'likeness-lab.log'), '');
    await truncate(join(at, 'likeness-lab.log'), 5 * 2 ** 20);
    const release = hold(join(at, 'likeness-lab.log'));
    new Log(at);
    release();
    new Log(at).write('info', 'started');
    assert.deepEqual(await readdir(at), ['likeness-lab.log', 'likeness-lab.log.1']);
  },
};

/** Each has a folder of its own, so that they wait side by side. */
export const FILE_CASES: Cases = {
  ...PATHS,
  ...NAMES,
  ...PLACE_CASES,
  ...RIGHTS_CASES,
  ...HELD,
};
