/** The command line on Windows, with pack, cache and output on drives of their own. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WEIGHT_FORMATS } from '../../src-main/base/vocabulary.js';
import { runCli } from '../integration/support/run-cli.js';
import { DRIVES, Windows } from './support/windows.js';

const PACK = `${DRIVES.pack}\\My packs\\demo`;
const PORTRAIT = ['--prompt', 'A man: "portrait" 100 % <café> & more', '--steps', '1', '--seed', '7'] as const;

let windows: Windows;
/** Pictures that Linux makes. */
let linux: string;

beforeAll(async () => {
  linux = await mkdtemp(join(tmpdir(), 'likeness-linux-'));
  windows = await Windows.open();
});
afterAll(async () => {
  await windows?.close();
  await rm(linux, { recursive: true, force: true });
});

describe('commands on Windows', () => {
  it('verifies every tensor of the reference implementations', async () => {
    execFileSync('cp', ['-r', 'test/fixtures/reference-tiny', windows.at('pack', 'reference')]);
    const { code, stdout } = await windows.cli('verify', `${DRIVES.pack}\\reference`);
    expect(stdout).toMatch(/[5-9]\d passed, 0 failed/);
    expect(code).toBe(0);
  });

  it.each(WEIGHT_FORMATS)('makes the picture in %s that Linux makes, byte for byte', async (format) => {
    const formats = ['--flux', format, '--t5', format, '--infusenet', format];
    const made = join(linux, `${format}.png`);
    const there = await runCli(
      'generate', '--pack', 'assets/models/demo', '--cache', join(linux, 'cache'), '--out', made, ...PORTRAIT, ...formats,
    ); // prettier-ignore
    expect(there).toMatchObject({ code: 0 });
    const ran = await windows.cli(
      'generate', '--pack', PACK, '--cache', `${DRIVES.cache}\\cache`, '--out', `${DRIVES.out}\\${format}.png`,
      ...PORTRAIT, ...formats,
    ); // prettier-ignore
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain(`O:\\${format}.png (256×256, cpu, f32)`);
    expect((await readFile(windows.at('out', `${format}.png`))).equals(await readFile(made))).toBe(true);
  });

  it('takes drives in lower case and a pack as it is pasted', async () => {
    const out = 'o:\\in a folder\\of its own\\lower.png';
    const ran = await windows.cli(
      'generate', '--pack', '"p:/my PACKS/Demo"', '--cache', 'q:\\cache', '--out', out, ...PORTRAIT, '--flux', 'int8',
      '--t5', 'int8', '--infusenet', 'int8',
    ); // prettier-ignore
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    const made = await readFile(windows.at('out', 'in a folder/of its own/lower.png'));
    expect(made.equals(await readFile(join(linux, 'int8.png')))).toBe(true);
  });

  it('compares, with a report that replaces an earlier one', async () => {
    await mkdir(windows.at('out', 'report'));
    await writeFile(windows.at('out', 'report/report.csv'), 'earlier');
    const { code, stdout, stderr } = await windows.cli(
      'compare', '--pack', PACK, '--cache', `${DRIVES.cache}\\cache`, '--report', `${DRIVES.out}\\report`,
      '--variants', '16-bit/16-bit/16-bit,16-bit/16-bit/nf4', '--seeds', '7', '--repeats', '0', '--steps', '1',
      '--title', 'CON: <a> "report"?',
    ); // prettier-ignore
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/nf4/i);
    const names = ['contact-sheet.png', 'pictures', 'report.csv', 'report.html', 'report.md'];
    expect((await readdir(windows.at('out', 'report'))).toSorted()).toEqual(names);
    expect(await readFile(windows.at('out', 'report/report.csv'), 'utf8')).not.toBe('earlier');
    expect(await readdir(windows.at('out', 'report/pictures'))).toHaveLength(2);
  });

  it('inspects a pack and a file', async () => {
    const pack = await windows.cli('inspect', PACK);
    expect(pack).toMatchObject({ code: 0 });
    expect(pack.stdout).toContain('Likeness Lab demo');
    const file = await windows.cli('inspect', `${PACK}\\face\\arcface.safetensors`, '--json');
    expect(file.code).toBe(0);
    expect(() => JSON.parse(file.stdout) as unknown).not.toThrow();
  });

  it('converts ahead, and twice converts nothing', async () => {
    const convert = ['convert', PACK, '--flux', 'fp8', '--cache', `${DRIVES.cache}\\ahead`] as const;
    expect(await windows.cli(...convert)).toMatchObject({ code: 0 });
    const before = await readdir(windows.at('cache', 'ahead'));
    expect(before.some((name) => name.endsWith('.weights'))).toBe(true);
    expect(await windows.cli(...convert)).toMatchObject({ code: 0 });
    expect(await readdir(windows.at('cache', 'ahead'))).toEqual(before);
  });

  it('lists the packs', async () => {
    const { code, stdout } = await windows.cli('packs', 'list', '--dir', `${DRIVES.pack}\\own packs`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/flux/i);
  });
});

describe('what Windows cannot write is said before a picture is made', () => {
  it.each([
    ['aux.png', /"aux\.png" is the name of a device on Windows/],
    ['a?.png', /has the character \?, which Windows forbids/],
    ['dot.png.', /ends with a dot or a space/],
    ['sub', /is a folder, but a file is to be written there/],
  ])('%s', async (name, message) => {
    await mkdir(windows.at('out', 'sub'), { recursive: true });
    const { code, stderr } = await windows.cli(
      'generate', '--pack', PACK, '--cache', `${DRIVES.cache}\\cache`, '--out', `${DRIVES.out}\\${name}`, ...PORTRAIT,
    ); // prettier-ignore
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('[disk.failed]');
    expect(existsSync(windows.at('out', 'aux.png'))).toBe(false);
  });

  it.each([
    ['generate', ['--out', `${DRIVES.missing}\\out.png`, ...PORTRAIT]],
    ['compare', ['--report', `${DRIVES.missing}\\report`]],
  ] as const)('a drive that is not there: %s', async (command, args) => {
    const { code, stderr } = await windows.cli(command, '--pack', PACK, ...args);
    expect(code).toBe(1);
    expect(stderr).toContain('a folder or drive of its path is not there (ENOENT)');
  });

  it('a pack that is not there, with the exit code', async () => {
    const { code, stderr } = await windows.cli('inspect', `${DRIVES.missing}\\pack`);
    expect(code).toBe(1);
    expect(stderr).toContain(`The folder ${DRIVES.missing}\\pack does not exist or cannot be opened.`);
  });
});
