/** A provider that is not here, asked for in the app with the real engine: refused for each picture, nothing falls back. */
import { readdirSync } from 'node:fs';
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
  folder = await mkdtemp(join(tmpdir(), 'likeness-absent-'));
  ({ host, call } = await openRealHost(folder, await testAssets(await mkdtemp(join(folder, 'assets-')))));
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true, force: true });
});

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
