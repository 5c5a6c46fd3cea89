/** Every method with random JSON, and with its own input slightly wrong: always an envelope, never a bug. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { METHODS, type Method } from '../../../src-main/contract/api.js';
import { draftFor, openScriptedHost, type ScriptedHost } from '../support/scripted-host.js';

let app: ScriptedHost;
let samples: Readonly<Partial<Record<Method, unknown>>>;
beforeAll(async () => {
  // pip takes half a second to say its name.
  app = await openScriptedHost({ findPip: () => Promise.resolve(null) });
  const { comparisonId, runIds } = await app.call('comparisons.create', draftFor(app.packId));
  await app.idle();
  await app.call('queue.pause', {});
  const [runId = ''] = runIds;
  const { packId } = app;
  const preparation = {
    packId,
    provider: 'cpu',
    modelVariant: 'v',
    items: [{ component: 't5', format: 'nf4' }],
  };
  const window = { query: 'a stars>=1', sort: 'newest', trashed: false, stacked: true, offset: 0, limit: 5 };
  samples = {
    'packs.inspect': { packId },
    'packs.remove': { packId },
    'files.search': { source: { kind: 'paths', paths: ['/none'] }, add: false },
    'files.choose': { searchId: 'none', choice: { flux: 0 } },
    'files.use': { searchId: 'none', name: 'n' },
    'files.download': { searchId: 'none', acceptedLicences: [] },
    'library.check': { libraryId: 'none' },
    'library.download': { libraryId: 'none', variants: [], acceptedLicences: [] },
    'library.remove': { libraryId: 'none' },
    'library.save-token': { token: 'hf_x' },
    'loras.add': { source: { kind: 'dialog' }, packId },
    'loras.begin-upload': { packId, name: 'a.safetensors', bytes: 100, headBase64: 'AAAA' },
    'loras.upload': { uploadId: 'none', offset: 0, dataBase64: 'AAAA' },
    'loras.finish-upload': { uploadId: 'none' },
    'loras.cancel-upload': { uploadId: 'none' },
    'loras.remove': { loraId: 'none' },
    'cache.remove': { packId: 'none', key: null },
    'cuda.set-up': { source: { kind: 'wheels', from: { kind: 'folder', folder: 'none' } } },
    'cuda.choose-folder': { choice: { kind: 'folder', folder: 'none' } },
    'preparation.estimate': preparation,
    'preparation.start': preparation,
    'packs.estimate': {
      packId,
      provider: 'cpu',
      modelVariant: 'v',
      width: 64,
      height: 64,
      variants: draftFor('').variants,
    },
    'photos.list': { role: 'pose' },
    'photos.import': { role: 'pose', name: 'n', dataBase64: 'AAAA' },
    'packs.weight-errors': { packId: 'none', modelVariant: 'v', component: 't5' },
    'photos.use-sample': { sampleId: 'none' },
    'photos.rename': { photoId: 'none', name: 'n' },
    'photos.detect': { photoId: 'none', packId },
    'photos.delete': { photoId: 'none' },
    'comparisons.create': draftFor(packId),
    'comparisons.get': { comparisonId },
    'comparisons.rename': { comparisonId, title: 't' },
    'comparisons.set-reference': { comparisonId, runId },
    'comparisons.cancel': { comparisonId },
    'comparisons.resume': { comparisonId },
    'comparisons.repeat': { comparisonId },
    'queue.reorder': { comparisonIds: [comparisonId] },
    'queue.dismiss': { comparisonId },
    'runs.get': { runId },
    'runs.get-many': { runIds },
    'runs.cancel': { runId },
    'runs.repeat': { runId },
    'runs.draft': { runId },
    'runs.faces': { runId },
    'gallery.list': window,
    'gallery.rate': { runIds, stars: 1 },
    'gallery.tag': { runIds, add: ['a'], remove: ['b'] },
    'gallery.trash': { runIds: ['none'] },
    'gallery.restore': { runIds: ['none'] },
    'gallery.undo': { undoId: 'none' },
    'gallery.empty-trash': { runIds: null },
    'gallery.identical-except': { runId, field: null },
    'compare.table': { referenceRunId: runId, runIds },
    'compare.report': { title: 't', referenceRunId: runId, runIds, format: 'csv' },
    'blind.start': {
      referenceRunId: runId,
      runIds,
      candidateRunId: runId,
      kind: 'abx',
      question: 'looks more natural',
      trials: 10,
    },
    'blind.get': { testId: 'none' },
    'blind.list': { runIds },
    'blind.answer': { testId: 'none', trial: 0, answer: 'a' },
    'blind.undo': { testId: 'none' },
    'blind.delete': { testId: 'none' },
    'metadata.read': { dataBase64: 'AAAA' },
    'settings.set': { theme: 'dark' },
    'system.open-folder': { folder: 'logs' },
  };
});
afterAll(async () => {
  await app.dispose();
});

/** A value somewhere in `input` replaced by `value`. */
function damaged(input: unknown, value: unknown, at: number): unknown {
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const copy = structuredClone(input);
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push({ holder: node as Record<string, unknown>, key });
      walk((node as Record<string, unknown>)[key]);
    }
  };
  walk(copy);
  const place = places[at % Math.max(1, places.length)];
  if (place !== undefined) place.holder[place.key] = value;
  return copy;
}

const hostile = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    '../../etc/passwd',
    '__proto__',
    '',
    -1,
    1e308,
    2 ** 53,
    0.5,
    null,
    [],
    {},
    'x'.repeat(5000),
    "'; DROP TABLE runs; --",
    '\u0000',
    '💥',
  ),
);

describe('every method', () => {
  it.each(METHODS)('answers %s with an envelope, whatever it is given', async (method) => {
    // The person's settings stay as they are for the other methods.
    const sample = samples[method] ?? {};
    await fc.assert(
      fc.asyncProperty(hostile, fc.nat(30), fc.boolean(), async (value, at, whole) => {
        const input = whole ? value : damaged(sample, value, at);
        const envelope = await app.host.dispatch(method, input, { trusted: true, name: 'fuzz' });
        if (!envelope.ok) {
          expect(envelope.error.code, JSON.stringify(input)).not.toBe('internal');
          expect(envelope.error.message).not.toContain(app.folder);
        }
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it('left the host whole', async () => {
    expect(app.host.store.db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    expect((await app.call('system.info', {})).host).toBe('web');
  });
});
