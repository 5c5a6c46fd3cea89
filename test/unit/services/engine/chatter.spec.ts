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

  it('leaves out what Dawn prints with a place in its source', () => {
    // Verbatim, webgpu without DirectX.
    const dawn =
      'Error: Failed to create a DXGI factory\r\n    at CreateFactory (N:\\_work\\1\\dawn-src\\src\\dawn\\native\\d3d\\BackendD3D.cpp:57)\r\n\r\n';
    expect(passed(dawn)).toBe('');
    expect(passed(`a\n${dawn}b\n`)).toBe('a\nb\n');
    expect(passed(...dawn.split(/(?=[ :])/), 'end')).toBe('end');
  });

  it('keeps errors of others, also with places', () => {
    expect(passed('Error: real\n', 'next\n')).toBe('Error: real\nnext\n');
    expect(passed('Error: real\n', '    at run (/app/engine.js:1:2)\n')).toBe(
      'Error: real\n    at run (/app/engine.js:1:2)\n',
    );
    expect(passed('Error: last')).toBe('Error: last');
    expect(passed('Error: one\nError: two\n')).toBe('Error: one\nError: two');
  });

  it('keeps everything else', () => {
    expect(passed('x Failed to create DXGI factory.\n', '\n', 'end')).toBe('x Failed to create DXGI factory.\n\nend');
  });
});
