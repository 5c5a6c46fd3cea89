import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLoraChoice } from '../../../src-main/cli/lora-option.js';

describe('parseLoraChoice', () => {
  it.each([
    ['style.safetensors', 'style.safetensors', 1],
    ['style.safetensors:0.8', 'style.safetensors', 0.8],
    ['style.safetensors:0,8', 'style.safetensors', 0.8],
    ['style.safetensors:-,5', 'style.safetensors', -0.5],
    ['style.safetensors:-1', 'style.safetensors', -1],
    ['a:b.safetensors', 'a:b.safetensors', 1],
    ['a:b.safetensors:0', 'a:b.safetensors', 0],
    ['C:\\loras\\style.safetensors', 'C:\\loras\\style.safetensors', 1],
  ])('reads %s', (text, path, weight) => {
    expect(parseLoraChoice(text)).toEqual({ path: resolve(path), weight });
  });

  it.each(['style.safetensors:11', 'style.safetensors:1e', 'style.safetensors:1,2,3', 'style.safetensors:-'])(
    'refuses %s',
    (text) => {
      expect(() => parseLoraChoice(text)).toThrow(/--lora is FILE/);
    },
  );
});
