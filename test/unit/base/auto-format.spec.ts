import { describe, expect, it } from 'vitest';
import { autoFormat, parseAutoFormat } from '../../../src-main/base/auto-format.js';
import { formatChoiceSchema } from '../../../src-main/contract/formats.js';

describe('the name of a mix', () => {
  it.each([
    [{ budgetMiB: 3500, measurement: null }, 'auto-3500'],
    [{ budgetMiB: 0.2, measurement: null }, 'auto-0.2'],
    [{ budgetMiB: 0.3, measurement: null }, 'auto-0.3'],
    [{ budgetMiB: 12.3459, measurement: '1a2b3c4d' }, 'auto-12.345-1a2b3c4d'],
    [{ budgetMiB: 0.0001, measurement: null }, 'auto-0.001'],
  ])('says the budget and the measurement of %o', (choice, name) => {
    expect(autoFormat(choice)).toBe(name);
    expect(parseAutoFormat(name)?.measurement).toBe(choice.measurement);
    expect(autoFormat(parseAutoFormat(name) ?? choice)).toBe(name);
  });

  it.each([
    'auto-',
    'auto-0',
    'auto-01',
    'auto-1.0',
    'auto-1.50',
    'auto-1.2345',
    'auto-1e3',
    'auto-3-xyz',
    'nf4',
    'auto--1',
  ])('is not %s: a mix has one name only', (text) => {
    expect(parseAutoFormat(text)).toBeNull();
  });

  it('is a choice of format in the contract, and nothing like it is', () => {
    const formats = { flux: 'auto-3500', t5: 'int8', infusenet: 'auto-0.2-00ff00ff' };
    expect(formatChoiceSchema.parse(formats)).toEqual(formats);
    expect(formatChoiceSchema.safeParse({ ...formats, flux: 'auto-3500 ' }).success).toBe(false);
    expect(formatChoiceSchema.safeParse({ ...formats, flux: 'auto-../../x' }).success).toBe(false);
  });
});
