/** The command line on Windows, with pack, cache, photos and output on drives of their own. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInAssets } from '../support/test-assets.js';
import { batchHere, DRIVES, Windows, type Batched } from './support/windows.js';

const DEMO = `${DRIVES.pack}\\My packs\\demo`;
const TINY = `${DRIVES.pack}\\My packs\\tiny`;
const PORTRAIT = ['--prompt', 'A man: "portrait" 100 % <café> & more', '--steps', '1', '--seed', '7'] as const;
const SIZE = ['--width', '64', '--height', '64'] as const;
const COMPARED = [
  '--variants',
  'int8/int8/int8,int4/int4/int4',
  '--seeds',
  '7',
  '--repeats',
  '0',
  '--steps',
  '1',
] as const;

interface Made {
  /** `faces`: the miniature with a face network. */
  readonly pack: 'tiny' | 'faces';
  readonly as: string;
  readonly cache: string;
  readonly out: string;
  /** Options whose files lie on a further drive, with spaces in their paths. */
  readonly further?: readonly (readonly [option: string, file: string, rest?: string])[];
}

/** By format, each on drives, shares and in spellings that people use. */
const MADE = {
  '16-bit': {
    pack: 'faces',
    as: '"p:/my PACKS/Faces"',
    cache: 'q:\\cache',
    out: 'o:\\in a folder\\of its own\\16-bit.png',
    further: [
      ['--identity', 'a face.png'],
      ['--control', 'a pose.png'],
    ],
  },
  fp8: {
    pack: 'tiny',
    as: 'J:\\tiny',
    cache: 'Q:\\a cache',
    out: 'P:\\My pictures\\fp8.png',
    further: [['--lora', 'a style.safetensors', ':0,5']],
  },
  nf4: { pack: 'tiny', as: 'P:\\My packs\\tiny\\"', cache: '\\\\server\\out\\cache', out: 'O:\\nf4.png' },
} as const satisfies Readonly<Record<string, Made>>;
const FORMATS = Object.keys(MADE) as (keyof typeof MADE)[];

const isThere = (entry: readonly [string, Batched | undefined]): entry is [string, Batched] => entry[1] !== undefined;

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
  await cp('test/fixtures/reference-tiny', windows.at('pack', 'My packs/tiny'), { recursive: true });
  await mkdir(windows.at('others', 'faces'), { recursive: true });
  const assets = await standInAssets(windows.at('others', 'faces'));
  await cp(join(assets, 'models/demo'), windows.at('pack', 'My packs/faces'), { recursive: true });
  await symlink(windows.at('pack', 'My packs/tiny'), windows.at('junctions', 'tiny'));
  await windows.addDrive('J:', windows.at('junctions'));
  await mkdir(windows.at('others', 'My files'), { recursive: true });
  await cp('assets/samples/hana.png', windows.at('others', 'My files/a face.png'));
  await cp('assets/samples/goro.png', windows.at('others', 'My files/a pose.png'));
  await cp('test/fixtures/lora/kohya.safetensors', windows.at('others', 'My files/a style.safetensors'));
  const embedding = JSON.stringify(Array.from({ length: 512 }, (_, i) => Math.sin(1 + i) / 16));
  await writeFile(windows.at('others', 'My files/an embedding.json'), embedding);
  await windows.addDrive('F:', windows.at('others'));
});
afterAll(async () => {
  await windows?.close();
  await rm(linux, { recursive: true, force: true });
});

/** The arguments that make a picture of `MADE`, here or on Windows. */
function making(format: keyof typeof MADE, on: 'linux' | 'windows'): string[] {
  const { pack, as, cache, out, further = [] }: Made = MADE[format];
  const formats = ['--flux', format, '--t5', format, '--infusenet', format];
  const same = ['generate', ...PORTRAIT, ...formats, ...SIZE];
  if (on === 'linux') {
    const files = further.flatMap(([option, file, rest = '']) => [
      option,
      `${windows.at('others', 'My files', file)}${rest.replace(',', '.')}`,
    ]);
    const places = [windows.at('pack', 'My packs', pack), join(linux, 'cache'), join(linux, `${format}.png`)];
    return [...same, '--pack', places[0] ?? '', '--cache', places[1] ?? '', '--out', places[2] ?? '', ...files];
  }
  const files = further.flatMap(([option, file, rest = '']) => [option, `"F:\\My files\\${file}"${rest}`]);
  return [...same, '--pack', as, '--cache', cache, '--out', out, ...files];
}

