/** Seeded random weights of the distributions that linear layers come near to. */

/** xorshift32, uniform in (0, 1). */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

function draws(count: number, seed: number, draw: (random: () => number) => number): Float32Array {
  const random = generator(seed);
  return Float32Array.from({ length: count }, () => draw(random));
}

export function gaussian(count: number, seed: number): Float32Array {
  return draws(count, seed, normal);
}

export function laplace(count: number, seed: number): Float32Array {
  return draws(count, seed, (random) => Math.log(random()) * (random() < 0.5 ? -1 : 1));
}

/** Student's t with 4 degrees of freedom. */
export function studentT4(count: number, seed: number): Float32Array {
  return draws(count, seed, (random) => {
    const chiSquared = Array.from({ length: 4 }, () => normal(random) ** 2).reduce((sum, value) => sum + value, 0);
    return normal(random) / Math.sqrt(chiSquared / 4);
  });
}

export function uniform(count: number, seed: number): Float32Array {
  return draws(count, seed, (random) => 2 * random() - 1);
}
