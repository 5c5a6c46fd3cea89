/**
 * The normal deviates that PyTorch draws on a CUDA device, so that a seed gives the same picture as in the Python tool.
 * Contains the launch geometry, the offsets and the Box-Muller transform; Philox is in philox.ts.
 *
 * How `torch.randn` draws N values on CUDA:
 * - blocks of 256 threads; as many blocks as cover N with one value per thread, limited to those that fit on the device
 *   at once. With T threads in all, thread t draws the elements t, t + T, t + 2T, ...
 * - thread t has its own stream: key = seed, upper half of the counter = t, lower half = words already used / 4.
 *   One block of the stream gives four normals, for the thread's next four elements; small tensors use only the first.
 * - a call increases the generator's offset by four words for every block that a thread took.
 * - all arithmetic is float32; the result is rounded to the tensor's dtype at the end.
 *
 * Up to 256 * (resident blocks) values the stream does not depend on the device: 270,336 for an H100, which is 1.08
 * megapixels of FLUX latents. For more values a seed is portable only between devices with equally many resident threads;
 * this file follows the H100.
 *
 * @source pytorch/pytorch at 0140b62, aten/src/ATen/native/cuda/DistributionTemplates.h: `calc_execution_policy`,
 * `distribution_elementwise_grid_stride_kernel`, `normal_and_transform`. NVIDIA cuRAND device API:
 * `curand_init` and `curand_normal4` of `curandStatePhilox4_32_10_t`, `_curand_box_muller`.
 */
import { invariant } from '../../base/assert.js';
import { bf16ToF32, f32ToBf16 } from '../../base/float-formats.js';
import { philox4x32 } from './philox.js';

/** Element types of the drawn tensors; values are float32 in either case. */
export type NoiseDtype = 'f32' | 'bf16';

/** Launch limits of a CUDA device. */
export interface CudaGeometry {
  /** Streaming multiprocessors. */
  readonly multiprocessors: number;
  /** Most threads resident on one multiprocessor. */
  readonly threadsPerMultiprocessor: number;
}

export interface NoiseRequest {
  /** Argument of `torch.manual_seed`: an integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Dimensions of one draw, such as [1, 16, height / 8, width / 8]. */
  readonly shape: readonly number[];
  readonly dtype: NoiseDtype;
  /** Matters only for more values than the device's resident threads. Default: NVIDIA H100. */
  readonly geometry?: CudaGeometry;
}

/** Two standard-normal draws of the requested shape, row-major, in upstream's order. */
export interface Noise {
  /** First draw: noise of the control image's VAE posterior. */
  readonly controlPosterior: Float32Array;
  /** Second draw: the initial latents, before packing. */
  readonly latents: Float32Array;
}

/** NVIDIA H100 SXM (compute capability 9.0), the device of the reference. */
const H100: CudaGeometry = { multiprocessors: 132, threadsPerMultiprocessor: 2048 };

const THREADS_PER_BLOCK = 256;
/** Normals per Philox block, and words by which it advances the generator. */
const VALUES_PER_BLOCK = 4;

const fround = Math.fround;
/** cuRAND's float constants 2^-32 and 2^-32 * 2 pi, and their halves (exact). */
const UNIFORM_STEP = fround(2.3283064e-10);
const UNIFORM_HALF_STEP = UNIFORM_STEP / 2;
const ANGLE_STEP = fround(UNIFORM_STEP * fround(6.2831855));
const ANGLE_HALF_STEP = ANGLE_STEP / 2;
/** The device's factor from an angle to revolutions, the input of its sine unit. */
const REVOLUTIONS = fround(1 / (2 * Math.PI));
/** The sine unit's fixed-point revolutions: 2^25 per turn, 2^23 per quadrant. */
const PHASE_TURN = 2 ** 25;
const PHASE_QUADRANT = 2 ** 23;

/**
 * Draws both noise tensors of a generation like `torch.manual_seed(seed)` and two `torch.randn` calls on CUDA.
 *
 * f32 values agree with the device within 6e-7 and bf16 values exactly or, for one in 20,000, within one unit in the
 * last place (measured over test/fixtures/noise): the interpolation table of the device's sine is not public.
 *
 * @returns arrays owned by the caller
 */
