import { describe, expect, it } from 'vitest';
import type { FormatChoice } from '../../../../src-main/contract/formats.js';
import type { ComparisonDraft } from '../../../../src-main/contract/generation-settings.js';
import { cellsOf, planRuns } from '../../../../src-main/services/comparisons/plan-runs.js';

const f = (flux: FormatChoice['flux'], t5: FormatChoice['t5'], infusenet: FormatChoice['infusenet']): FormatChoice => ({
  flux,
  t5,
  infusenet,
});
const draft: ComparisonDraft = {
  packId: 'demo',
  provider: 'cpu',
  modelVariant: 'aes_stage2',
  identityId: null,
  faceIndex: 0,
  poseId: null,
  steps: 10,
  width: 256,
  height: 256,
  guidance: 3.5,
  conditioningScale: 1,
  start: 0,
  end: 1,
  loras: [],
  prompts: ['p', 'q'],
  seeds: [1, 2],
  variants: [f('int8', '16-bit', '16-bit'), f('nf4', '16-bit', 'nf4'), f('int8', 'int8', '16-bit')],
  repeats: 1,
};

let next = 0;
const newId = (): string => `id${(next += 1)}`;

describe('cells', () => {
  it('are every combination once, variants outermost', () => {
    const cells = cellsOf({ ...draft, repeats: 2 });
    expect(cells).toHaveLength(3 * 2 * 2 * 2);
    expect(cells.slice(0, 5).map((cell) => [cell.settings.prompt, cell.settings.seed, cell.repeat])).toEqual([
      ['p', 1, 1],
      ['p', 1, 2],
      ['p', 2, 1],
      ['p', 2, 2],
      ['q', 1, 1],
    ]);
  });

  it('leave out a variant named twice', () => {
    const variants = [f('int8', 'int8', 'nf4'), f('int8', 'int8', 'nf4')];
    expect(cellsOf({ ...draft, variants })).toHaveLength(4);
  });
});

describe('the plan', () => {
  it('makes cells that share FLUX together, then T5, then InfuseNet, then the prompt', () => {
    const runs = planRuns(cellsOf(draft), newId);
    const order = [...runs].sort((a, b) => a.runOrder - b.runOrder).map((run) => run.settings);
    expect(order.map((s) => `${s.formats.flux} ${s.formats.t5} ${s.prompt}${s.seed}`)).toEqual([
      'int8 16-bit p1',
      'int8 16-bit p2',
      'int8 16-bit q1',
      'int8 16-bit q2',
      'int8 int8 p1',
      'int8 int8 p2',
      'int8 int8 q1',
      'int8 int8 q2',
      'nf4 16-bit p1',
      'nf4 16-bit p2',
      'nf4 16-bit q1',
      'nf4 16-bit q2',
    ]);
    expect(runs.map((run) => run.cellIndex)).toEqual(runs.map((_, i) => i));
    expect(new Set(runs.map((run) => run.runOrder)).size).toBe(12);
  });
});
