/** The two bindings to the runtime compute the same bytes, and the C API fails, stops and cleans up as it should. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { AppError, isAbort } from '../../../src-main/base/app-error.js';
import { ENGINE_ENV } from '../../../src-main/base/engine-process.js';
import { GraphBuilder } from '../../../src-main/engine/graph/graph-builder.js';
import type { Binding, SessionSettings } from '../../../src-main/engine/runtime/binding.js';
import { capiBinding } from '../../../src-main/engine/runtime/capi/capi-binding.js';
import { callOnRuntimeThread } from '../../../src-main/engine/runtime/capi/runtime-thread.js';
import { NODE_BINDING } from '../../../src-main/engine/runtime/node-binding.js';
import { openSession } from '../../../src-main/engine/runtime/session.js';
import { randomGraph } from '../support/random-graph.js';
import { runCliWith } from '../support/run-cli.js';
import { otherLibrary, ownLibrary } from '../support/runtime-library.js';
import { report, seeded, SOAK, TEST_TIMEOUT_MS, times } from './support/soak.js';

const OWN = ownLibrary();
const OTHER = otherLibrary();
const SETTINGS: SessionSettings = {
  provider: 'cpu',
  deviceId: 0,
  optimize: true,
  logSeverity: 4,
  configEntries: { 'optimization.disable_specified_optimizers': 'ConstantFolding' },
};
const GRAPHS = times(300, 10_000);
/** Sessions of a round of the memory test, and rounds after the first. */
const [SESSIONS, ROUNDS] = SOAK ? [200, 5] : [50, 2];
/** Of a session. The resident set varies by a megabyte; a session that is not released leaves 200 KiB. */
const GROWTH_BYTES = times(16 * 2 ** 10, 2 ** 10);
const CANCEL_MS = 300;

if ('absent' in OTHER) process.stderr.write(`The C API is not tested with another version: ${OTHER.absent}.\n`);
const libraries: [string, string][] = [
  ...(OWN === null ? [] : [['onnxruntime-node’s own library', OWN] satisfies [string, string]]),
  ...('file' in OTHER ? [['the library of 1.31.1', OTHER.file] satisfies [string, string]] : []),
];

async function results(binding: Binding, graph: ReturnType<typeof randomGraph>): Promise<Record<string, Float32Array>> {
  const session = await binding.open(graph.model, SETTINGS);
  try {
    return await session.run(graph.feeds, graph.outputs);
  } finally {
    await session.release();
  }
}

const bytesOf = (values: Float32Array | undefined) => Buffer.from(values?.buffer ?? new ArrayBuffer(0)).toString('hex');

