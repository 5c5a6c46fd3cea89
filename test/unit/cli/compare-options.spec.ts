import { describe, expect, it } from 'vitest';
import { parseSeeds } from '../../../src-main/cli/compare-command.js';
import { parseVariants } from '../../../src-main/cli/variant-options.js';
import { variantKey } from '../../../src-main/contract/formats.js';

describe('--seeds', () => {
  it('takes numbers and ranges, each seed once', () => {
    expect(parseSeeds('42')).toEqual([42]);
    expect(parseSeeds('1-3, 7,2')).toEqual([1, 2, 3, 7]);
    expect(parseSeeds('4294967295')).toEqual([4294967295]);
  });

  it.each(['', 'a', '3-1', '-1', '1.5', '4294967296', '0-4000000000'])('refuses %j', (text) => {
    expect(() => parseSeeds(text)).toThrow('--seeds has numbers and ranges such as 1-8,42');
  });
});

describe('--variants', () => {
  it('takes FLUX/T5/InfuseNet formats', () => {
    const variants = parseVariants('16-bit/16-bit/16-bit, int8/int8/nf4');
    expect(variants[1]).toEqual({ flux: 'int8', t5: 'int8', infusenet: 'nf4' });
    expect(variants.map(variantKey)).toEqual(['16-bit/16-bit/16-bit', 'int8/int8/nf4']);
  });

  it.each(['', 'int8', 'int8/int8/int2', 'int8/int8/int8/int8'])('refuses %j', (text) => {
    expect(() => parseVariants(text)).toThrow('is not FLUX/T5/InfuseNet formats');
  });
});
