/** The runtime's C API through koffi with Windows' own libraries: the same figures as through onnxruntime-node. */
import { cp } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DRIVES, Windows } from './support/windows.js';

const LIBRARY = `${DRIVES.app}\\node_modules\\onnxruntime-node\\bin\\napi-v6\\win32\\x64\\onnxruntime.dll`;

interface Report {
  readonly passed: number;
  readonly failed: number;
}

let windows: Windows;
beforeAll(async () => {
  windows = await Windows.open();
  await cp('test/fixtures/reference-tiny', windows.at('app', 'reference'), { recursive: true });
});
afterAll(() => windows.close());

async function withLibrary<T>(file: string, work: () => Promise<T>): Promise<T> {
  process.env['LIKENESS_LAB_CPU_RUNTIME'] = file;
  try {
    return await work();
  } finally {
    delete process.env['LIKENESS_LAB_CPU_RUNTIME'];
  }
}

describe('the C API on Windows', () => {
  it('computes every reference tensor to the same figures as onnxruntime-node', async () => {
    const verify = async () => {
      const { code, stdout, stderr } = await windows.cli('verify', `${DRIVES.app}\\reference`, '--json');
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Report;
    };
    const expected = await verify();
    const found = await withLibrary(LIBRARY, verify);
    expect(expected.passed).toBeGreaterThan(60);
    expect(found).toEqual(expected);
  });

  it('leaves nothing of 100 sessions in memory', async () => {
    const { code, stdout, stderr } = await windows.node(
      '--expose-gc',
      `${DRIVES.app}\\dist\\main\\binding-memory.js`,
      LIBRARY,
      ...['3', '50'],
    );
    expect(code, stderr).toBe(0);
    const [first = 0, ...resident] = JSON.parse(stdout) as number[];
    expect(((resident.at(-1) ?? 0) - first) / 100, resident.join(' ')).toBeLessThan(16 * 2 ** 10);
  });

  it('says which library cannot be used', async () => {
    const { code, stderr } = await withLibrary(`${DRIVES.app}\\node.exe`, () =>
      windows.cli('verify', `${DRIVES.app}\\reference`),
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain(`The runtime ${DRIVES.app}\\node.exe cannot be loaded`);
    expect(stderr).toContain('[engine.provider-unavailable]');
  });
});
