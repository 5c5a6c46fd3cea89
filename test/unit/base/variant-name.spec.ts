import { describe, expect, it } from 'vitest';
import { formatName, variantDescription, variantName } from '../../../src-main/base/variant-name.js';

describe('variantName', () => {
  it.each([
    [{ flux: '16-bit', t5: '16-bit', infusenet: '16-bit' }, 'All 16-bit'],
    [{ flux: 'int8', t5: 'int8', infusenet: 'int8' }, 'All INT8'],
    [{ flux: 'int8', t5: 'int8', infusenet: 'nf4' }, 'INT8 + InfuseNet NF4'],
    [{ flux: '16-bit', t5: '16-bit', infusenet: 'auto-0.2' }, '16-bit + InfuseNet Auto 0.2 MiB'],
    [{ flux: 'int8', t5: 'fp8', infusenet: 'int8' }, 'INT8 + T5 FP8'],
    [{ flux: 'int4', t5: 'fp8', infusenet: 'fp8' }, 'FP8 + FLUX INT4'],
    [{ flux: 'int8', t5: 'fp8', infusenet: 'nf4' }, 'FLUX INT8, T5 FP8, InfuseNet NF4'],
  ] as const)('%o', (formats, name) => {
    expect(variantName(formats)).toBe(name);
  });

  it('says what it says in other words', () => {
    const words = {
      all: (format: string) => `Tout en ${format}`,
      asFile: 'Tel le fichier',
      mix: (mib: number) => `Auto ${mib} Mio`,
    };
    expect(variantName({ flux: 'nf4', t5: 'nf4', infusenet: 'nf4' }, words)).toBe('Tout en NF4');
    expect(variantDescription({ flux: 'auto-3500', t5: 'nf4', infusenet: 'nf4' }, words)).toBe(
      'FLUX Auto 3500 Mio, T5 NF4, InfuseNet NF4',
    );
  });
});

describe('formatName', () => {
  it('names a mix by its budget, and what decided it where that is not the weights', () => {
    expect(formatName('auto-3500')).toBe('Auto 3500 MiB');
    expect(formatName('auto-3500-1a2b3c4d')).toBe('Auto 3500 MiB by outputs');
  });
});
