/**
 * Recomputes `quant.safetensors` of a reference folder: codes, scales, dequantized values and products of every weight
 * format, the products with the provider's operators.
 */
import { E4M3FN_VALUES, f32ToBf16, f32ToE4m3fn, f32ToF16 } from '../../base/float-formats.js';
import { prepareComponent } from '../convert/prepare-component.js';
import { openNetwork } from '../pipeline/networks/network-session.js';
import type { PrepareContext } from '../pipeline/networks/prepared.js';
import { isWeightFormat } from '../protocol.js';
import { decodeNestedAbsmax } from '../quant/packings/bnb-4bit.js';
import { decodeFp8, encodeFp8 } from '../quant/formats/fp8.js';
import { decodeInt4, encodeInt4 } from '../quant/formats/int4.js';
import { decodeInt8, encodeInt8 } from '../quant/formats/int8.js';
import { decodeNf4, encodeNf4 } from '../quant/formats/nf4.js';
import type { TensorSource } from '../weights/tensor-source.js';
import { checkExact, checkNoWorse, checkRelative, relativeL2, type Check } from './checks.js';
import { limitsOf } from './verify-context.js';

/** Relative L2 of dequantized values: one f32 rounding each. */
const DEQUANT_LIMIT = 1e-6;
/** Largest finite value of float8 e4m3fn. */
const E4M3FN_MAX = 448;
/** Blocks of a nested absmax. @source bitsandbytes, `compress_statistics` */
const NESTED_BLOCK = 256;

export interface VerifyQuantContext {
  readonly source: TensorSource;
  readonly prepare: PrepareContext;
  readonly report: (check: Check) => void;
}

export async function verifyQuant(context: VerifyQuantContext): Promise<void> {
  const { source, report } = context;
  const read = (name: string) => source.readF32(name);
  const weight = await read('weight');
  const [n, k] = source.entries.get('weight')?.shape as [number, number];

  const nf4 = encodeNf4(weight, n, k);
  report(checkExact('nf4_packed', nf4.codes, await source.readBytes('nf4_packed')));
  report(checkExact('nf4_absmax', nf4.absmax, await read('nf4_absmax')));
  report(checkRelative('nf4_dequant', decodeNf4(nf4, n, k), await read('nf4_dequant'), DEQUANT_LIMIT));
  await verifyNested(context, n, k);

  const int8 = encodeInt8(weight, n, k);
  report(
    checkExact(
      'qint8_data',
      Int8Array.from(int8.codes, (code) => code),
      await read('qint8_data'),
    ),
  );
  report(checkRelative('qint8_scale', int8.scale, await read('qint8_scale'), DEQUANT_LIMIT));
  report(checkRelative('qint8_dequant', decodeInt8(int8, n, k), await read('qint8_dequant'), DEQUANT_LIMIT));

  const fp8 = encodeFp8(weight, n, k);
  report(checkExact('qfloat8_data', fp8.codes, await source.readBytes('qfloat8_data')));
  report(checkRelative('qfloat8_scale', fp8.scale, await read('qfloat8_scale'), DEQUANT_LIMIT));
  report(checkRelative('qfloat8_dequant', decodeFp8(fp8, n, k), await read('qfloat8_dequant'), DEQUANT_LIMIT));

  const ours = relativeL2(decodeInt4(encodeInt4(weight, n, k, 'f32'), n, k), weight);
  const quanto = relativeL2(await read('qint4_dequant'), weight);
  report(checkNoWorse("int4 error over quanto qint4's", ours, quanto));

  await verifyRounding(context);
  await verifyProducts(context, n, k);
}

