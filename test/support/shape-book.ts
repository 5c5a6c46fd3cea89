/**
 * Asks the graph builders which tensors a network has, so that made-up checkpoints fit whatever the graphs need.
 */
import { GraphBuilder } from '../../src-main/engine/graph/graph-builder.js';
import { Network } from '../../src-main/engine/graph/network.js';
import { WeightBook, type StoredTensor } from '../../src-main/engine/graph/stored-tensor.js';
import { CPU_PROFILE } from '../../src-main/engine/graph/compute-profile.js';

/** Dimensions by tensor name. */
export type Shapes = Map<string, readonly number[]>;

/** Collects the shapes that a graph asks for instead of handing out weights. */
class ShapeBook extends WeightBook {
  readonly #shapes: Shapes;

  constructor(shapes: Shapes) {
    super('made up', new Map());
    this.#shapes = shapes;
  }

  override take(name: string, shape: readonly (number | null)[]): StoredTensor {
    const dims = shape.map((dim) => dim ?? 1);
    this.#shapes.set(name, dims);
    const length = dims.reduce((product, dim) => product * dim, 4);
    const value = { type: 'f32' as const, shape: dims, file: '/', offset: 0, length };
    return { name, shape: dims, storage: { kind: 'plain', value } };
  }
}

/** The tensors that the given graphs ask for. */
export function shapesOf(...builds: readonly ((g: GraphBuilder, net: Network) => void)[]): Shapes {
  const shapes: Shapes = new Map();
  for (const build of builds) {
    const g = new GraphBuilder('shapes');
    build(g, new Network(g, CPU_PROFILE, new ShapeBook(shapes), 'shapes', (file) => file));
  }
  return shapes;
}
