/** The weights of test/fixtures/gguf/quantizers.json, as test/fixtures/reference/make-quantizers.py makes them. */

/** Upper 16 bits of s = 1664525 · s + 1013904223. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state >>> 16;
  };
}

function golden(): Float32Array {
  const next = generator(1);
  return Float32Array.from({ length: 16384 }, (_, i) => {
    const block = i >> 8;
    const value = (next() + next() - 65535) / 65536;
    if (block === 62) return 0;
    return block === 63 ? 0.5 : value * 2 ** -(block % 8);
  });
}

function layer(seed: number, count: number, spread: number, isBf16: boolean): Float32Array {
  const next = generator(seed);
  const values = Float32Array.from({ length: count }, (_, i) => {
    const value = Math.fround(((next() + next() + next() - 98303) / 65536) * spread);
    return i % 10007 === 0 ? value * 16 : value;
  });
  if (isBf16) {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] as number) & 0xffff0000;
  }
  return values;
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The f32 below a positive one. */
function below(value: number): number {
  scratch[0] = value;
  scratchBits[0] = (scratchBits[0] as number) - 1;
  return scratch[0];
}

/** Half to even. */
function rint(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function awkward(): Float32Array {
  const values = golden().slice(0, 40 * 256);
  const change = (block: number, to: (value: number, i: number) => number): void => {
    for (let i = 0; i < 256; i++) values[block * 256 + i] = to(values[block * 256 + i] as number, i);
  };
  [1e-38, 1e-40, 1e-30, 1e-15, 1e-7, 1e-5, 200, 30].forEach((factor, block) => change(block, (x) => x * factor));
  change(8, Math.abs);
  change(9, (x) => -Math.abs(x));
  change(10, (x) => rint(x * 8) / 8);
  change(11, (x) => rint(x * 2) / 2);
  change(12, (x, i) => (i % 7 === 0 ? x : 0));
  change(13, () => -0);
  change(14, () => -0.25);
  change(15, (_, i) => (i === 100 ? 3 : 0));
  change(16, (x, i) => (i === 100 ? -3 : Math.fround(x * Math.fround(1e-6))));
  for (let i = 0; i < 20; i++) {
    const power = 2 ** (i - 12);
    let under = power;
    for (let step = 0; step < i % 5; step++) under = below(under);
    change(17 + i, (x, j) => (j % 32 === 3 ? under : Math.min(Math.max(x * power, -under), under)));
  }
  return values;
}

export const KNOWN_WEIGHTS = {
  golden,
  awkward,
  flux: () => layer(11, 3072 * 3072, 0.03, true),
  t5: () => layer(12, 512 * 4096, 0.4, true),
  infusenet: () => layer(13, 3072 * 768, 0.01, false),
} as const;
