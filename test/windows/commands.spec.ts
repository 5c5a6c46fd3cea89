/** The command line on Windows, with pack, cache and output on drives of their own. */
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../integration/support/run-cli.js';
import { DRIVES, Windows } from './support/windows.js';

const PACK = `${DRIVES.pack}\\My packs\\demo`;
const PACKS = { demo: 'assets/models/demo', tiny: 'test/fixtures/reference-tiny' } as const;
const PORTRAIT = ['--prompt', 'A man: "portrait" 100 % <café> & more', '--steps', '1', '--seed', '7'] as const;

let windows: Windows;
/** Pictures that Linux makes. */
let linux: string;

beforeAll(async () => {
  linux = await mkdtemp(join(tmpdir(), 'likeness-linux-'));
  windows = await Windows.open();
  await windows.addShare('packs', windows.at('pack', 'My packs'));
  await windows.addShare('out', windows.at('out'));
  // As a junction, which Wine does not make.
  await mkdir(windows.at('junctions'));
  await cp(PACKS.tiny, windows.at('pack', 'My packs/tiny'), { recursive: true });
  await symlink(windows.at('pack', 'My packs/tiny'), windows.at('junctions', 'tiny'));
  await windows.addDrive('J:', windows.at('junctions'));
});
afterAll(async () => {
  await windows?.close();
  await rm(linux, { recursive: true, force: true });
});

describe.concurrent('commands on Windows', () => {
  // Each on drives, shares and in spellings that people use.
  it.each([
    ['16-bit', 'demo', PACK, 'Q:\\cache', 'O:\\16-bit.png'],
    ['fp8', 'tiny', 'J:\\tiny', 'Q:\\a cache', 'P:\\My pictures\\fp8.png'],
    ['int8', 'demo', '"p:/my PACKS/Demo"', 'q:\\cache', 'o:\\in a folder\\of its own\\int8.png'],
    ['int4', 'tiny', '\\\\server\\packs\\tiny', 'file:///Q:/cache', '\\\\server\\out\\int4.png'],
    ['nf4', 'tiny', `P:\\My packs\\tiny\\"`, '\\\\server\\out\\cache', 'O:\\nf4.png'],
  ] as const)(
    'makes the picture in %s that Linux makes, byte for byte: %s as %s, cache %s, to %s',
    async (format, name, pack, cache, out) => {
      const formats = ['--flux', format, '--t5', format, '--infusenet', format];
      const size = name === 'tiny' ? ['--width', '64', '--height', '64'] : [];
      const same = [...PORTRAIT, ...formats, ...size];
      const made = join(linux, `${format}.png`);
      const [there, ran] = await Promise.all([
        runCli('generate', '--pack', PACKS[name], '--cache', join(linux, 'cache'), '--out', made, ...same),
        windows.cli('generate', '--pack', pack, '--cache', cache, '--out', out, ...same),
      ]);
      expect(there).toMatchObject({ code: 0 });
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout).toMatch(/\((256×256|64×64), cpu, f32\)/);
      expect(ran.stdout.startsWith(out)).toBe(true);
      expect((await readFile(windows.onLinux(out))).equals(await readFile(made))).toBe(true);
    },
  );

  it('compares, with a report that replaces an earlier one', async () => {
    await mkdir(windows.at('out', 'report'), { recursive: true });
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

describe.concurrent('what Windows cannot write is said before a picture is made', () => {
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

  it('a cache whose path the runtime cannot take, with what to do', async () => {
    const deep = [...'abcdefg'].map((letter) => letter.repeat(40)).join('\\');
    const { code, stderr } = await windows.cli(
      'generate', '--pack', PACK, '--cache', `${DRIVES.cache}\\${deep}`, '--out', `${DRIVES.out}\\${deep}\\out.png`,
      ...PORTRAIT, '--flux', 'nf4',
    ); // prettier-ignore
    expect(code).toBe(1);
    expect(stderr).toMatch(/The path of a weights file is too long for the runtime.*\n.*folder nearer to the root/);
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

describe('the console on Windows', () => {
  it('a pipe gets what a terminal gets, and a file too', async () => {
    // Pipes of Windows' own, since Wine takes none of Linux'.
    const count = `let n=0;process.stdin.on('data',d=>n+=d.length).on('end',()=>require('fs').writeFileSync('O:\\piped.txt',String(n)))`;
    const cli = 'N:\\node.exe N:\\dist\\main\\cli.js inspect "P:\\My packs\\tiny" --tensors --json';
    const script = [
      '@echo off',
      `${cli} | N:\\node.exe -e "${count}"`,
      `${cli} > O:\\list.txt 2> O:\\list.err`,
      'exit /b %ERRORLEVEL%',
    ];
    await writeFile(windows.at('app', 'pipe.cmd'), script.join('\r\n'));
    expect((await windows.run('cmd', '/c', 'N:\\pipe.cmd')).code).toBe(0);
    const list = await readFile(windows.at('out', 'list.txt'), 'utf8');
    // More than a pipe holds.
    expect(list.length).toBeGreaterThan(100_000);
    expect(() => JSON.parse(list) as unknown).not.toThrow();
    expect(await readFile(windows.at('out', 'piped.txt'), 'utf8')).toBe(String(Buffer.byteLength(list)));
    expect(await readFile(windows.at('out', 'list.err'), 'utf8')).toBe('');
  });

  it('Ctrl-Break ends a command in order, with the exit code of a cancelled one', async () => {
    // Wine sends no console events without a console, so the signal arises in the process.
    const preload = `import { existsSync } from 'node:fs';
setInterval(() => existsSync('O:\\\\previews\\\\step-002.png') && process.emit('SIGBREAK'), 20).unref();`;
    await writeFile(windows.at('app', 'break.mjs'), preload);
    const { code, stderr } = await windows.node(
      '--import', 'file:///N:/break.mjs', 'N:\\dist\\main\\cli.js', 'generate', '--pack', PACK, '--cache', 'Q:\\cache',
      '--out', 'O:\\broken.png', '--previews', 'O:\\previews', '--prompt', 'a portrait', '--steps', '50',
    ); // prettier-ignore
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(existsSync(windows.at('out', 'broken.png'))).toBe(false);
    await expect.poll(() => windows.processes('engine.js'), { timeout: 10_000 }).toEqual([]);
  });

  it('says of each provider why it does not work, without paths of the runtime’s source', async () => {
    const { code, stdout, stderr } = await windows.cli('providers');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^cpu +yes/m);
    expect(stdout).toMatch(/^dml +no .*does not have what DirectML needs \(Direct3D 887A0004\)\.$/m);
    expect(stdout).not.toMatch(/\.cc\b|\.cpp\b|_work/);
  });
});
