/** A weight is expanded right before its product, wherever its layer was made: else all expansions are in memory at once. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GraphBuilder } from '../../../src-main/engine/graph/graph-builder.js';
import { openSession } from '../../../src-main/engine/runtime/session.js';

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly args: { readonly op_name?: string };
}

const LAYERS = 6;
const SIZE = 8;

/** Products with f16 weights that are cast to f32, each weight made right before its product. */
function layers(): Uint8Array {
  const g = new GraphBuilder('expansions');
  let x = g.input('x', 'f32', [SIZE, SIZE]);
  for (let layer = 0; layer < LAYERS; layer++) {
    x = g.node('Relu', [x]);
    const packed = g.constant('f16', [SIZE, SIZE], new Uint8Array(2 * SIZE * SIZE).fill(layer + 1));
    const weight = g.node('Mul', [g.node('Cast', [packed], { to: 1 }), g.f32([2])]);
    x = g.node('Gemm', [x, weight], { transB: 1 });
  }
  g.output('y', x, 'f32', [SIZE, SIZE]);
  return g.finish();
}

it('runs the expansion of each weight right before its product', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'likeness-lab-order-'));
  try {
    const session = await openSession(layers(), '/', {
      provider: 'cpu',
      label: 'layers',
      asWritten: true,
      profilePrefix: join(folder, 'profile'),
    });
    await session.run({ x: { data: new Float32Array(SIZE * SIZE), dims: [SIZE, SIZE] } });
    session.endProfiling();
    await session.release();
    const [file = ''] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[];
    const order = events
      .filter(({ cat, name }) => cat === 'Node' && name.endsWith('kernel_time'))
      .sort((a, b) => a.ts - b.ts)
      .map(({ args }) => args.op_name);
    expect(order.slice(0, 4 * LAYERS)).toEqual(
      Array.from({ length: LAYERS }, () => ['Relu', 'Cast', 'Mul', 'Gemm']).flat(),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
