/**
 * What docs/architecture.md says of adding a weight format, tried: a made-up one needs its own file in `quant/formats`,
 * its line there, and its entry in the vocabulary; everything else follows or does not compile.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const VOCABULARY = resolve(ROOT, 'src-main/base/vocabulary.ts');
const STORAGE = resolve(ROOT, 'src-main/engine/quant/formats/storage.ts');
const FORMAT = resolve(ROOT, 'src-main/engine/quant/formats/int6.ts');

/** Between INT8 and INT4 in size and error. */
const ENTRY = `
  int6: {
    name: 'INT6',
    bits: 6,
    bitsPerWeight: 6.5,
    lossy: true,
    normalError: 0.03,
    operators: { cpu: 'nbits', 'webgpu-f16': 'nbits', 'webgpu-f32': 'nbits', cuda: 'nbits', dml: 'nbits' },
  },
`;
/** Its codes are INT8's: what they are plays no part here. */
const FILE = `
import { int8 } from './int8.js';
import type { PackedFormat } from './storage-format.js';

export const int6: PackedFormat = { ...int8, gpuOverhead: 1.01 };
`;

/** The text after the one place of the pattern. */
function insert(text: string, after: string, added: string): string {
  const at = text.indexOf(after);
  expect(at, after).toBeGreaterThan(-1);
  return text.slice(0, at + after.length) + added + text.slice(at + after.length);
}

async function withEntry(): Promise<Map<string, string>> {
  const vocabulary = await readFile(VOCABULARY, 'utf8');
  return new Map([[VOCABULARY, insert(vocabulary, 'const FORMATS = {', ENTRY)]]);
}

async function withFormat(): Promise<Map<string, string>> {
  const storage = await readFile(STORAGE, 'utf8');
  const listed = insert(storage, 'const MADE_FORMATS = {', ' int6, ');
  return new Map([...(await withEntry()), [STORAGE, `import { int6 } from './int6.js';\n${listed}`], [FORMAT, FILE]]);
}

/**
 * Files of the main side that do not compile, by path, with these texts in place of what is on the disk.
 * @param only looks at this one alone
 */
function errors(texts: ReadonlyMap<string, string>, only?: string): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(ROOT, 'test/config/tsconfig.main.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  );
  if (config === undefined) throw new Error('no configuration');
  const host = ts.createCompilerHost(config.options);
  const { readFile: read, fileExists } = host;
  host.readFile = (file) => texts.get(resolve(file)) ?? read(file);
  host.fileExists = (file) => texts.has(resolve(file)) || fileExists(file);
  const { getSourceFile } = host;
  host.getSourceFile = (file, options, ...rest) => {
    const text = texts.get(resolve(file));
    return text === undefined ? getSourceFile(file, options, ...rest) : ts.createSourceFile(file, text, options);
  };
  const files = config.fileNames.filter((file) => file.includes('/src-main/'));
  const program = ts.createProgram(files, config.options, host);
  const found = ts.getPreEmitDiagnostics(program, only === undefined ? undefined : program.getSourceFile(only));
  return [...new Set(found.map(({ file }) => file?.fileName.slice(ROOT.length) ?? ''))];
}

/** The module of a text that imports from the sources, with these texts in their place. */
async function load(texts: ReadonlyMap<string, string>, entry: string, folder: string): Promise<unknown> {
  const overlay: Plugin = {
    name: 'overlay',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /int6\.js$/ }, () => ({ path: FORMAT }));
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = texts.get(path);
        return contents === undefined ? null : { contents, loader: 'ts' };
      });
    },
  };
  const outfile = join(folder, 'bundle.mjs');
  await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile,
    plugins: [overlay],
  });
  return import(pathToFileURL(outfile).href);
}

describe('a made-up weight format', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'likeness-lab-format-'));
    // Bundles find their packages from here.
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('does not compile with its entry alone: the list of stored formats lacks it', async () => {
    expect(errors(await withEntry(), STORAGE)).toEqual(['src-main/engine/quant/formats/storage.ts']);
  });

  it('compiles with its file and its line', async () => {
    expect(errors(await withFormat())).toEqual([]);
  });

  it('is in every list that follows, and in its place on the ladder', async () => {
    const entry = `
      export { FORMATS_BY_ERROR, INFUSENET_VARIANTS, LOSSY_FORMATS, nextSmallerFormat } from './src-main/base/vocabulary.ts';
      export { storedBytes } from './src-main/engine/quant/formats/storage.ts';
      export { CPU_PROFILE } from './src-main/engine/graph/compute-profile.ts';
    `;
    const module = (await load(await withFormat(), entry, folder)) as {
      readonly FORMATS_BY_ERROR: readonly string[];
      readonly INFUSENET_VARIANTS: readonly { readonly infusenet: string }[];
      readonly LOSSY_FORMATS: readonly string[];
      readonly CPU_PROFILE: { readonly operators: Readonly<Record<string, string>> };
      nextSmallerFormat(format: string): string | null;
      storedBytes(format: string, n: number, k: number, scaleDtype: 'f32' | 'f16'): number;
    };
    expect(module.LOSSY_FORMATS).toContain('int6');
    const { FORMATS_BY_ERROR: byError } = module;
    expect(byError.slice(byError.indexOf('fp8'), byError.indexOf('int6') + 1)).toEqual(['fp8', 'int6']);
    expect(module.INFUSENET_VARIANTS.map(({ infusenet }) => infusenet)).toContain('int6');
    expect([module.nextSmallerFormat('q6_k'), module.nextSmallerFormat('int6')]).toEqual(['int4', 'int4']);
    expect(module.CPU_PROFILE.operators['int6']).toBe('nbits');
    expect(module.storedBytes('int6', 64, 64, 'f16')).toBe(64 * 64 + 2 * 64);
  });
});
