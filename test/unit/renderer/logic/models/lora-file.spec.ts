import { describe, expect, it } from 'vitest';
import {
  headBytes,
  isLoraFile,
  looksLikeLora,
  loraAmong,
  piecesAfter,
} from '../../../../../src-renderer/logic/models/lora-file';

function safetensors(headerLength: number, bytes: number): Blob {
  const data = new Uint8Array(bytes);
  new DataView(data.buffer).setBigUint64(0, BigInt(headerLength), true);
  return new Blob([data]);
}

describe('a LoRA file', () => {
  it('is known by its name', () => {
    expect(isLoraFile({ name: 'Style.SafeTensors' })).toBe(true);
    expect(isLoraFile({ name: 'style.safetensors.png' })).toBe(false);
    const files = [new File([], 'a.png'), new File([], 'b.safetensors'), new File([], 'c.safetensors')];
    expect(loraAmong(files).map(({ name }) => name)).toEqual(['b.safetensors']);
    expect(loraAmong([])).toEqual([]);
  });

  it('is told from a model by its header', async () => {
    const file = (keys: string[], name = 'a.safetensors') => {
      const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(keys.map((key) => [key, {}]))));
      const length = new Uint8Array(new BigUint64Array([BigInt(header.byteLength)]).buffer);
      return new File([length, header, new Uint8Array(100)], name);
    };
    expect(await looksLikeLora(file(['transformer.x_embedder.lora_A.weight']))).toBe(true);
    expect(await looksLikeLora(file(['lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight']))).toBe(true);
    expect(await looksLikeLora(file(['lycoris_x.lokr_w1']))).toBe(true);
    expect(await looksLikeLora(file(['double_blocks.0.img_attn.qkv.weight', 'explorer.weight']))).toBe(false);
    expect(await looksLikeLora(file(['a.lora_A.weight'], 'a.gguf'))).toBe(false);
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
