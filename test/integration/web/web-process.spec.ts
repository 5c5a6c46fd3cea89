/** The browser host as a real process: start, kill, restart. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { Input, Method, Output } from '../../../src-main/contract/api.js';
import type { Envelope } from '../../../src-main/contract/error.js';
import { packIdOf } from '../../../src-main/services/packs/pack-service.js';
import { apiCall } from '../support/http-call.js';
import { draftFor, SCRIPTED_ENGINE } from '../support/scripted-host.js';

interface Host {
  readonly child: ChildProcess;
  readonly port: number;
  readonly exited: Promise<number | null>;
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
}

let folder: string;
let pack: string;
const running = new Set<ChildProcess>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-web-'));
  pack = join(folder, 'pack');
  await mkdir(pack);
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
  await rm(folder, { recursive: true, force: true });
});

function launch(): {
  child: ChildProcess;
  stderr: () => string;
  exited: Promise<number | null>;
  line: Promise<string>;
} {
  const args = [
    entryFile('web'),
    '--no-open',
    '--data',
    join(folder, 'data'),
    '--pack',
    pack,
    '--engine',
    SCRIPTED_ENGINE,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  const line = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
  });
  return { child, stderr: () => stderr, exited, line };
}

async function start(): Promise<Host> {
  const { child, line, exited } = launch();
  const [, portText, token] = /127\.0\.0\.1:(\d+)\/#token=([\w-]+)/.exec(await line) ?? [];
  const port = Number(portText);
  return {
    child,
    port,
    exited,
    async call(method, input) {
      const reply = await apiCall(port, { authorization: `Bearer ${token ?? ''}` }, method, input);
      const envelope = reply.json() as Envelope<Output<typeof method>>;
      if (!envelope.ok) throw new Error(envelope.error.message);
      return envelope.value;
    },
  };
}

const draft = () => draftFor(packIdOf(pack), { prompts: ['slow portrait'], seeds: [1, 2], steps: 5 });

describe('the browser host', () => {
  it('ends cleanly when asked, and finds everything again', async () => {
    const first = await start();
    const { comparisonId } = await first.call('comparisons.create', draft());
    await expect
      .poll(async () => (await first.call('comparisons.get', { comparisonId })).status, { timeout: 30_000 })
      .toBe('finished');
    const before = await first.call('comparisons.get', { comparisonId });
    await first.call('gallery.rate', { runIds: [before.runs[0]?.id ?? ''], stars: 4 });
    await first.call('settings.set', { theme: 'light' });
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);

    const second = await start();
    const after = await second.call('comparisons.get', { comparisonId });
    expect(after.runs.map((run) => run.result)).toEqual(before.runs.map((run) => run.result));
    expect(after.runs[0]?.stars).toBe(4);
    expect((await second.call('settings.get', {})).theme).toBe('light');
  });

  it('loses at most the picture in flight when it is killed, and resumes', async () => {
    const first = await start();
    const { comparisonId } = await first.call('comparisons.create', draft());
    const statuses = async (host: Host): Promise<string[]> =>
      (await host.call('comparisons.get', { comparisonId })).runs.map((run) => run.status);
    await expect.poll(async () => (await statuses(first)).includes('done'), { timeout: 30_000 }).toBe(true);
    const done = (await statuses(first)).filter((status) => status === 'done').length;
    first.child.kill('SIGKILL');
    await first.exited;

    const second = await start();
    const after = await statuses(second);
    expect(after.filter((status) => status === 'done').length).toBeGreaterThanOrEqual(done);
    expect(after.every((status) => status === 'done' || status === 'interrupted')).toBe(true);
    await second.call('comparisons.resume', { comparisonId });
    await expect
      .poll(async () => (await second.call('comparisons.get', { comparisonId })).status, { timeout: 30_000 })
      .toBe('finished');
  });

  it('says in words that another one has the gallery', async () => {
    await start();
    const second = launch();
    expect(await second.exited).toBe(1);
    expect(second.stderr()).toContain('Another process is using this gallery.');
  });
});
