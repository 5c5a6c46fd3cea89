/**
 * Samples rows of the inputs of a component's linears in a run. The component's stage builds its graph with a tap, runs
 * it, and passes the results here. S tokens, R sampled rows per run of the graph, K input channels.
 */
import { defined } from '../../../base/assert.js';
import { InputTap } from '../../graph/input-tap.js';
import type { QuantizedComponent } from '../../protocol.js';
import { philox4x32 } from '../../sampling/philox.js';

/** Sampled inputs of a linear, f32. */
export interface LayerInputs {
  /** [rows, K], row-major. */
  readonly values: Float32Array;
  readonly rows: number;
}

/** Most rows of a layer per run of the graph. */
const MOST_ROWS = 64;
/** Fewest rows, with which a layer's error is still known to about a tenth over the steps. */
const FEWEST_ROWS = 8;
/** Limit of all samples of a component, f32: FLUX.1's 57 blocks have 1.5 million input channels. */
const SAMPLE_BYTES = 2 ** 28;
/** Sampled denoising steps, evenly spaced over those in which the component is active. */
const MOST_STEPS = 4;

export class InputSamples {
  readonly component: QuantizedComponent;
  readonly #wanted: ReadonlySet<string>;
  readonly #rows: number;
  readonly #parts = new Map<string, Float32Array[]>();
  #tap: InputTap | null = null;

  /** @param layers sampled linears, with their input channels */
  constructor(component: QuantizedComponent, layers: readonly { readonly name: string; readonly k: number }[]) {
    this.component = component;
    this.#wanted = new Set(layers.map(({ name }) => name));
    const channels = layers.reduce((sum, { k }) => sum + k, 0);
    const fitting = Math.floor(SAMPLE_BYTES / (4 * Math.max(1, channels) * MOST_STEPS));
    this.#rows = Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, fitting));
  }

  /** For the component's graph. @param tokensOf number of tokens S in a linear's input */
  tap(tokensOf: (weight: string) => number): InputTap {
    this.#tap = new InputTap((weight) => (this.#wanted.has(weight) ? pickRows(tokensOf(weight), this.#rows) : null));
    return this.#tap;
  }

  /** Names of the outputs to request from a run of the graph. */
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

  /** A linear's sampled inputs of all runs. @param k its input channels */
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
 * One row of each of `most` equal stretches, or all rows: a picture's tokens form a grid, with which even spacing could
 * be in phase. Deterministic.
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

/** Steps to sample, from 0. @param scales of each step; steps with 0 have no effect */
export function pickSteps(scales: readonly number[]): number[] {
  const acting = scales.flatMap((scale, step) => (scale === 0 ? [] : [step]));
  const count = Math.min(MOST_STEPS, acting.length);
  return Array.from({ length: count }, (_, index) =>
    defined(acting[count === 1 ? 0 : Math.round((index * (acting.length - 1)) / (count - 1))], 'a step'),
  );
}