const OUT = ['--pack', TINY, ...PORTRAIT, '--out'] as const;
const REPORT = ['compare', '--pack', TINY, '--report'] as const;
const DEVICE = (name: string): RegExp => new RegExp(`"${name}" is the name of a device on Windows`);

/** What is said at once, without a picture. */
const SAID: Readonly<Record<string, readonly [args: readonly string[], says: RegExp]>> = {
  'a picture named as a device': [['generate', ...OUT, 'O:\\aux.png'], DEVICE('aux\\.png')],
  'a picture with a forbidden character': [['generate', ...OUT, 'O:\\a?.png'], /has the character \?, which Windows/],
  'a picture that ends with a dot': [['generate', ...OUT, 'O:\\dot.png.'], /ends with a dot or a space/],
  'a picture that is a folder': [['generate', ...OUT, 'O:\\sub'], /is a folder, but a file is to be written there/],
  'a picture on a missing drive': [['generate', ...OUT, `${DRIVES.missing}\\out.png`], /is not there \(ENOENT\)/],
  'previews named as a device': [['generate', ...OUT, 'O:\\p.png', '--previews', 'O:\\prn'], DEVICE('prn')],
  'a cache with a forbidden character': [['generate', ...OUT, 'O:\\c.png', '--cache', 'Q:\\a|b'], /the character \|/],
  'a report named as a device': [[...REPORT, 'O:\\CON'], DEVICE('CON')],
  'a report named as a device with an ending': [[...REPORT, 'O:\\aux.html'], DEVICE('aux\\.html')],
  'a report with a colon': [[...REPORT, 'O:\\a:b'], /"a:b" has the character :, which Windows forbids/],
  'a report that ends with a dot': [[...REPORT, 'O:\\report.'], /"report\." ends with a dot or a space/],
  'a report that ends with a space': [[...REPORT, 'O:\\report \\x'], /"report " ends with a dot or a space/],
  'a report on a missing drive': [[...REPORT, `${DRIVES.missing}\\report`], /is not there \(ENOENT\)/],
  'conversions into a device': [['convert', TINY, '--cache', 'Q:\\nul\\cache'], DEVICE('nul')],
  'packs in a device': [['packs', 'list', '--dir', 'O:\\com1'], DEVICE('com1')],
  'CUDA in a device': [['providers', 'setup-cuda', '--to', 'O:\\lpt1.x'], DEVICE('lpt1\\.x')],
  'a pack that is not there': [
    ['inspect', `${DRIVES.missing}\\pack`],
    /^The folder X:\\pack does not exist or cannot be opened\.$/m,
  ],
};

const convert = ['convert', TINY, '--flux', 'fp8', '--cache', `${DRIVES.cache}\\ahead of time`] as const;
const deep = [...'abcdefg'].map((letter) => letter.repeat(40)).join('\\');
const nf4 = ['generate', '--pack', TINY, ...PORTRAIT, '--flux', 'nf4', ...SIZE] as const;

