/**
 * Sampled rows of what the linears of a component read in a run. The component's stage builds its graph with a tap,
 * runs, and hands the results over.
 *
 * Dimension letters: S tokens, R rows taken in a run of the graph, K input channels.
 */
import { defined } from '../../../base/assert.js';
import { InputTap } from '../../graph/input-tap.js';
import type { QuantizedComponent } from '../../protocol.js';
import { philox4x32 } from '../../sampling/philox.js';

/** Rows of a linear's inputs, f32. */
export interface LayerInputs {
  /** [rows, K], row-major. */
  readonly values: Float32Array;
  readonly rows: number;
}

/** Most rows of a layer in one run of the graph. */
const MOST_ROWS = 64;
/** Fewest, in which a layer's error is still known to about a tenth of itself over the steps. */
const FEWEST_ROWS = 8;
/** All samples of a component together, f32: FLUX.1's 57 blocks have 1.5 million input channels. */
const SAMPLE_BYTES = 2 ** 28;
/** Denoising steps that are looked at, evenly over those in which the component acts. */
const MOST_STEPS = 4;

export class InputSamples {
  readonly component: QuantizedComponent;
  readonly #wanted: ReadonlySet<string>;
  readonly #rows: number;
  readonly #parts = new Map<string, Float32Array[]>();
  #tap: InputTap | null = null;

  /**
   * @param layers linears that are looked at, with their input channels
   */
  constructor(component: QuantizedComponent, layers: readonly { readonly name: string; readonly k: number }[]) {
    this.component = component;
    this.#wanted = new Set(layers.map(({ name }) => name));
    const channels = layers.reduce((sum, { k }) => sum + k, 0);
    const fitting = Math.floor(SAMPLE_BYTES / (4 * Math.max(1, channels) * MOST_STEPS));
    this.#rows = Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, fitting));
  }

  /** For the component's graph. @param tokensOf number of tokens S that a linear reads */
  tap(tokensOf: (weight: string) => number): InputTap {
    this.#tap = new InputTap((weight) => (this.#wanted.has(weight) ? pickRows(tokensOf(weight), this.#rows) : null));
    return this.#tap;
  }

  /** Names of the outputs that a run of the graph must give. */
  get outputs(): string[] {
    return this.#tap === null ? [] : [...new Set(this.#tap.outputs.values())];
  }

  /** Keeps the rows of one run. @param results of the session; not changed */
  add(results: Readonly<Record<string, Float32Array>>): void {
    for (const output of this.outputs) {
      const values = defined(results[output], `the output ${output}`);
      this.#parts.set(output, [...(this.#parts.get(output) ?? []), values]);
    }
  }

  /** What a linear has read in all runs. @param k its input channels */
  of(weight: string, k: number): LayerInputs {
    const output = defined(this.#tap?.outputs.get(weight), `an input of ${weight}`);
    const parts = defined(this.#parts.get(output), `values of ${output}`);
    const values = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      values.set(part, offset);
      offset += part.length;
    }
    return { values, rows: values.length / k };
  }
}

/**
 * One row of each of `most` equal stretches, all when there are no more: a picture's tokens lie in a grid, which even
 * distances could fall in step with. The same for the same numbers.
 */
export function pickRows(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, row) => row);
  return Array.from({ length: most }, (_, index) => {
    const begin = Math.floor((index * count) / most);
    const end = Math.floor(((index + 1) * count) / most);
    const block = Uint32Array.of(index, 0, 0, 0);
    philox4x32(block, count, most);
    return begin + Math.floor(((block[0] as number) / 2 ** 32) * (end - begin));
  });
}

/**
 * Steps whose inputs are sampled, from 0.
 * @param scales of each step; those with 0 do nothing
 */
export function pickSteps(scales: readonly number[]): number[] {
  const acting = scales.flatMap((scale, step) => (scale === 0 ? [] : [step]));
  const count = Math.min(MOST_STEPS, acting.length);
  return Array.from({ length: count }, (_, index) =>
    defined(acting[count === 1 ? 0 : Math.round((index * (acting.length - 1)) / (count - 1))], 'a step'),
  );
}
