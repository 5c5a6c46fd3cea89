/** Mixes of formats within a budget, for each component of the miniature pack: chosen, converted, run. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { autoFormat, type AutoFormat } from '../../../src-main/base/auto-format.js';
import { WEIGHT_FORMATS } from '../../../src-main/base/vocabulary.js';
import { openPack } from '../../../src-main/engine/pack/open-pack.js';
import { bytesPerFormat } from '../../../src-main/engine/pipeline/memory/component-sizes.js';
import { openComponent } from '../../../src-main/engine/pipeline/packs/convert-pack.js';
import { estimate } from '../../../src-main/engine/pipeline/memory/estimate.js';
import { resolveFormat, resolveMix } from '../../../src-main/engine/pipeline/networks/format-mix.js';
import { keptMeasurements } from '../../../src-main/engine/pipeline/quantization-errors/kept-measurements.js';
import { outputErrors } from '../../../src-main/engine/pipeline/quantization-errors/output-errors.js';
import { planMix } from '../../../src-main/engine/pipeline/quantization-errors/plan-mix.js';
import { Engine } from '../../../src-main/engine/engine.js';
import type {
  ComponentFormat,
  GenerateRequest,
  QuantizedComponent,
  WeightFormat,
} from '../../../src-main/engine/protocol.js';
import { storedBytes } from '../../../src-main/engine/quant/formats/storage.js';

const PACK = 'test/fixtures/reference-tiny';
const COMPONENTS = ['flux', 't5', 'infusenet'] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-mix-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function request(formats: Partial<Record<QuantizedComponent, ComponentFormat>>): GenerateRequest {
  return {
    packPath: PACK,
    cachePath: join(folder, 'cache'),
    provider: 'cpu',
    formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit', ...formats },
    modelVariant: 'aes_stage2',
    identity: { kind: 'embedding', values: Array.from({ length: 512 }, (_, i) => Math.sin(i) / 16) },
    controlImagePath: null,
    prompt: 'A man, portrait, cinematic',
    seed: 42,
    steps: 2,
    width: 96,
    height: 64,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    outputPath: join(folder, 'picture.png'),
    previewDir: null,
  };
}

/** Remembers prompt, identity and control picture, as from one cell of a comparison to the next. */
const engine = new Engine();

async function picture(
  formats: Partial<Record<QuantizedComponent, ComponentFormat>>,
  maker: Engine = engine,
): Promise<Buffer> {
  await maker.handle({ kind: 'generate', params: request(formats) });
  return readFile(join(folder, 'picture.png'));
}

