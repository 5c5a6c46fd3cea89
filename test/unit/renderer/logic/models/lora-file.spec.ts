import { describe, expect, it } from 'vitest';
import { headBytes, isLoraFile, loraAmong, piecesAfter } from '../../../../../src-renderer/logic/models/lora-file';

function safetensors(headerLength: number, bytes: number): Blob {
  const data = new Uint8Array(bytes);
  new DataView(data.buffer).setBigUint64(0, BigInt(headerLength), true);
  return new Blob([data]);
}

describe('a LoRA file', () => {
  it('is known by its name', () => {
    expect(isLoraFile({ name: 'Style.SafeTensors' })).toBe(true);
    expect(isLoraFile({ name: 'style.safetensors.png' })).toBe(false);
    expect(loraAmong(null)).toBeNull();
  });

  it('has a head of the length that it says, or some bytes where that cannot be', async () => {
    expect(await headBytes(safetensors(100, 500))).toBe(108);
    expect(await headBytes(safetensors(1000, 500))).toBe(500);
    expect(await headBytes(safetensors(2 ** 40, 9000))).toBe(4096);
    expect(await headBytes(new Blob(['abc']))).toBe(3);
  });

  it('is sent in pieces that meet', () => {
    const MIB = 2 ** 20;
    expect([...piecesAfter(100, 20 * MIB)]).toEqual([
      [100, 8 * MIB + 100],
      [8 * MIB + 100, 16 * MIB + 100],
      [16 * MIB + 100, 20 * MIB],
    ]);
    expect([...piecesAfter(100, 100)]).toEqual([]);
  });
});
