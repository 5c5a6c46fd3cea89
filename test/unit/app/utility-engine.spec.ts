import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { utilityEngine } from '../../../src-main/app/utility-engine.js';
import type { EngineProcess } from '../../../src-main/services/engine/engine-client.js';

/** Ends as Electron's utility process does. @source electron/electron lib/browser/api/utility-process.ts */
class Child extends EventEmitter {
  readonly posted: unknown[] = [];
  readonly stderr = new PassThrough();
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  kill(): boolean {
    return true;
  }
  exit(code: number): void {
    this.emit('exit', code);
    this.stderr.removeAllListeners();
  }
}

let child: Child;
let engine: EngineProcess;
beforeEach(() => {
  child = new Child();
  engine = utilityEngine(() => child, '/engine.js')();
});

const ended = (): Promise<string> =>
  new Promise((resolve) => {
    engine.onExit(resolve);
  });

describe('the engine as a utility process', () => {
  it('is spoken to until it ends', async () => {
    const seen: unknown[] = [];
    engine.onMessage((message) => seen.push(message));
    engine.send({ type: 'shutdown' });
    child.emit('message', { type: 'cancelled', id: 'a' });
    child.stderr.end('a warning of the runtime');
    child.exit(5);
    engine.send({ type: 'shutdown' });
    expect(child.posted).toHaveLength(1);
    expect(seen).toEqual([{ type: 'cancelled', id: 'a' }]);
    expect(await ended()).toBe('exit code 5');
  });

  it('says that memory ran out where its last words do, before the exit', async () => {
    child.stderr.end('FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory');
    await new Promise((resolve) => setImmediate(resolve));
    child.exit(134);
    expect(await ended()).toBe('out of memory');
  });

  it('… in pieces that arrive after it', async () => {
    child.stderr.write('terminate called after throwing an instance of std::bad_');
    child.exit(134);
    setTimeout(() => child.stderr.end('alloc'), 20);
    expect(await ended()).toBe('out of memory');
  });

  it('… in V8’s report, without a word', async () => {
    child.emit('error', 'FatalError', 'CALL_AND_RETRY_LAST Allocation failed', '{}');
    child.exit(5);
    expect(await ended()).toBe('out of memory');
  });

  it('does not wait for ever for words that do not come', async () => {
    child.exit(9);
    expect(await ended()).toBe('exit code 9');
  });
});
