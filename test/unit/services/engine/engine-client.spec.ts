import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { EngineState } from '../../../../src-main/contract/system-info.js';
import type { EngineProgress, FromEngine, ToEngine } from '../../../../src-main/engine/protocol.js';
import { EngineClient, type EngineProcess } from '../../../../src-main/services/engine/engine-client.js';

/** A process in the hands of the test. */
class HandProcess implements EngineProcess {
  readonly sent: ToEngine[] = [];
  killed = false;
  #message: (message: FromEngine) => void = () => undefined;
  readonly #exits: ((reason: string) => void)[] = [];

  send(message: ToEngine): void {
    this.sent.push(message);
  }
  onMessage(listener: (message: FromEngine) => void): void {
    this.#message = listener;
  }
  onExit(listener: (reason: string) => void): void {
    this.#exits.push(listener);
  }
  kill(): void {
    this.killed = true;
    this.exit('signal SIGKILL');
  }
  say(message: FromEngine): void {
    this.#message(message);
  }
  ready(): void {
    this.say({ type: 'ready', pid: 1, versions: { ort: '1' } });
  }
  exit(reason: string): void {
    for (const listener of this.#exits) listener(reason);
  }
}

const release = { kind: 'release' as const, params: {} };
const progress: EngineProgress = {
  stage: 'denoise',
  fraction: 0.5,
  step: 2,
  steps: 4,
  message: '',
  previewPng: null,
};

let spawned: HandProcess[];
let states: EngineState['status'][];
let client: EngineClient;
beforeEach(() => {
  spawned = [];
  states = [];
  client = new EngineClient(
    () => {
      const process = new HandProcess();
      spawned.push(process);
      return process;
    },
    (state) => states.push(state.status),
  );
});

const last = (): HandProcess => spawned.at(-1) ?? expect.fail('nothing was started');
/** Lets promises that are ready go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('EngineClient', () => {
  it('starts one process on the first request, and waits until it is ready', async () => {
    expect(spawned).toHaveLength(0);
    const both = Promise.all([client.request<'release'>(release), client.request<'release'>(release)]);
    await settle();
    expect(spawned).toHaveLength(1);
    expect(last().sent).toEqual([]);
    last().ready();
    await settle();
    expect(last().sent.map((message) => message.type === 'request' && message.id)).toEqual(['q1', 'q2']);
    last().say({ type: 'result', id: 'q2', result: { kind: 'release' } });
    last().say({ type: 'result', id: 'q1', result: { kind: 'release' } });
    expect(await both).toEqual([{ kind: 'release' }, { kind: 'release' }]);
    expect(client.versions).toEqual({ ort: '1' });
    expect(states).toEqual(['stopped', 'starting', 'ready']);
  });

  it('passes progress, errors and cancellation on to the request they belong to', async () => {
    const seen: EngineProgress[] = [];
    const abort = new AbortController();
    const request = client.request<'release'>(release, { signal: abort.signal, onProgress: (p) => seen.push(p) });
    last().ready();
    await settle();
    last().say({ type: 'progress', id: 'q1', progress });
    last().say({ type: 'progress', id: 'q9', progress });
    expect(seen).toEqual([progress]);
    abort.abort();
    expect(last().sent.at(-1)).toEqual({ type: 'cancel', id: 'q1' });
    last().say({ type: 'cancelled', id: 'q1' });
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });

    const failing = client.request<'release'>(release);
    await settle();
    const error = { code: 'engine.not-finite', message: 'NaN', remedy: 'r', retryable: false, details: {} } as const;
    last().say({ type: 'error', id: 'q2', error });
    await expect(failing).rejects.toMatchObject({ code: 'engine.not-finite' });
  });

  it('sends nothing for a request that was cancelled before the start', async () => {
    const abort = new AbortController();
    const request = client.request<'release'>(release, { signal: abort.signal });
    abort.abort();
    last().ready();
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    expect(last().sent).toEqual([]);
  });

  it('turns a death into engine.crashed with the stage, and starts anew for the next request', async () => {
    const request = client.request<'release'>(release);
    last().ready();
    await settle();
    last().say({ type: 'progress', id: 'q1', progress });
    last().exit('signal SIGKILL');
    await expect(request).rejects.toMatchObject({
      code: 'engine.crashed',
      message: 'The engine process ended unexpectedly (signal SIGKILL) during denoise.',
      retryable: true,
      details: { stage: 'denoise' },
    });
    const again = client.request<'release'>(release);
    expect(spawned).toHaveLength(2);
    last().ready();
    await settle();
    last().say({ type: 'result', id: 'q2', result: { kind: 'release' } });
    await again;
    expect(states).toEqual(['stopped', 'starting', 'ready', 'crashed', 'starting', 'ready']);
  });

  it('ends a process that does not stop a cancelled request in time, and starts anew for the next one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const controller = new AbortController();
      const stubborn = client.request<'release'>(release, { signal: controller.signal });
      const waiting = client.request<'release'>(release);
      await settle();
      last().ready();
      await settle();
      last().say({ type: 'progress', id: 'q1', progress });
      controller.abort();
      expect(last().sent.at(-1)).toEqual({ type: 'cancel', id: 'q1' });
      vi.advanceTimersByTime(500);
      expect(last().killed).toBe(false);
      vi.advanceTimersByTime(500);
      expect(last().killed).toBe(true);
      await expect(stubborn).rejects.toMatchObject({ name: 'AbortError' });
      await expect(waiting).rejects.toMatchObject({ code: 'engine.crashed', retryable: true });
      expect(states.at(-1)).toBe('stopped');
    } finally {
      vi.useRealTimers();
    }
    void client.request<'release'>(release);
    await settle();
    expect(spawned).toHaveLength(2);
  });

  it('ends the process when it is restarted, so that the next request gets a fresh one', async () => {
    await client.restart();
    expect(spawned).toHaveLength(0);
    const going = client.request<'probe'>({ kind: 'probe', params: {} });
    const releasing = client.request<'release'>(release);
    last().ready();
    await settle();
    const restarted = client.restart();
    expect(last().sent.at(-1)).toEqual({ type: 'shutdown' });
    last().exit('exit code 0');
    await restarted;
    await expect(going).rejects.toMatchObject({
      code: 'engine.crashed',
      message: 'The engine was ended to free its memory.',
      retryable: true,
    });
    expect(await releasing).toEqual({ kind: 'release' });
    expect(states.at(-1)).toBe('stopped');
    const again = client.request<'release'>(release);
    await settle();
    expect(spawned).toHaveLength(2);
    // From here on an end is a crash again.
    last().exit('exit code 1');
    await expect(again).rejects.toMatchObject({ code: 'engine.crashed' });
    expect(states.at(-1)).toBe('crashed');
  });

  it('says in which stage an error came', async () => {
    const failing = client.request<'release'>(release);
    last().ready();
    await settle();
    last().say({ type: 'progress', id: 'q1', progress });
    const error = { code: 'engine.out-of-memory', message: 'm', remedy: 'r', retryable: true, details: {} } as const;
    last().say({ type: 'error', id: 'q1', error });
    await expect(failing).rejects.toMatchObject({ details: { stage: 'denoise' } });
  });

  it('says when a process does not even start', async () => {
    const request = client.request<'release'>(release);
    last().exit('exit code 1');
    await expect(request).rejects.toMatchObject({
      code: 'engine.crashed',
      message: 'The engine process could not start (exit code 1).',
    });
  });

  it('refuses an answer of another kind', async () => {
    const request = client.request<'release'>(release);
    last().ready();
    await settle();
    last().say({ type: 'result', id: 'q1', result: { kind: 'probe', providers: [], cuda: null } });
    await expect(request).rejects.toMatchObject({ code: 'engine.protocol' });
  });

  it('asks the process to end, and treats what was going as cancelled', async () => {
    const request = client.request<'release'>(release);
    last().ready();
    await settle();
    const closing = client.close();
    expect(last().sent.at(-1)).toEqual({ type: 'shutdown' });
    last().exit('exit code 0');
    await closing;
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    await expect(client.request<'release'>(release)).rejects.toMatchObject({ name: 'AbortError' });
    expect(states.at(-1)).toBe('stopped');
  });
});
