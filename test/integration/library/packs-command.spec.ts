/** The command line as people run it: the built program in its own process. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubServer } from '../support/hub-server.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'likeness-lab-cli-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function packs(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ran> {
  const child = spawn(process.execPath, ['dist/main/cli.js', 'packs', ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, XDG_CONFIG_HOME: join(home, 'config'), ...env },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

describe('packs', () => {
  it('lists what there is', async () => {
    const { code, out } = await packs(['list', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ id: 'infiniteyou-flux', installed: false, ownBytes: 0 }]);
    expect((await packs(['list'])).out).toContain('absent');
  });

  it('says of each part what is wrong, and imports nothing', async () => {
    const folder = join(home, 'models');
    await cp('test/fixtures/reference-tiny', folder, { recursive: true });
    const { code, out } = await packs(['import', folder, '--json', '--dir', join(home, 'packs')]);
    expect(code).toBe(1);
    const report = JSON.parse(out) as { parts: { part: string; state: string; findings: { remedy: string }[] }[] };
    expect(report).toMatchObject({ complete: false, folder: null });
    const states = Object.fromEntries(report.parts.map(({ part, state }) => [part, state]));
    expect(states).toMatchObject({
      flux: 'other-model',
      t5: 'other-model',
      clip: 'other-model',
      arcface: 'missing',
      scrfd: 'missing',
    });
    const text = (await packs(['import', folder])).out;
    expect(text).toContain('expected 1160');
    expect(text).toContain('facexlib');
  });

  it('names what is missing with its size, and uses the files that were chosen', async () => {
    const folder = join(home, 'models');
    await cp('test/fixtures/model-files/ae.safetensors', join(folder, 'ae.safetensors'));
    await cp('test/fixtures/model-files/ae.safetensors', join(folder, 'other.safetensors'));
    const chosen = join(folder, 'other.safetensors');
    const args = ['import', folder, '--check', '--dir', join(home, 'packs')];
    const { out } = await packs([...args, '--choose', `vae=${chosen}`, '--json']);
    const report = JSON.parse(out) as { missing: { part: string }[]; parts: { part: string; path: string | null }[] };
    expect(report.parts.find(({ part }) => part === 'vae')?.path).toBe(chosen);
    expect(report.missing.find(({ part }) => part === 'scrfd')).toMatchObject({ gated: false, bytes: 16_923_827 });
    expect((await packs(args)).out).toMatch(/scrfd.*16\.1 MiB/i);
    const refused = await packs([...args, '--choose', `unet=${chosen}`]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('There is no part "unet"');
  });

  it('shows the licences and downloads nothing before they are accepted', async () => {
    const { code, out, err } = await packs(['download'], { HF_ENDPOINT: 'http://127.0.0.1:9' });
    expect(code).toBe(1);
    expect(out).toContain('FLUX.1 [dev] Non-Commercial License');
    expect(err).toContain('not accepted yet');
  });

  it('says that a log-in is needed, and tries the kept token next', async () => {
    const hub = await HubServer.start();
    try {
      const refused = { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access to model is restricted.' };
      hub.gate = (token) => ({ kind: 'status', status: token === null ? 401 : 403, headers: refused });
      const env = { HF_ENDPOINT: hub.endpoint };
      const args = ['download', '--accept-licences', '--dir', join(home, 'packs')];
      const first = await packs(args, env);
      expect(first).toMatchObject({ code: 1 });
      expect(first.err).toContain('no token is set');

      expect(await packs(['token', 'save'], {}, 'hf_kept\n')).toMatchObject({ code: 0 });
      const kept = join(home, 'config', 'Likeness Lab', 'hub-token');
      expect((await stat(kept)).mode & 0o777).toBe(0o600);
      const second = await packs(args, env);
      expect(second.err).toContain('has not accepted the licence');
      expect(second.err + second.out).not.toContain('hf_kept');
      expect(hub.requests.at(-1)?.authorization).toBe('Bearer hf_kept');

      await packs(['token', 'forget']);
      await expect(readFile(kept)).rejects.toThrow();
    } finally {
      await hub.stop();
    }
  });

  it('stays offline when told to', async () => {
    const { code, err } = await packs(['download', '--accept-licences'], { HF_HUB_OFFLINE: '1' });
    expect(code).toBe(1);
    expect(err).toContain('HF_HUB_OFFLINE');
  });

  it('verifies and removes', async () => {
    const dir = join(home, 'packs');
    await cp('test/fixtures/reference-tiny', join(dir, 'infiniteyou-flux'), { recursive: true });
    const verified = await packs(['verify', '--json', '--dir', dir]);
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.out)).toMatchObject({
      complete: false,
      hashes: [{ target: 'flux/vae/diffusion_pytorch_model.safetensors', matches: false }],
    });
    expect(await packs(['remove', 'infiniteyou-flux', '--dir', dir])).toMatchObject({ code: 0 });
    expect(await packs(['remove', 'infiniteyou-flux', '--dir', dir])).toMatchObject({ code: 1 });
  });

  it.each([
    [['remove', '../../etc'], 'There is no pack'],
    [['download', '--variant', 'none'], 'There is no variant'],
    [['token', 'print'], 'is not an action'],
  ])('refuses %j', async (args, sentence) => {
    const { code, err } = await packs(args);
    expect(code).toBe(1);
    expect(err).toContain(sentence);
  });
});
