/** `inspect` of single files: what is in them, and every tensor for comparison with other tools. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MODEL_FILES } from '../support/parts-pack.js';
import { runCli } from '../support/run-cli.js';

const inspect = (name: string, ...options: string[]) => runCli('inspect', join(MODEL_FILES, name), ...options);

describe('inspect of a file', () => {
  it('lists its tensors as JSON', async () => {
    const { code, stdout } = await inspect('flux-mixed.gguf', '--tensors', '--json');
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as { tensors: { name: string }[] };
    const expected = JSON.parse(readFileSync(join(MODEL_FILES, 'flux-mixed.gguf.json'), 'utf8')) as typeof found;
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect(found.tensors.sort(byName)).toEqual(expected.tensors.sort(byName));
  });

  it('says what is in it', async () => {
    const { code, stdout } = await inspect('t5-fp8-scaled.safetensors');
    expect(code).toBe(0);
    expect(stdout).toMatch(/t5 +21 .*F8_E4M3 scaled/);
  });

  it('says what it is instead of a network of ours', async () => {
    const lora = await runCli('inspect', 'test/fixtures/lora/kohya.safetensors', '--tensors', '--json');
    expect(lora.code).toBe(1);
    expect(lora.stderr).toContain('contains a LoRA');
    const page = await runCli('inspect', 'README.md');
    expect(page.code).toBe(1);
  });
});
