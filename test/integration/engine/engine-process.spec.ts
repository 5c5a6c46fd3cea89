import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ownLibrary } from '../support/runtime-library.js';
import type { EngineRequest, FromEngine, GenerateRequest, ToEngine } from '../../../src-main/engine/protocol.js';

let folder: string;
let engine: ChildProcess;
let messages: FromEngine[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-lab-engine-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(() => {
  messages = [];
  engine = fork('dist/main/engine.js', { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  engine.on('message', (message: FromEngine) => messages.push(message));
});
afterEach(() => {
  engine.kill('SIGKILL');
});

function send(message: ToEngine): void {
  engine.send(message);
}

function request(id: string, body: EngineRequest): void {
  send({ type: 'request', id, request: body });
}

/** The first message that fits, however long it takes within the test's time. */
async function until<T extends FromEngine>(fits: (message: FromEngine) => message is T): Promise<T> {
  for (;;) {
    const found = messages.find(fits);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const answers =
  (id: string) =>
  (message: FromEngine): message is Extract<FromEngine, { type: 'result' | 'error' | 'cancelled' }> =>
    (message.type === 'result' || message.type === 'error' || message.type === 'cancelled') && message.id === id;

function params(overrides: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    packPath: 'test/fixtures/reference-tiny',
    cachePath: join(folder, 'cache'),
    provider: 'cpu',
    formats: { flux: '16-bit', t5: '16-bit', infusenet: '16-bit' },
    modelVariant: 'aes_stage2',
    identity: { kind: 'embedding', values: Array.from({ length: 512 }, (_, i) => Math.sin(i) / 16) },
    controlImagePath: null,
    prompt: 'A man, portrait, cinematic',
    seed: 42,
    steps: 4,
    width: 64,
    height: 96,
    guidance: 3.5,
    conditioningScale: 1,
    start: 0,
    end: 1,
    outputPath: join(folder, 'out.png'),
    previewDir: null,
    ...overrides,
  };
}

describe('the engine process', () => {
  it('announces itself with its versions', async () => {
    const ready = await until((message): message is Extract<FromEngine, { type: 'ready' }> => message.type === 'ready');
    expect(ready.pid).toBe(engine.pid);
    expect(ready.versions['onnxruntime']).toMatch(/^1\./);
  });

  it('makes a picture, reports every step with a preview, and measures every phase', async () => {
    const previewDir = join(folder, 'previews');
    request('a', { kind: 'generate', params: params({ previewDir }) });
    const answer = await until(answers('a'));
    if (answer.type !== 'result' || answer.result.kind !== 'generate') throw new Error(JSON.stringify(answer));
    expect(answer.result.phases.map(({ phase }) => phase)).toEqual(['text', 'load', 'denoise', 'decode']);
    expect(answer.result.phases.every(({ hostPeakBytes, weightBytes }) => hostPeakBytes > 0 && weightBytes > 0)).toBe(
      true,
    );
    expect(answer.result.stepSeconds).toHaveLength(4);
    expect(await readdir(previewDir)).toEqual(['step-001.png', 'step-002.png', 'step-003.png', 'step-004.png']);
    const steps = messages.flatMap((message) =>
      message.type === 'progress' && message.progress.step !== null ? [message.progress] : [],
    );
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(steps.every(({ previewPng }) => previewPng?.startsWith('data:image/png;base64,') === true)).toBe(true);
    const png = await readFile(answer.result.outputPath);
    expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  });

  it('makes the same picture for the same seed, and another for another', async () => {
    const outputs = ['one.png', 'two.png', 'three.png'].map((name) => join(folder, name));
    for (const [index, seed] of [7, 7, 8].entries()) {
      request(`s${index}`, { kind: 'generate', params: params({ seed, outputPath: outputs[index] ?? '' }) });
    }
    await Promise.all([0, 1, 2].map((index) => until(answers(`s${index}`))));
    const [one, two, three] = await Promise.all(outputs.map((path) => readFile(path)));
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
    expect(one?.equals(three ?? Buffer.alloc(0))).toBe(false);
  });

  it('cancels between steps within a second and then takes the next request', async () => {
    request('long', { kind: 'generate', params: params({ steps: 200, outputPath: join(folder, 'never.png') }) });
    await until((message): message is FromEngine => message.type === 'progress' && message.progress.step !== null);
    const asked = performance.now();
    send({ type: 'cancel', id: 'long' });
    expect((await until(answers('long'))).type).toBe('cancelled');
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(await readdir(folder)).not.toContain('never.png');
    request('next', { kind: 'inspect', params: { packPath: 'test/fixtures/reference-tiny' } });
    expect((await until(answers('next'))).type).toBe('result');
  });

  it.skipIf(ownLibrary() === null)('cancels inside a network where the C API runs it, and lives on', async () => {
    engine.kill('SIGKILL');
    engine = fork('dist/main/engine.js', {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, LIKENESS_LAB_CPU_RUNTIME: ownLibrary() ?? '' },
    });
    engine.on('message', (message: FromEngine) => messages.push(message));
    request('large', { kind: 'generate', params: params({ width: 896, height: 896 }) });
    await until(
      (message): message is Extract<FromEngine, { type: 'progress' }> =>
        message.type === 'progress' && message.progress.stage === 'control',
    );
    // The VAE's encoder takes two seconds for these pixels. A run ends between two operators, the longest of which
    // must stay below the limit on a busy machine, too.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(messages.at(-1)).toMatchObject({ progress: { stage: 'control' } });
    const cancelled = performance.now();
    send({ type: 'cancel', id: 'large' });
    expect((await until(answers('large'))).type).toBe('cancelled');
    // The client ends a process that has not answered after 800 ms.
    expect(performance.now() - cancelled).toBeLessThan(500);
    request('next', { kind: 'generate', params: params() });
    const next = await until(answers('next'));
    expect(next.type).toBe('result');
  });

  it('cancels a request that still waits in the queue', async () => {
    request('first', { kind: 'generate', params: params() });
    request('second', { kind: 'generate', params: params({ outputPath: join(folder, 'queued.png') }) });
    send({ type: 'cancel', id: 'second' });
    expect((await until(answers('first'))).type).toBe('result');
    expect((await until(answers('second'))).type).toBe('cancelled');
  });

  it('answers a wrong setting, a missing pack and an unknown variant with an error that says what to do', async () => {
    request('size', { kind: 'generate', params: params({ width: 65 }) });
    request('pack', { kind: 'inspect', params: { packPath: join(folder, 'nowhere') } });
    request('variant', { kind: 'generate', params: params({ modelVariant: 'sim_stage9' }) });
    const errors = await Promise.all(['size', 'pack', 'variant'].map((id) => until(answers(id))));
    expect(errors.map((answer) => (answer.type === 'error' ? answer.error.code : answer.type))).toEqual([
      'engine.request-invalid',
      'pack.not-found',
      'pack.incomplete',
    ]);
    expect(errors.every((answer) => answer.type === 'error' && answer.error.remedy.length > 0)).toBe(true);
  });

  it('estimates from headers without loading weights', async () => {
    request('estimate', {
      kind: 'estimate',
      params: {
        packPath: 'test/fixtures/reference-tiny',
        provider: 'cpu',
        formats: { flux: 'nf4', t5: 'int8', infusenet: '16-bit' },
        modelVariant: 'aes_stage2',
        width: 64,
        height: 96,
      },
    });
    const answer = await until(answers('estimate'));
    if (answer.type !== 'result' || answer.result.kind !== 'estimate') throw new Error(JSON.stringify(answer));
    const { parts, loadBytes, peakBytes } = answer.result;
    expect(loadBytes).toBe(parts.flux + parts.infusenet);
    expect(peakBytes).toBeGreaterThanOrEqual(loadBytes);
    expect(parts.flux).toBeLessThan(parts.infusenet);
  });
});