async function verifyNested({ source, report }: VerifyQuantContext, n: number, k: number): Promise<void> {
  if (!source.entries.has('nf4_nested_packed')) return;
  const [offset] = await source.readF32('nf4_nested_offset');
  const absmax = decodeNestedAbsmax({
    codes: await source.readBytes('nf4_nested_absmax'),
    nestedAbsmax: await source.readF32('nf4_nested_state2_absmax'),
    codebook: await source.readF32('nf4_nested_state2_code'),
    offset: offset ?? NaN,
    blockSize: NESTED_BLOCK,
  });
  const decoded = decodeNf4({ codes: await source.readBytes('nf4_nested_packed'), absmax }, n, k);
  report(checkRelative('nf4_nested_dequant', decoded, await source.readF32('nf4_nested_dequant'), DEQUANT_LIMIT));
}

async function verifyRounding({ source, report }: VerifyQuantContext): Promise<void> {
  const signed = (bits: number) => (bits << 16) >> 16;
  const inputs = await source.readF32('bf16_in');
  report(
    checkExact(
      'bf16_bits',
      Int16Array.from(inputs, (value) => signed(f32ToBf16(value))),
      await source.readF32('bf16_bits'),
    ),
  );
  report(
    checkExact(
      'f16_bits',
      Int16Array.from(inputs, (value) => signed(f32ToF16(value))),
      await source.readF32('f16_bits'),
    ),
  );
  // In the reference tables NaN codes read as 0, and values are clamped to ±448 first.
  const decoded = E4M3FN_VALUES.map((value) => (Number.isNaN(value) ? 0 : value));
  report(checkExact('e4m3fn_decode', decoded, await source.readF32('e4m3fn_decode')));
  const clamped = (await source.readF32('e4m3fn_in')).map((value) =>
    Math.min(E4M3FN_MAX, Math.max(-E4M3FN_MAX, value)),
  );
  report(checkExact('e4m3fn_encode', Uint8Array.from(clamped, f32ToE4m3fn), await source.readBytes('e4m3fn_encode')));
}

/** x·Wᵀ of each format, with W packed in a session of the provider. */
async function verifyProducts(context: VerifyQuantContext, n: number, k: number): Promise<void> {
  const { source, prepare, report } = context;
  const x = await source.readF32('x');
  const rows = x.length / k;
  const int4 = decodeInt4(encodeInt4(await source.readF32('weight'), n, k, prepare.profile.dtype), n, k);
  const products = { nf4: 'nf4_y', int8: 'qint8_y', fp8: 'qfloat8_y', int4: 'int4 y (our own decode)' };
  for (const [format, name] of Object.entries(products)) {
    if (!isWeightFormat(format)) continue;
    const reference = source.entries.has(name) ? await source.readF32(name) : product(x, int4, rows, n, k);
    const weights = await prepareComponent({
      component: 'verify-quant',
      label: 'the quantization fixture',
      source,
      include: (tensor) => tensor === 'weight',
      quantizable: () => true,
      format,
      profile: prepare.profile,
      gpu: prepare.provider !== 'cpu',
      cacheDir: prepare.cacheDir,
      ...(prepare.signal === undefined ? {} : { signal: prepare.signal }),
    });
    const session = await openNetwork({
      label: `the ${format} product`,
      device: prepare,
      build: ({ g, network }) => {
        const net = network(weights, prepare.profile, 'quant');
        const input = net.cast(g.input('x', 'f32', [rows, k]), 'f32', net.dtype);
        g.output('y', net.cast(net.linear(input, { weight: 'weight', bias: null }, n, k), net.dtype, 'f32'), 'f32', [
          rows,
          n,
        ]);
      },
    });
    try {
      const { y } = await session.run({ x: { data: x, dims: [rows, k] } });
      report(checkRelative(name, y ?? [], reference, limitsOf(prepare).product, `on ${prepare.provider}`));
    } finally {
      await session.release();
    }
  }
}

function product(x: Float32Array, w: Float32Array, rows: number, n: number, k: number): Float32Array {
  const y = new Float32Array(rows * n);
  for (let m = 0; m < rows; m++) {
    for (let row = 0; row < n; row++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += (x[m * k + i] as number) * (w[row * k + i] as number);
      y[m * n + row] = sum;
    }
  }
  return y;
}