describe.skipIf(libraries.length === 0).each(libraries)('the C API of %s', (what, file) => {
  const capi = () => capiBinding(file);

  it(
    `computes ${GRAPHS} random graphs to the byte as onnxruntime-node does`,
    async () => {
      const startedAt = performance.now();
      const binding = capi();
      for (let seed = 1; seed <= GRAPHS; seed++) {
        const graph = randomGraph(seed);
        const expected = await results(NODE_BINDING, graph);
        const found = await results(binding, graph);
        for (const name of graph.outputs) {
          const same = bytesOf(found[name]) === bytesOf(expected[name]);
          expect(same, `seed ${seed}, output ${name} of ${graph.operators.join(' ')}`).toBe(true);
        }
      }
      report({ fault: `random graphs through both bindings, ${what}`, times: GRAPHS, lost: 0, wrong: 0, startedAt });
    },
    TEST_TIMEOUT_MS,
  );

  it('computes every reference tensor to the same figures', async () => {
    const verify = (env: Record<string, string>) => runCliWith(env, 'verify', 'test/fixtures/reference-tiny', '--json');
    const [expected, found] = [await verify({}), await verify({ LIKENESS_LAB_CPU_RUNTIME: file })];
    expect(expected.code).toBe(0);
    expect(found).toEqual(expected);
  });

  it('keeps held inputs between runs, and takes the others anew', async () => {
    const g = new GraphBuilder('held');
    const [a, b] = [g.input('a', 'f32', [3]), g.input('b', 'f32', [3])];
    g.output('y', g.node('Add', [a, b]), 'f32', [3]);
    const session = await capi().open(g.finish(), SETTINGS);
    const feed = (...values: number[]) => ({ data: Float32Array.from(values), dims: [3] });
    session.hold({ a: feed(1, 2, 3) });
    expect((await session.run({ b: feed(10, 20, 30) }, ['y']))['y']).toEqual(Float32Array.of(11, 22, 33));
    expect((await session.run({ b: feed(0, 0, 1) }, ['y']))['y']).toEqual(Float32Array.of(1, 2, 4));
    session.hold({ a: feed(5, 5, 5) });
    // Two at once, of which each gets its own.
    const two = await Promise.all([session.run({ b: feed(1, 1, 1) }, ['y']), session.run({ b: feed(2, 2, 2) }, ['y'])]);
    expect(two.map(({ y }) => y?.[0])).toEqual([6, 7]);
    await session.release();
  });

  it('refuses what does not fit with a sentence, and still runs afterwards', async () => {
    const g = new GraphBuilder('strict');
    g.output('y', g.node('Relu', [g.input('x', 'f32', [2, 'n'])]), 'f32', [2, 'n']);
    const session = await capi().open(g.finish(), SETTINGS);
    const data = new Float32Array(6);
    const bad: [string, () => Promise<unknown>][] = [
      ["'z' is no input of the model; it has x.", () => session.run({ z: { data, dims: [2, 3] } }, ['y'])],
      ["'z' is no output of the model; it has y.", () => session.run({ x: { data, dims: [2, 3] } }, ['z'])],
      ["input 'x' is missing in 'feeds'.", () => session.run({}, ['y'])],
      ['Got: [3, 2] Expected: [2, -1]', () => session.run({ x: { data, dims: [3, 2] } }, ['y'])],
      ['Got: [6] Expected: [2, -1]', () => session.run({ x: { data, dims: [6] } }, ['y'])],
      ["Tensor's size(8) does not match data length(6)", () => session.run({ x: { data, dims: [2, 4] } }, ['y'])],
      ["Tensor's size(NaN)", () => session.run({ x: { data, dims: [2, NaN] } }, ['y'])],
      ['is not a Float32Array', () => session.run({ x: { data: new Float64Array(6) as never, dims: [2, 3] } }, ['y'])],
    ];
    for (const [message, run] of bad) await expect(run()).rejects.toThrow(message);
    expect((await session.run({ x: { data: data.fill(-1), dims: [2, 3] } }, ['y']))['y']).toEqual(new Float32Array(6));
    expect((await session.run({ x: { data: new Float32Array(0), dims: [2, 0] } }, ['y']))['y']).toHaveLength(0);
    await session.release();
  });

  it('refuses damaged models as onnxruntime-node does', async () => {
    const { model } = randomGraph(3);
    const next = seeded(11);
    let refused = 0;
    for (let i = 0; i < 100; i++) {
      const damaged = Uint8Array.from(model);
      for (let k = 0; k < 20; k++) damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
      const outcome = (binding: Binding) =>
        binding.open(damaged, SETTINGS).then(
          async (session) => (await session.release(), 'loaded'),
          () => 'refused',
        );
      const expected = await outcome(NODE_BINDING);
      if (expected === 'refused') refused++;
      expect(await outcome(capi())).toBe(expected);
    }
    expect(refused).toBeGreaterThan(10);
  });

  it(
    `leaves nothing of ${ROUNDS * SESSIONS} sessions in memory`,
    async () => {
      const startedAt = performance.now();
      const run = promisify(execFile);
      const args = ['--expose-gc', 'dist/main/binding-memory.js', file, String(ROUNDS + 1), String(SESSIONS)];
      const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...ENGINE_ENV } });
      // The first round warms up.
      const [first = 0, ...resident] = JSON.parse(stdout) as number[];
      const growth = ((resident.at(-1) ?? 0) - first) / (ROUNDS * SESSIONS);
      expect(growth, resident.join(' ')).toBeLessThan(GROWTH_BYTES);
      const fault = `sessions of the C API, host memory (${growth.toFixed(0)} bytes a session), ${what}`;
      report({ fault, times: ROUNDS * SESSIONS, lost: 0, wrong: 0, startedAt });
    },
    TEST_TIMEOUT_MS,
  );
});

