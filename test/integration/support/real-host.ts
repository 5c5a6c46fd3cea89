/** Hosts with the real engine on the stand-in pack: one in this process, one as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { AppError } from '../../../src-main/base/app-error.js';
import { entryFile } from '../../../src-main/base/entry-file.js';
import type { Input, Method, Output } from '../../../src-main/contract/api.js';
import type { Envelope } from '../../../src-main/contract/error.js';
import type { EngineProgress } from '../../../src-main/engine/protocol.js';
import { openAppHost, type AppHost } from '../../../src-main/services/host/app-host.js';
import type { EngineSpawner } from '../../../src-main/services/engine/engine-client.js';
import { forkEngine } from '../../../src-main/services/engine/fork-engine.js';
import { apiCall, httpCall } from './http-call.js';

export type AnyCall = (method: Method, input: unknown) => Promise<unknown>;

export interface InProcessHost {
  readonly host: AppHost;
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
}

export interface RealHostOptions {
  /** Sees every message of an engine, not only ten a second, and can kill that engine. */
  readonly onProgress?: (progress: EngineProgress, kill: () => void) => void;
  readonly onRequest?: (kind: string) => void;
  /** Default the engine as the app starts it. */
  readonly spawnEngine?: EngineSpawner;
}

export async function openRealHost(
  dataDir: string,
  assetsDir: string,
  { onProgress, onRequest, spawnEngine = forkEngine(entryFile('engine')) }: RealHostOptions = {},
): Promise<InProcessHost> {
  const host = await openAppHost({
    dataDir,
    assetsDir,
    spawnEngine: (_, env) => {
      const engine = spawnEngine(undefined, env);
      engine.onMessage((message) => {
        if (message.type !== 'progress') return;
        onProgress?.(message.progress, () => {
          engine.kill();
        });
      });
      return {
        ...engine,
        send(message) {
          if (message.type === 'request') onRequest?.(message.request.kind);
          engine.send(message);
        },
      };
    },
    pictureWorker: entryFile('picture-worker'),
    appVersion: '0.0.0-test',
    host: 'web',
  });
  return {
    host,
    async call(method, input) {
      const envelope = await host.dispatch(method, input, { trusted: true, name: 'test' });
      if (!envelope.ok) throw AppError.fromDto(envelope.error);
      return envelope.value as Output<typeof method>;
    },
  };
}

export interface HostProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly token: string;
  /** What it wrote until it had an address. */
  readonly said: string;
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
  picture(path: string): Promise<Buffer>;
  /** Process ids of its engines. */
  engines(): Promise<number[]>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface HostProcessOptions {
  readonly dataDir: string;
  readonly assetsDir?: string;
  readonly more?: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `web.js`. @throws Error with its stderr when it ends instead */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const { dataDir, assetsDir, more = [], nodeArgs = [], env = {} } = options;
  const assets = assetsDir === undefined ? [] : ['--assets', assetsDir];
  const child = spawn(
    process.execPath,
    [...nodeArgs, entryFile('web'), '--no-open', '--data', dataDir, ...assets, ...more],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
  const ended = once(child, 'exit');
  const address = new Promise<string>((resolve) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (/#token=[\w-]+\s/.test(text)) resolve(text);
    });
  });
  const said = await Promise.race([
    address,
    ended.then(() => {
      throw new Error(errors);
    }),
  ]);
  const [, portText, token = ''] = /127\.0\.0\.1:(\d+)\/#token=([\w-]+)/.exec(said) ?? [];
  const port = Number(portText);
  const auth = { authorization: `Bearer ${token}` };
  return {
    child,
    port,
    token,
    said,
    async call(method, input) {
      const envelope = (await apiCall(port, auth, method, input)).json() as Envelope<Output<typeof method>>;
      if (!envelope.ok) throw AppError.fromDto(envelope.error);
      return envelope.value;
    },
    picture: async (path) => (await httpCall(port, path, { headers: auth })).body,
    engines: () => childrenOf(child.pid ?? 0),
    async kill(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