describe.each(COMPONENTS)('a mix for %s', (component) => {
  let bytes: Record<WeightFormat, number>;
  let format: AutoFormat;
  beforeAll(async () => {
    const network = await openComponent({ pack: await openPack(PACK), variant: 'aes_stage2' }, component);
    bytes = bytesPerFormat(component, network);
    await network.source.close();
    format = autoFormat({ budgetMiB: (bytes.int4 + bytes.int8) / 2 / 2 ** 20, measurement: null });
  });

  it('keeps its budget, what stays in 16-bit counted in, and mixes formats', async () => {
    const network = await openComponent({ pack: await openPack(PACK), variant: 'aes_stage2' }, component);
    try {
      const { mix } = await resolveMix(component, format, network, {
        cachePath: join(folder, 'cache'),
      });
      let used = bytes['16-bit'];
      for (const [name, chosen] of mix) {
        const [n = 0, k = 0] = network.source.entries.get(name)?.shape ?? [];
        used += storedBytes(chosen, n, k, 'f16') - 2 * n * k;
      }
      expect(used).toBeLessThanOrEqual((bytes.int4 + bytes.int8) / 2);
      expect(used).toBeGreaterThan(bytes.int4);
      expect(new Set(mix.values()).size).toBeGreaterThan(1);
    } finally {
      await network.source.close();
    }
  });

  it('makes a picture of its own, the same each time, in a cache file of its own', async () => {
    const mixed = await picture({ [component]: format });
    expect((await picture({ [component]: format }, new Engine())).equals(mixed)).toBe(true);
    for (const uniform of ['16-bit', 'int8', 'int4'] as const) {
      expect((await picture({ [component]: uniform })).equals(mixed)).toBe(false);
    }
    const files = (await readdir(join(folder, 'cache'))).filter((name) => name.startsWith(`${component}.mix.`));
    expect(files).toHaveLength(1);
    const { size } = await stat(join(folder, 'cache', files[0] ?? ''));
    expect(size).toBeGreaterThan(0);
  });

  it('is told before it is made, with the formats that it will have', async () => {
    const run = request({});
    const planned = await planMix({
      run,
      component,
      by: 'weights',
      budgetMiB: (bytes.int4 + bytes.int8) / 2 / 2 ** 20,
    });
    const uniformBytes = Object.fromEntries(WEIGHT_FORMATS.map((one) => [one, bytes[one]]));
    expect(planned).toMatchObject({ component, format, uniformBytes });
    const network = await openComponent({ pack: await openPack(PACK), variant: 'aes_stage2' }, component);
    const { mix } = await resolveFormat(component, format, network, { cachePath: join(folder, 'cache') });
    await network.source.close();
    expect(new Map(planned.layers.map(({ name, format: chosen }) => [name, chosen]))).toEqual(mix);
    const linears = planned.layers.map(({ name }) => network.source.entries.get(name)?.shape ?? []);
    const saved = planned.layers.reduce((sum, { format: chosen }, i) => {
      const [n = 0, k = 0] = linears[i] ?? [];
      return sum + 2 * n * k - storedBytes(chosen, n, k, 'f16');
    }, 0);
    expect(planned.bytes).toBeCloseTo(bytes['16-bit'] - saved, 3);

    // Without a budget, one between the smallest format and INT8.
    const suggested = await planMix({ run, component, by: 'weights', budgetMiB: null });
    expect(suggested.bytes).toBeGreaterThan(Math.min(bytes.int4, bytes.nf4));
    expect(suggested.bytes).toBeLessThan(bytes.int8);
  });

  it('goes by the outputs where its name says so, if they are kept', async () => {
    const run = request({});
    const asked = { packPath: PACK, cachePath: run.cachePath, modelVariant: 'aes_stage2', component, loras: [] };
    expect((await keptMeasurements(asked)).measurements).toEqual([]);
    const unmeasured = planMix({ run, component, by: 'outputs', budgetMiB: null });
    await expect(unmeasured).rejects.toThrow('were not measured on this picture');
    const { measured } = await outputErrors({ run, component });
    if (measured === null) throw new Error('nothing was measured');
    expect((await keptMeasurements(asked)).measurements).toEqual([
      { id: measured.id, about: { prompt: run.prompt, seed: 42, formats: run.formats } },
    ]);
    const planned = await planMix({ run, component, by: 'outputs', budgetMiB: null });
    expect(planned.format).toMatch(new RegExp(`^auto-[\\d.]+-${measured.id}$`));
    const byOutputs = autoFormat({ budgetMiB: (bytes.int4 + bytes.int8) / 2 / 2 ** 20, measurement: measured.id });
    expect(await picture({ [component]: byOutputs })).toBeInstanceOf(Buffer);
    const unknown = autoFormat({ budgetMiB: 100, measurement: '00000000' });
    await expect(picture({ [component]: unknown })).rejects.toThrow('are not kept for these weights');
  });

  it('is refused when even 4 bits do not fit, with what would', async () => {
    const small = autoFormat({ budgetMiB: 0.001, measurement: null });
    await expect(picture({ [component]: small })).rejects.toMatchObject({
      code: 'engine.request-invalid',
      message: expect.stringMatching(
        /needs at least \d+\.\d MiB in its smallest formats; the budget is 0\.0 MiB/,
      ) as string,
    });
  });

  it('is estimated at its budget', async () => {
    const { formats, packPath, provider, modelVariant, width, height } = request({ [component]: format });
    const { parts } = await estimate({ packPath, provider, formats, modelVariant, width, height });
    // Names hold thousandths of a MiB, rounded down.
    const share = parts[component] / ((bytes.int4 + bytes.int8) / 2);
    expect(share).toBeLessThanOrEqual(1);
    expect(share).toBeGreaterThan(0.95);
  });
});
