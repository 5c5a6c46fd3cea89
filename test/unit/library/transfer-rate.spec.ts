import { describe, expect, it } from 'vitest';
import { TransferRate } from '../../../src-main/library/transfer-rate.js';

describe('TransferRate', () => {
  it('tells speed and time left from the last ten seconds', () => {
    let nowMs = 0;
    const rate = new TransferRate(() => nowMs);
    expect(rate.bytesPerSecond()).toBeNull();
    for (; nowMs <= 20_000; nowMs += 200) rate.add(nowMs < 10_000 ? 1 : 2000);
    nowMs -= 200;
    expect(rate.bytesPerSecond()).toBeCloseTo(10_000, -1);
    expect(rate.secondsLeft(50_000)).toBeCloseTo(5, 1);
    nowMs += 60_000;
    expect(rate.secondsLeft(50_000)).toBeNull();
  });
});
