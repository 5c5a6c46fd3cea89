/** A provider that is not here, asked for in the app with the real engine: refused for each picture, nothing falls back. */
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { Input, Method, Output } from '../../../src-main/contract/api.js';
import { BUNDLED_PACK_ID, openAppHost, type AppHost } from '../../../src-main/services/app-host.js';
import { forkEngine } from '../../../src-main/services/fork-engine.js';
import { testAssets } from '../../support/test-assets.js';

let folder: string;
let host: AppHost;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-absent-'));
  host = await openAppHost({
    dataDir: folder,
    assetsDir: await testAssets(await mkdtemp(join(folder, 'assets-'))),
    spawnEngine: forkEngine(entryFile('engine')),
    pictureWorker: entryFile('picture-worker'),
    appVersion: '0.0.0-test',
    host: 'web',
  });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

async function call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>> {
  const envelope = await host.dispatch(method, input, { trusted: true, name: 'test' });
  if (!envelope.ok) throw AppError.fromDto(envelope.error);
  return envelope.value as Output<M>;
}

describe('the app', () => {
  it('refuses providers that are not here, names those that are, and keeps the device with the run', async () => {
    const { providers } = await call('system.info', {});
    const here = providers.flatMap((info) => (info.available ? [info.provider] : []));
    const absent = (['cuda', 'dml'] as const).filter((provider) => !here.includes(provider));
    expect(absent.length).toBeGreaterThan(0);
    for (const provider of absent) {
      expect(providers.find((info) => info.provider === provider)?.detail).toContain(provider);
    }

    await call('settings.set', { deviceId: 1 });
    const [pack] = await call('packs.list', {});
    for (const provider of [...absent, 'cpu'] as const) {
      const { runIds } = await call('comparisons.create', {
        packId: BUNDLED_PACK_ID,
        provider,
        modelVariant: pack?.modelVariants[0] ?? '',
        identityId: null,
        faceIndex: 0,
        poseId: null,
        steps: 1,
        width: pack?.defaults.width ?? 0,
        height: pack?.defaults.height ?? 0,
        guidance: 3.5,
        conditioningScale: 1,
        start: 0,
        end: 1,
        prompts: ['portrait'],
        seeds: [7],
        variants: [{ flux: '16-bit', t5: '16-bit', infusenet: '16-bit' }],
        repeats: 1,
      });
      await host.services.queue.idle();
      const run = await call('runs.get', { runId: runIds[0] ?? '' });
      if (provider === 'cpu') {
        // Its device cannot be chosen, and the setting is not meant for it.
        expect(run).toMatchObject({ status: 'done', error: null });
        expect(run.settings.deviceId).toBeUndefined();
        continue;
      }
      expect(run).toMatchObject({ status: 'failed', result: null, settings: { provider, deviceId: 1 } });
      expect(run.error?.code).toBe('engine.provider-unavailable');
      expect(run.error?.message).toContain(provider);
      expect(run.error?.remedy).toContain(`Choose one that works here: ${here.join(', ')}.`);
      // The form that is filled from it leaves the device to the settings.
      expect((await call('runs.draft', { runId: run.id })).draft).not.toHaveProperty('deviceId');
    }
    const pictures = readdirSync(join(folder, 'pictures'), { recursive: true }).map(String);
    expect(pictures.filter((name) => name.endsWith('.png') && !name.includes('step-'))).toHaveLength(1);
  });
});