/** Commands of one process, by name. */
const COMMANDS = {
  inspect: ['inspect', DEMO],
  'inspect a file': ['inspect', `${DEMO}\\face\\arcface.safetensors`, '--json'],
  list: ['packs', 'list', '--dir', `${DRIVES.pack}\\own packs`],
  convert,
  'convert again': [...convert, '--json'],
  'in the deep': [...nf4, '--cache', `${DRIVES.cache}\\${deep}`, '--out', `${DRIVES.out}\\${deep}\\out.png`],
  'without rights': [...nf4, '--cache', 'Q:\\no rights\\cache', '--out', 'O:\\never.png'],
  compare: [
    ...['compare', ...COMPARED, ...SIZE, '--title', 'CON: <a> "report"?', '--pack', '\\\\server\\packs\\tiny'],
    ...['--identity-embedding', '"F:\\My files\\an embedding.json"', '--cache', 'file:///Q:/compared'],
    ...['--report', '\\\\server\\out\\a report'],
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

describe('commands on Windows', () => {
  let ran: ReadonlyMap<string, Batched>;
  const of = (name: string): Batched => {
    const result = ran.get(name);
    if (result === undefined) throw new Error(`"${name}" did not run`);
    return result;
  };
  beforeAll(async () => {
    await mkdir(windows.at('out', 'sub'));
    await mkdir(windows.at('cache', 'no rights'), { mode: 0o555 });
    await mkdir(windows.at('out', 'a report'));
    await writeFile(windows.at('out', 'a report/report.csv'), 'earlier');
    const lists = [
      ...FORMATS.map((format) => [format, making(format, 'windows')] as const),
      ...Object.entries(COMMANDS),
      ...Object.entries(SAID).map(([what, [args]]) => [what, args] as const),
    ];
    const [results, onLinux] = await Promise.all([
      windows.batch(lists.map(([, args]) => args)),
      batchHere([
        ...FORMATS.map((format) => making(format, 'linux')),
        [
          ...['compare', ...COMPARED, ...SIZE, '--pack', windows.at('pack', 'My packs/tiny')],
          ...['--identity-embedding', windows.at('others', 'My files/an embedding.json')],
          ...['--cache', join(linux, 'cache'), '--report', join(linux, 'report')],
        ],
      ]),
    ]);
    expect(onLinux.map(({ code }) => code)).toEqual([...FORMATS, 'compare'].map(() => 0));
    ran = new Map(lists.map(([name], index) => [name, results[index]] as const).filter(isThere));
  });

  it.each(FORMATS.map((format) => [format, MADE[format].as, MADE[format].out] as const))(
    'make the picture in %s that Linux makes, byte for byte: with the pack as %s, to %s',
    async (format, _pack, out) => {
      const { code, stdout, stderr } = of(format);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('(64×64, cpu, f32)');
      expect(stdout.startsWith(out)).toBe(true);
      expect((await readFile(windows.onLinux(out))).equals(await readFile(join(linux, `${format}.png`)))).toBe(true);
    },
  );

  it('compare int8 and int4, with the pictures of Linux and a report that replaces an earlier one, on a share', async () => {
    const { code, stdout, stderr } = of('compare');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/int4/i);
    const names = ['contact-sheet.png', 'pictures', 'report.csv', 'report.html', 'report.md'];
    expect((await readdir(windows.at('out', 'a report'))).toSorted()).toEqual(names);
    expect(await readFile(windows.at('out', 'a report/report.csv'), 'utf8')).not.toBe('earlier');
    const pictures = await readdir(windows.at('out', 'a report/pictures'));
    expect(pictures).toHaveLength(2);
    for (const name of pictures) {
      const there = await readFile(windows.at('out', 'a report/pictures', name));
      expect(there.equals(await readFile(join(linux, 'report/pictures', name))), name).toBe(true);
    }
  });

  it('say that weights under a path that the runtime cannot take are too deep, with what to do', () => {
    expect(of('in the deep').code).toBe(1);
    expect(of('in the deep').stderr).toMatch(
      /The path of a weights file is too long for the runtime.*\n.*folder nearer to the root/,
    );
  });

  it('say of a cache without rights that it cannot be used', () => {
    expect(of('without rights').code).toBe(1);
    expect(of('without rights').stderr).toMatch(/use the folder of converted weights, .*the system refused.*\(EPERM\)/);
  });

  it('inspect a pack and a file', () => {
    expect(of('inspect')).toMatchObject({ code: 0, stdout: expect.stringContaining('Likeness Lab demo') as string });
    expect(of('inspect a file').code).toBe(0);
    expect(() => JSON.parse(of('inspect a file').stdout) as unknown).not.toThrow();
  });

  it('list the packs', () => {
    expect(of('list')).toMatchObject({ code: 0, stdout: expect.stringMatching(/flux/i) as string });
  });

  it('convert ahead, and twice convert nothing', () => {
    expect([of('convert').code, of('convert again').code]).toEqual([0, 0]);
    const rows = JSON.parse(of('convert again').stdout) as { readonly file: string }[];
    expect(rows.map(({ file }) => file)).toContainEqual(expect.stringMatching(/^Q:\\ahead of time\\flux\.fp8\./));
    for (const { file } of rows) {
      expect(statSync(windows.onLinux(file)).mtimeMs).toBeLessThan(of('convert again').atMs);
    }
  });

  it.each(Object.entries(SAID).map(([what, [, says]]) => [what, says] as const))(
    'say it before any work: %s',
    (what, says) => {
      const { code, stderr } = of(what);
      expect(stderr).toMatch(says);
      expect(stderr).toMatch(/\n\[(disk\.failed|pack\.not-found)\]/);
      expect(code).toBe(1);
    },
  );

  it('leave nothing behind of those', () => {
    const made = readdirSync(windows.at('out'));
    expect(
      made.filter((name) => /^(aux|con|com1|lpt1|prn|a:b|a\?|dot|report|never|p\.png|c\.png)/i.test(name)),
    ).toEqual([]);
  });
});

describe('a drive that is pulled out', () => {
  it('leaves the picture in the temporary folder, and a sentence', async () => {
    const drive = join(linux, 'a stick');
    await mkdir(drive);
    await windows.addDrive('V:', drive);
    const running = windows.cli(
      'generate', '--pack', TINY, '--cache', 'Q:\\cache', '--out', 'V:\\gone.png', '--previews', 'O:\\My previews',
      '--prompt', 'a portrait', '--steps', '20', ...SIZE,
    ); // prettier-ignore
    await expect.poll(() => existsSync(windows.at('out', 'My previews/step-001.png')), { timeout: 60_000 }).toBe(true);
    await windows.removeDrive('V:');
    const { code, stderr } = await running;
    expect(code).toBe(1);
    expect(stderr).toMatch(/Could not save the picture V:\\gone\.png: .* is not there \(ENOENT\)\./);
    const [, kept = ''] = /The result is kept as (.*)\.\r?$/m.exec(stderr) ?? [];
    expect((await readFile(windows.onLinux(kept))).subarray(1, 4).toString()).toBe('PNG');
    expect(await readdir(drive)).toEqual([]);
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

  it.each([
    [
      'Ctrl-Break',
      'SIGBREAK',
      'generate',
      ['--prompt', 'x', '--steps', '100', '--out', 'O:\\broken\\out.png', '--previews', 'O:\\broken\\shown'],
    ],
    [
      'Ctrl-C',
      'SIGINT',
      'compare',
      ['--report', 'O:\\stopped', '--variants', '16-bit/16-bit/16-bit', '--seeds', '1-40', '--steps', '4'],
    ],
  ] as const)(
    '%s (%s) ends %s in order, with the exit code of a cancelled command',
    async (_key, signal, command, args) => {
      const shown = command === 'generate' ? 'O:\\broken\\shown' : 'O:\\stopped\\pictures';
      // Wine sends no console events without a console, so the signal arises in the process.
      const preload = `import { existsSync, readdirSync, statSync } from 'node:fs';
const shown = ${JSON.stringify(shown)};
const begun = () => existsSync(shown) && readdirSync(shown).some((name) => name.endsWith('.png'));
setInterval(() => begun() && process.emit('${signal}'), 20).unref();`;
      await writeFile(windows.at('app', 'signal.mjs'), preload);
      const { code, stderr } = await windows.node(
      '--import', 'file:///N:/signal.mjs', 'N:\\dist\\main\\cli.js', command, '--pack', TINY, '--cache', 'Q:\\cache',
      ...args, ...SIZE,
    ); // prettier-ignore
      expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
      expect(existsSync(windows.at('out', 'broken/out.png'))).toBe(false);
      expect(existsSync(windows.at('out', 'stopped/report.md'))).toBe(false);
      await expect.poll(() => windows.processes('engine.js')).toEqual([]);
    },
  );

  it('says of each provider why it does not work, without paths of the runtime’s source', async () => {
    const { code, stdout, stderr } = await windows.cli('providers');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^cpu +yes/m);
    expect(stdout).toMatch(/^dml +no .*does not have what DirectML needs \(Direct3D 887A0004\)\.$/m);
    expect(stdout).not.toMatch(/\.cc\b|\.cpp\b|_work/);
  });
});
