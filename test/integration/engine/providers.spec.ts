/** Providers that are not here are refused, by the engine and by the command line, and nothing runs elsewhere instead. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import {
  CPU_PROFILE,
  CUDA_PROFILE,
  DML_PROFILE,
  WEBGPU_F16_PROFILE,
  WEBGPU_F32_PROFILE,
} from '../../../src-main/engine/graph/compute-profile.js';
import { GraphBuilder } from '../../../src-main/engine/graph/graph-builder.js';
import { ONNX_TYPE } from '../../../src-main/engine/graph/onnx-schema.js';
import { computeProfile, probeProviders, untriedProfile } from '../../../src-main/engine/runtime/providers.js';
import { openSession } from '../../../src-main/engine/runtime/session.js';
import { runCli } from '../support/run-cli.js';
import { SOFTWARE_GPU } from '../support/software-gpu.js';

const PACK = 'test/fixtures/reference-tiny';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-providers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, found ${String(error)}`);
  return error;
}

const HERE = new Set((await probeProviders()).providers.flatMap((info) => (info.available ? [info.provider] : [])));
const ABSENT = (['cuda', 'dml'] as const).filter((provider) => !HERE.has(provider));

describe.skipIf(ABSENT.length === 0).each(ABSENT)('%s, which is not here', (provider) => {
  const built = listSupportedBackends().some(({ name }) => name === provider);

  it('is refused with what there is and what to do', async () => {
    const error = await refusal(computeProfile(provider));
    expect(error.code).toBe('engine.provider-unavailable');
    expect(error.message).toContain(
      built ? `The ${provider} provider cannot be used on this computer: ` : `has no ${provider} provider; it has cpu`,
    );
    expect(error.remedy).toContain(`Choose one that works here: ${[...HERE].join(', ')}.`);
    if (built) expect(error.remedy).toContain(`For ${provider}, install `);
  });

  it('is refused by the command line, without a picture', async () => {
    const out = join(folder, `${provider}.png`);
    const ran = await runCli(
      'generate', '--pack', PACK, '--prompt', 'portrait', '--steps', '1', '--width', '64', '--height', '64',
      '--provider', provider, '--device-id', '1', '--cache', join(folder, 'cache'), '--out', out,
    ); // prettier-ignore
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain(`Choose one that works here: ${[...HERE].join(', ')}.`);
    expect(ran.stderr).toContain('[engine.provider-unavailable]');
    expect(existsSync(out)).toBe(false);
    expect(existsSync(join(folder, 'cache'))).toBe(false);
  });
});

describe('a device where none can be chosen', () => {
  it('is refused by the command line', async () => {
    const ran = await runCli('convert', PACK, '--device-id', '1', '--cache', join(folder, 'cache'));
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('Device 1 was requested of the cpu provider, which only has device 0');
    expect(ran.stderr).toContain('a provider whose device can be chosen: cuda, dml');
  });
});

describe.skipIf(SOFTWARE_GPU === null)('a node that the GPU has no kernel for', () => {
  it('fails the session instead of running on the CPU', async () => {
    const g = new GraphBuilder('fallback');
    const x = g.input('x', 'f32', [4]);
    const cast = (value: string, to: 'f8e4m3fn' | 'f32') => g.node('Cast', [value], { to: ONNX_TYPE[to] });
    g.output('y', cast(cast(x, 'f8e4m3fn'), 'f32'), 'f32', [4]);
    const model = g.finish();
    const onCpu = await openSession(model, '/', { provider: 'cpu', label: 'the cast' });
    await onCpu.release();
    const error = await refusal(openSession(model, '/', { provider: 'webgpu', label: 'the cast', quiet: true }));
    expect(error.code).toBe('engine.session-failed');
    expect(error.message).toContain('the cast could not be loaded on webgpu');
  });
});

describe('the operators of a provider', () => {
  it('are those of its profile', () => {
    expect(untriedProfile('cpu', 'f32')).toEqual(CPU_PROFILE);
    expect(untriedProfile('webgpu', 'f16')).toEqual(WEBGPU_F16_PROFILE);
    expect(untriedProfile('webgpu', 'f32')).toEqual(WEBGPU_F32_PROFILE);
    expect(untriedProfile('cuda', 'f16')).toEqual(CUDA_PROFILE);
    expect(untriedProfile('dml', 'f16')).toEqual(DML_PROFILE);
    expect(untriedProfile('dml', 'f32')).toEqual({ ...DML_PROFILE, dtype: 'f32' });
  });
});
