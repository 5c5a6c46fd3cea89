/** The whole way through the real engine on the bundled pack: sample, faces, three variants, gallery, repeat. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED_PACK_ID } from '../../../src-main/services/host/app-host.js';
import { testAssets } from '../../support/test-assets.js';
import { openRealHost, type InProcessHost } from '../support/real-host.js';

let folder: string;
let host: InProcessHost['host'];
let call: InProcessHost['call'];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-demo-'));
  ({ host, call } = await openRealHost(folder, await testAssets(await mkdtemp(join(folder, 'assets-')))));
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the bundled pack (or its stand-in)', () => {
  it('compares three variants of a sample portrait, and repeats one bit for bit', async () => {
    const pack = (await call('packs.list', {}))[0];
    expect(pack).toMatchObject({ id: BUNDLED_PACK_ID, source: 'bundled', complete: true, problem: null });
    const samples = await call('samples.list', {});
    const sample = samples.photos.find((photo) => photo.role === 'identity');
    const photo = await call('photos.use-sample', { sampleId: sample?.id ?? '' });
    expect(photo).toMatchObject({ role: 'identity', source: 'sample', name: sample?.name });
    const { faces } = await call('photos.detect', { photoId: photo.id, packId: BUNDLED_PACK_ID });
    expect(faces.length).toBeGreaterThan(0);

    const { comparisonId } = await call('comparisons.create', {
      packId: BUNDLED_PACK_ID,
      provider: 'cpu',
      modelVariant: pack?.modelVariants[0] ?? '',
      identityId: photo.id,
      faceIndex: 0,
      poseId: null,
      steps: 4,
      width: pack?.defaults.width ?? 0,
      height: pack?.defaults.height ?? 0,
      guidance: pack?.defaults.guidance ?? 0,
      conditioningScale: 1,
      start: 0,
      end: 1,
      prompts: [samples.prompts[0]?.text ?? ''],
      seeds: [7],
      variants: [
        { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
        { flux: 'int8', t5: 'int8', infusenet: 'int8' },
        { flux: 'int8', t5: 'int8', infusenet: 'nf4' },
      ],
      repeats: 1,
    });
    await host.services.queue.idle();
    const { runs, status } = await call('comparisons.get', { comparisonId });
    expect(runs.map((run) => run.error)).toEqual([null, null, null]);
    expect(status).toBe('finished');
    expect(new Set(runs.map((run) => run.result?.pixelHash)).size).toBe(3);
    for (const run of runs) {
      expect(run.result?.stepSeconds).toHaveLength(4);
      expect(run.result?.previewSteps).toEqual([1, 2, 3, 4]);
      expect(run.peakBytes).toBeGreaterThan(0);
    }

    const [reference, , nf4] = runs;
    const table = await call('compare.table', {
      referenceRunId: reference?.id ?? '',
      runIds: runs.map((run) => run.id),
    });
    const [own, int8, mixed] = table.rows.map((row) => row.difference);
    expect(own).toBeNull();
    expect(int8?.whole.psnr).toBeGreaterThan(10);
    expect(mixed?.whole.ssim).toBeGreaterThan(0);
    expect(mixed?.whole.flip).toBeGreaterThan(0);
    expect((mixed?.face?.pixels ?? 0) + (mixed?.surroundings?.pixels ?? 0)).toBe(mixed?.whole.pixels);
    expect(table.faceNote).toBeNull();
    const drift = table.rows[2]?.drift ?? [];
    expect(drift).toHaveLength(4);
    expect(Math.min(...drift)).toBeGreaterThan(0);
    expect(Math.max(...drift)).toBeLessThan(2);

    const outputs = { runId: reference?.id ?? '', component: 't5' as const };
    expect(await call('runs.output-errors', { ...outputs, measure: false })).toBeNull();
    const measured = await call('runs.output-errors', { ...outputs, measure: true });
    const weights = await call('packs.weight-errors', {
      packId: BUNDLED_PACK_ID,
      modelVariant: pack?.modelVariants[0] ?? '',
      component: 't5',
    });
    expect(measured?.layers.map((layer) => layer.name)).toEqual(weights.layers.map((layer) => layer.name));
    expect(measured?.overall.nf4).toBeGreaterThan(measured?.overall.int8 ?? 1);
    expect(await call('runs.output-errors', { ...outputs, measure: false })).toEqual(measured);

    const again = await call('runs.repeat', { runId: nf4?.id ?? '' });
    await host.services.queue.idle();
    const repeated = await call('runs.get', { runId: again.runIds[0] ?? '' });
    expect(repeated.result?.pixelHash).toBe(nf4?.result?.pixelHash);
    expect(repeated.identityScore).toBe(nf4?.identityScore);
    expect(
      (
        await call('gallery.list', {
          query: 'infusenet:nf4',
          sort: 'newest',
          trashed: false,
          stacked: false,
          offset: 0,
          limit: 9,
        })
      ).total,
    ).toBe(2);
  });
});
