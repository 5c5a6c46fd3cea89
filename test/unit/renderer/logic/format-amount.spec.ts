import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatBytesDelta,
  formatNumber,
  formatNumberDelta,
  formatSeconds,
  formatTimeLeft,
} from '../../../../src-renderer/logic/format-amount';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

describe('formatBytes', () => {
  it.each([
    [0, '0 KiB'],
    [96 * 1024, '96 KiB'],
    [1.5 * MIB, '1.5 MiB'],
    [812 * MIB, '812 MiB'],
    [1.35 * GIB, '1.35 GiB'],
    [22.44 * GIB, '22.4 GiB'],
    [128 * GIB, '128 GiB'],
    [null, '–'],
  ])('%s is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('signs differences with a real minus, and leaves nothing unsigned', () => {
    expect(formatBytesDelta(-1.35 * GIB)).toBe('−1.35 GiB');
    expect(formatBytesDelta(12 * MIB)).toBe('+12 MiB');
    expect(formatBytesDelta(0)).toBe('0 KiB');
    expect(formatBytesDelta(-100)).toBe('0 KiB');
  });
});

describe('formatSeconds', () => {
  it.each([
    [0.423, '0.42 s'],
    [12.34, '12.3 s'],
    [125, '2 min 05 s'],
    [3720, '1 h 02 min'],
    [3599.6, '1 h 00 min'],
    [null, '–'],
  ])('%s is %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});

describe('formatTimeLeft', () => {
  it.each([
    [2, 'a few seconds'],
    [38, 'about 40 s'],
    [200, 'about 3 min'],
    [3590, 'about 1 h'],
    [5400, 'about 1.5 h'],
  ])('%s is %s', (seconds, text) => {
    expect(formatTimeLeft(seconds)).toBe(text);
  });

  it('says nothing before anything was measured', () => {
    expect(formatTimeLeft(null)).toBeNull();
  });
});

describe('numbers', () => {
  it('keeps digits and uses a real minus', () => {
    expect(formatNumber(-0.0042, 3)).toBe('−0.004');
    expect(formatNumber(-0.0001, 3)).toBe('0.000');
    expect(formatNumberDelta(0.0061, 3)).toBe('+0.006');
    expect(formatNumberDelta(0, 3)).toBe('0.000');
    expect(formatNumber(null, 3)).toBe('–');
  });
});
