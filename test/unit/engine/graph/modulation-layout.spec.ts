import { describe, expect, it } from 'vitest';
import { modulationLayout } from '../../../../src-main/engine/graph/modulation-layout.js';

describe('modulationLayout', () => {
  it("has FLUX.1-dev's vectors: 19 double blocks with 12, 38 single with 3, 2 at the end", () => {
    expect(modulationLayout(19, 38, true).count).toBe(19 * 12 + 38 * 3 + 2);
  });

  it("has InfuseNet's vectors, without a final layer", () => {
    const layout = modulationLayout(4, 10, false);
    expect(layout.count).toBe(4 * 12 + 10 * 3);
    expect(layout.final).toBeNull();
  });

  it('gives every vector to exactly one use, the final scale before its shift', () => {
    const layout = modulationLayout(2, 3, true);
    const indices = [
      ...layout.double.flatMap(({ img, txt }) => [...Object.values(img), ...Object.values(txt)]),
      ...layout.single.flatMap((block) => Object.values(block)),
      ...Object.values(layout.final ?? {}),
    ] as number[];
    expect(indices.sort((a, b) => a - b)).toEqual(Array.from({ length: layout.count }, (_, i) => i));
    expect(layout.final?.scale).toBe((layout.final?.shift ?? 0) - 1);
  });
});