export function drawNoise(request: NoiseRequest): Noise {
  const { seed, shape, dtype, geometry = H100 } = request;
  invariant(Number.isSafeInteger(seed) && seed >= 0, `the seed ${seed} is not an integer from 0 to 2^53 - 1`);
  invariant(
    shape.every((dim) => Number.isSafeInteger(dim) && dim > 0),
    `the noise shape [${shape.join(', ')}] has a dimension that is not a positive integer`,
  );
  const count = shape.reduce((product, dim) => product * dim, 1);
  const launch = planLaunch(count, geometry);
  return {
    controlPosterior: drawNormals(count, seed, 0, launch.threads, dtype),
    latents: drawNormals(count, seed, launch.blocksPerThread, launch.threads, dtype),
  };
}

/** Threads of the launch, and Philox blocks per thread. */
function planLaunch(count: number, geometry: CudaGeometry): { threads: number; blocksPerThread: number } {
  const blocksPerMultiprocessor = Math.floor(geometry.threadsPerMultiprocessor / THREADS_PER_BLOCK);
  const residentBlocks = geometry.multiprocessors * blocksPerMultiprocessor;
  const threads = THREADS_PER_BLOCK * Math.min(residentBlocks, Math.ceil(count / THREADS_PER_BLOCK));
  return { threads, blocksPerThread: Math.ceil(count / (threads * VALUES_PER_BLOCK)) };
}

/** One `torch.randn` of `count` values. @param firstBlock Philox blocks already taken from every thread's stream */
function drawNormals(
  count: number,
  seed: number,
  firstBlock: number,
  threads: number,
  dtype: NoiseDtype,
): Float32Array {
  const values = new Float32Array(count);
  const block = new Uint32Array(4);
  const pair = new Float32Array(2);
  const keyLow = seed >>> 0;
  const keyHigh = Math.floor(seed / 2 ** 32);
  for (let base = 0, blockIndex = firstBlock; base < count; base += threads * VALUES_PER_BLOCK, blockIndex++) {
    const active = Math.min(threads, count - base);
    for (let thread = 0; thread < active; thread++) {
      block[0] = blockIndex;
      block[1] = 0;
      block[2] = thread;
      block[3] = 0;
      philox4x32(block, keyLow, keyHigh);
      for (let half = 0; half < 2; half++) {
        const index = base + thread + 2 * half * threads;
        if (index >= count) break;
        boxMuller(block[2 * half] as number, block[2 * half + 1] as number, pair);
        values[index] = pair[0] as number;
        if (index + threads < count) values[index + threads] = pair[1] as number;
      }
    }
  }
  if (dtype === 'bf16') for (let i = 0; i < count; i++) values[i] = bf16ToF32(f32ToBf16(values[i] as number));
  return values;
}

/**
 * Two normals from two random words, in the device's float32 steps: scale and shift are one fused multiply-add (exact
 * here in float64, then rounded once), and the logarithm and the root are rounded each.
 * @param pair receives the sine and the cosine branch
 */
function boxMuller(x: number, y: number, pair: Float32Array): void {
  const uniform = fround(fround(x) * UNIFORM_STEP + UNIFORM_HALF_STEP);
  const angle = fround(fround(y) * ANGLE_STEP + ANGLE_HALF_STEP);
  const radius = fround(Math.sqrt(fround(-2 * fround(Math.log(uniform)))));
  const phase = devicePhase(angle);
  pair[0] = deviceSine(phase) * radius;
  pair[1] = deviceSine(phase + PHASE_QUADRANT) * radius;
}

/**
 * An angle from 0 to 2 pi as the sine unit's phase: the float32 product with 1 / (2 pi) rounded towards zero, then
 * truncated to 25 bits. Above half a turn the float32 product has only 24.
 */
function devicePhase(angle: number): number {
  const turns = angle * REVOLUTIONS;
  return turns >= 0.5 ? 2 * Math.floor((turns * PHASE_TURN) / 2) : Math.floor(turns * PHASE_TURN);
}

/**
 * The fast sine of a phase. Odd quadrants are mirrored by complementing the bits below the quadrant, one unit short of
 * the exact mirror. Inferred from the reference: with this arithmetic the differences have the same mean and spread in
 * all four quadrants; without it the sum over 262,144 draws is off by 4e-3 instead of 1e-4.
 */
function deviceSine(phase: number): number {
  const below = phase & (PHASE_QUADRANT - 1);
  const folded = phase & PHASE_QUADRANT ? PHASE_QUADRANT - 1 - below : below;
  const sine = fround(Math.sin((2 * Math.PI * folded) / PHASE_TURN));
  return phase & (2 * PHASE_QUADRANT) ? -sine : sine;
}
