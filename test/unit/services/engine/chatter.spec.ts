import { describe, expect, it } from 'vitest';
import { WithoutChatter } from '../../../../src-main/services/engine/chatter.js';

function passed(...parts: readonly string[]): string {
  let text = '';
  const output = new WithoutChatter((part) => void (text += part));
  for (const part of parts) output.add(part);
  output.end();
  return text;
}

describe('WithoutChatter', () => {
  it('leaves out the runtime’s own lines, in whatever parts they come', () => {
    expect(passed('Failed to create ', 'DXGI factory.\r\nreal', ' problem\n')).toBe('real problem\n');
    expect(passed('a\nFailed to create DXGI factory.\nb')).toBe('a\nb');
    expect(passed('Failed to create DXGI factory.')).toBe('');
  });

  it('keeps everything else', () => {
    expect(passed('x Failed to create DXGI factory.\n', '\n', 'end')).toBe('x Failed to create DXGI factory.\n\nend');
  });
});
