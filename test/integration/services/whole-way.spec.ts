/** The whole way through the real engine on the bundled pack: sample, faces, three variants, gallery, repeat. */
import { cpSync, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SKETCH_SIZE } from '../../../src-main/compare/measures/latent-sketch.js';
import { BUNDLED_PACK_ID } from '../../../src-main/services/host/app-host.js';
import { testAssets } from '../../support/test-assets.js';
import { openRealHost, type InProcessHost } from '../support/real-host.js';

let folder: string;
let host: InProcessHost['host'];
let call: InProcessHost['call'];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-demo-'));
  const assets = await testAssets(await mkdtemp(join(folder, 'assets-')));
  ({ host, call } = await openRealHost(folder, assets, {
    onProgress: ({ stage }) => {
      // All steps are done, and the host has not taken the latents over yet.
      const latents = join(host.store.files.root, 'work', 'latents');
      if (stage === 'decode' && existsSync(latents)) cpSync(latents, keptLatents(), { recursive: true });
    },
  }));
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

const keptLatents = (): string => join(folder, 'kept-latents');

async function latentsOf(runId: string, step: number): Promise<Float32Array> {
  const bytes = await readFile(join(keptLatents(), runId, `step-00${step}.f32`));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Of whole latents, in f64, and how many there are. */
async function driftOf(runId: string, baseRunId: string, step: number): Promise<{ drift: number; elements: number }> {
  const [own, base] = [await latentsOf(runId, step), await latentsOf(baseRunId, step)];
  const difference = Math.hypot(...own.map((value, i) => value - (base[i] ?? NaN)));
  return { drift: difference / Math.hypot(...base), elements: base.length };
}

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

    // Against every variant, as the latents of these very runs say.
    const runIds = runs.map((run) => run.id);
    for (const base of runIds) {
      const { rows } = await call('compare.table', { referenceRunId: base, runIds });
      for (const { runId, drift } of rows) {
        expect(drift?.length).toBe(runId === base ? undefined : 4);
        for (const [i, value] of (drift ?? []).entries()) {
          const exact = await driftOf(runId, base, i + 1);
          expect(exact.drift).toBeGreaterThan(0);
          // Four standard deviations of a sketch, where the latents are more than it holds.
          const tolerance = exact.elements > SKETCH_SIZE ? 4 / Math.sqrt(2 * SKETCH_SIZE) : 1e-5;
          expect(Math.abs(value / exact.drift - 1)).toBeLessThan(tolerance);
        }
      }
    }

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

    // A mix by those errors joins the others, with a picture of its own and a path that can be compared.
    const shared = { packId: BUNDLED_PACK_ID, modelVariant: pack?.modelVariants[0] ?? '', component: 't5' as const };
    const [measurement] = await call('packs.output-measurements', { ...shared, loras: [] });
    expect(measurement?.about).toMatchObject({ seed: 7, formats: reference?.formats });
    const mix = await call('runs.mix', { runId: reference?.id ?? '', component: 't5', by: 'outputs', budgetMiB: null });
    expect(mix.format).toMatch(new RegExp(`-${measurement?.id ?? ''}$`));
    expect(mix.layers.map(({ name }) => name)).toEqual(measured?.layers.map(({ name }) => name));
    const added = await call('comparisons.add-variant', {
      comparisonId,
      runId: reference?.id ?? '',
      formats: { flux: '16-bit', t5: mix.format, infusenet: '16-bit' },
    });
    await host.services.queue.idle();
    const mixedId = added.runIds[0] ?? '';
    const beside = await call('compare.table', { referenceRunId: mixedId, runIds: [...runIds, mixedId] });
    for (const row of beside.rows.slice(0, 3)) {
      expect(row.difference?.whole.flip).toBeGreaterThan(0);
      expect(row.drift).toHaveLength(4);
    }

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
