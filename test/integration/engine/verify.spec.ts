import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../../src-main/engine/verify/checks.js';
import { openTensorFile } from '../../../src-main/engine/weights/open-tensor-file.js';
import { writeSafetensors, type WritableTensor } from '../../support/write-safetensors.js';
import { SOFTWARE_GPU } from '../support/software-gpu.js';

const FIXTURE = 'test/fixtures/reference-tiny';

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly checks: readonly Check[];
}

/** Runs the command as a person would; a failing verification exits with 1 and still prints its report. */
async function verify(folder: string, provider: string, ...more: string[]): Promise<{ code: number; report: Report }> {
  const args = ['dist/main/cli.js', 'verify', folder, '--provider', provider, '--json', ...more];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
    return { code: 0, report: JSON.parse(stdout) as Report };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    if (stdout === '') throw new Error(stderr);
    return { code, report: JSON.parse(stdout) as Report };
  }
}

describe('verify on the reference folder', () => {
  let cpu: Awaited<ReturnType<typeof verify>>;
  beforeAll(async () => {
    cpu = await verify(FIXTURE, 'cpu');
  });

  it('passes every check on the cpu provider', () => {
    const { code, report } = cpu;
    expect(report.checks.filter(({ pass }) => !pass)).toEqual([]);
    expect(report.checks.length).toBeGreaterThan(60);
    expect(code).toBe(0);
  });

  it('covers every network output of the fixture', () => {
    const { report } = cpu;
    const names = new Set(report.checks.map(({ name }) => name.replace(/\[\d+\]$/, '')));
    for (const name of [
      ...['clip_input_ids', 't5_input_ids', 'clip_pooled', 't5_embeds', 'identity_tokens', 'sigmas', 'timesteps'],
      ...['control_latents_mean', 'control_latents_logvar', 'control_packed', 'residual_double_0', 'residual_single_0'],
      ...['residual_single_1', 'velocity_step0', 'velocity_step0_no_infusenet', 'latents_after_step', 'decoded'],
      ...['image_u8', 'nf4_packed', 'qint8_data', 'qfloat8_data', 'norm_matrix', 'norm_crop_bgr'],
    ]) {
      expect(names).toContain(name);
    }
  });

  it('passes in f16 by the limits of f16, which no check of whole numbers shares', async () => {
    const { code, report } = await verify(FIXTURE, 'cpu', '--compute', 'f16');
    expect(report.checks.filter(({ pass }) => !pass)).toEqual([]);
    expect(code).toBe(0);
    const changed = report.checks.filter(({ limit }, at) => limit !== cpu.report.checks[at]?.limit);
    expect(new Set(changed.map(({ limit }) => limit))).toEqual(new Set([4e-3, 7e-4, 2]));
    expect(changed.map(({ name }) => name)).not.toContain('clip_input_ids');
  });

  // A software GPU takes half a minute for it.
  const onSoftware = it.runIf(SOFTWARE_GPU !== null);
  onSoftware('passes on the webgpu provider, every node of it on that provider', { timeout: 300_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'likeness-lab-webgpu-'));
    try {
      await copyNetworks(folder);
      const { report } = await verify(folder, 'webgpu');
      expect(report.checks.filter(({ pass }) => !pass)).toEqual([]);
      const names = report.checks.map(({ name }) => name);
      for (const network of ['clip_pooled[0]', 't5_embeds[0]', 'identity_tokens', 'control_latents_mean']) {
        expect(names).toContain(network);
      }
      expect(names).toContain('residual_single_1');
      expect(names).toContain('latents_after_step[3]');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/**
 * The fixture with one prompt, without face geometry, which no provider computes, and without decoded pictures:
 * decode-tiles-webgpu.spec.ts decodes on the same GPU.
 */
async function copyNetworks(folder: string): Promise<void> {
  for (const part of ['flux', 'infiniteyou', 'quant.safetensors']) {
    await cp(join(FIXTURE, part), join(folder, part), { recursive: true });
  }
  const settings = JSON.parse(await readFile(join(FIXTURE, 'expected.json'), 'utf8')) as { prompts: string[] };
  const prompts = settings.prompts.length;
  await writeFile(
    join(folder, 'expected.json'),
    JSON.stringify({ ...settings, prompts: settings.prompts.slice(0, 1), prompt_index: 0 }),
  );
  const expected = await openTensorFile(join(FIXTURE, 'expected.safetensors'));
  const kept = [...expected.entries.values()].filter(({ name }) => !['image_u8', 'decoded'].includes(name));
  const tensors: WritableTensor[] = [];
  for (const { name, dtype, shape } of kept) {
    const perPrompt = /^(clip|t5)_/.test(name);
    const data = await expected.readBytes(name);
    tensors.push({
      name,
      dtype,
      shape: perPrompt ? [1, ...shape.slice(1)] : shape,
      data: perPrompt ? data.slice(0, data.byteLength / prompts) : data,
    });
  }
  await writeSafetensors(join(folder, 'expected.safetensors'), tensors);
  await expected.close();
}

describe('verify on the demo pack', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-demo-'));
    await cp('assets/models/demo', folder, { recursive: true });
    await cp('test/fixtures/demo-reference', folder, { recursive: true });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('agrees with the training code in every stage, at other depths, widths and head sizes than the miniature', async () => {
    const { code, report } = await verify(folder, 'cpu');
    expect(report.checks.filter(({ pass }) => !pass)).toEqual([]);
    expect(report.checks.map(({ name }) => name)).toContain('latents_after_step[2]');
    expect(report.checks).toHaveLength(15);
    expect(code).toBe(0);
  });
});

describe('verify on a folder with one wrong weight', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-lab-wrong-'));
    await cp(FIXTURE, folder, { recursive: true });
    // Swaps two values of a query projection: shapes and statistics stay, only the numbers are off.
    const path = join(folder, 'flux/transformer/diffusion_pytorch_model-00001-of-00005.safetensors');
    const bytes = await readFile(path);
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    const name = Object.keys(header).find((key) => key.endsWith('to_q.weight')) ?? '';
    const [start] = header[name]?.data_offsets ?? [0];
    const at = 8 + headerLength + start;
    const [first, second] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
    bytes.writeUInt16LE(second, at);
    bytes.writeUInt16LE(first ^ 0x8000, at + 2);
    await writeFile(path, bytes);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('fails the velocity and everything after it, and exits with 1', async () => {
    const { code, report } = await verify(folder, 'cpu');
    const failed = new Set(report.checks.filter(({ pass }) => !pass).map(({ name }) => name));
    expect(code).toBe(1);
    expect(failed).toContain('velocity_step0');
    expect(failed).not.toContain('residual_double_0');
    expect(failed).not.toContain('t5_embeds[0]');
  });
});
