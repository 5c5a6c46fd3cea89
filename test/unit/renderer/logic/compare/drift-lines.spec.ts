import { describe, expect, it } from 'vitest';
import { driftLines, driftScale } from '../../../../../src-renderer/logic/compare/drift-lines';

describe('driftScale', () => {
  it('ends at the next 1, 2 or 5', () => {
    expect(driftScale([0.013]).top).toBeCloseTo(0.02, 12);
    expect(driftScale([0.5]).top).toBeCloseTo(0.5, 12);
    expect(driftScale([0.051, 0.02]).top).toBeCloseTo(0.1, 12);
  });

  it('has room for lines that do not leave the ground', () => {
    expect(driftScale([0, 0])).toEqual({ top: 1, marks: [0, 1] });
    expect(driftScale([])).toEqual({ top: 1, marks: [0, 1] });
  });
});

describe('driftLines', () => {
  it('go from the first step on the left to the last on the right, upwards', () => {
    const [line] = driftLines([{ name: 'NF4', chosen: true, drift: [0, 0.05, 0.1] }], 0.1, 200, 100);
    expect(line).toEqual({ name: 'NF4', chosen: true, points: '0.0,100.0 100.0,50.0 200.0,0.0', last: 0.1, y: 0 });
  });

  it('put a single step on the left', () => {
    expect(driftLines([{ name: 'NF4', chosen: false, drift: [0.05] }], 0.1, 200, 100)[0]?.points).toBe('0.0,50.0');
  });
});