/** A chain of products that takes many seconds on any CPU. */
function longModel(): Uint8Array {
  const g = new GraphBuilder('long');
  let x = g.input('x', 'f32', [512, 512]);
  for (let i = 0; i < 3000; i++) x = g.node('MatMul', [x, x]);
  g.output('y', x, 'f32', [512, 512]);
  return g.finish();
}

describe.skipIf(OWN === null)('a step of the C API', () => {
  const long = () => ({ x: { data: new Float32Array(512 * 512), dims: [512, 512] } });

  it('ends within 300 ms of its cancellation, and the thread is free meanwhile', async () => {
    const controller = new AbortController();
    const binding = capiBinding(OWN ?? '');
    const session = await binding.open(longModel(), { ...SETTINGS, signal: controller.signal });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const run = session.run(long(), ['y']).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const cancelled = performance.now();
    controller.abort();
    const error = await run;
    expect(performance.now() - cancelled).toBeLessThan(CANCEL_MS);
    expect(isAbort(error)).toBe(true);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(20);
    // A session whose signal was aborted runs nothing more.
    await expect(session.run(long(), ['y'])).rejects.toSatisfy(isAbort);
    await session.release();
  });

  // cuDNN keeps what it has planned and compiled for a thread, and does it anew on another.
  it.runIf(process.platform === 'linux')('and everything else runs on one thread, which is not this one', async () => {
    const find = koffi.load('libc.so.6').func('dlsym', 'uintptr_t', ['void *', 'str']);
    const self = { address: BigInt(find(null, 'pthread_self') as number | bigint), result: 'void *', parameters: [] };
    const here = koffi.decode(self.address, koffi.proto('void *', [])) as () => bigint;
    const thread = async () => (await callOnRuntimeThread({ file: 'libc.so.6', ...self, args: [] })).result;
    const first = await thread();
    const session = await capiBinding(OWN ?? '').open(randomGraph(1).model, SETTINGS);
    await session.release();
    expect(new Set([first, await thread(), ...(await Promise.all([thread(), thread()]))]).size).toBe(1);
    expect(first).not.toBe(here());
  });

  it('is loaded off the thread, and its loading can be cancelled', async () => {
    const controller = new AbortController();
    const binding = capiBinding(OWN ?? '');
    const loading = binding
      .open(longModel(), { ...SETTINGS, signal: controller.signal })
      .catch((error: unknown) => error);
    setTimeout(() => controller.abort(), 20);
    const outcome = await loading;
    // A fast computer has loaded it by then.
    if (outcome instanceof Error) expect(isAbort(outcome)).toBe(true);
    controller.abort();
    await expect(binding.open(longModel(), { ...SETTINGS, signal: controller.signal })).rejects.toSatisfy(isAbort);
  });
});

describe('a runtime that cannot be used', () => {
  const folder = join(tmpdir(), `likeness-lab-bindings-${process.pid}`);

  it.each([
    ['is missing', join(folder, 'libonnxruntime.so.1.30.0')],
    ['is another library', process.execPath],
  ])('%s: said with its path', async (_what, file) => {
    process.env['LIKENESS_LAB_CPU_RUNTIME'] = file;
    try {
      const error = await openSession(longModel(), '/', { provider: 'cpu', label: 'the graph' }).catch(
        (e: unknown) => e,
      );
      if (!(error instanceof AppError)) throw new Error(`expected an AppError, found ${String(error)}`);
      expect(error.code).toBe('engine.provider-unavailable');
      expect(error.message).toContain(file);
    } finally {
      delete process.env['LIKENESS_LAB_CPU_RUNTIME'];
    }
  });
});
