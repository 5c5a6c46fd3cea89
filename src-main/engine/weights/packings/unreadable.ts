/** Packings that are recognised only to say what they are and what to use instead. */
import { AppError } from '../../../base/app-error.js';
import { elementCount, type TensorDtype, type TensorEntry, type TensorSource } from '../tensor-source.js';
import { quoted } from '../weights-error.js';
import type { Claimed } from './packed-parts.js';

interface Sign {
  /** Ends the name of a tensor that only this packing has. */
  readonly suffix: string;
  /** What else a layer has. */
  readonly beside?: { readonly suffix: string; readonly dtypes?: readonly TensorDtype[] };
  /** Completes "… in". */
  readonly packing: string;
}

const WEIGHT = '.weight';
const OTHERS = 'Use a bf16 or fp8 checkpoint, a GGUF file, or one that ComfyUI, bitsandbytes or nunchaku made.';

/** The first that a tensor fits counts. */
const SIGNS: readonly Sign[] = [
  { suffix: '.absmax', packing: 'bitsandbytes’ form without the quant_state that says how to read it' },
  { suffix: '._weight_qdata', packing: 'torchao’s form' },
  {
    suffix: '.weight_scale_2',
    packing: 'NVFP4 without ComfyUI’s metadata, as ModelOpt writes it, in an order of its own',
  },
  {
    suffix: '.weight_scale',
    beside: { suffix: WEIGHT, dtypes: ['I8'] },
    packing: 'int8 without ComfyUI’s metadata, which says whether it is rotated',
  },
  { suffix: '.weight_scale', packing: 'a block-scaled form without ComfyUI’s metadata' },
  { suffix: '.weight_scale_inv', packing: 'fp8 with scales of square blocks' },
  { suffix: '.weight_packed', packing: 'the form of compressed-tensors' },
  { suffix: '.weight_code', packing: 'an NF4 of a ComfyUI extension' },
  { suffix: '.qzeros', beside: { suffix: '.qweight' }, packing: 'GPTQ’s or AutoAWQ’s form' },
  { suffix: '.qweight', packing: 'a 4-bit form without the scales of nunchaku' },
  { suffix: '.biases', beside: { suffix: WEIGHT, dtypes: ['U32'] }, packing: 'MLX’s form' },
  { suffix: '.svd_up', beside: { suffix: WEIGHT, dtypes: ['I8', 'U8'] }, packing: 'SDNQ’s form' },
  { suffix: '.zero_point', beside: { suffix: WEIGHT, dtypes: ['I8', 'U8'] }, packing: 'SDNQ’s form' },
];

/** Types that no weight has by itself. */
const CODES: readonly TensorDtype[] = ['I8', 'U8', 'I16', 'U16', 'I32', 'U32', 'F4', 'F8_E8M0'];

/**
 * @throws AppError weights.unsupported-dtype for a tensor of a known packing that is not read, and for matrices of
 *   integers that are none
 */
export function refuseUnreadable(source: TensorSource, claimed: Claimed): void {
  const others = [...source.entries.values()].filter(({ name }) => !claimed.has(name));
  for (const sign of SIGNS) {
    const entry = others.find((other) => fits(source, other, sign));
    if (entry !== undefined) throw refusal(entry, sign.packing);
  }
  const codes = others.find(
    ({ name, dtype, shape }) =>
      name.endsWith(WEIGHT) && shape.length >= 2 && elementCount(shape) > 1 && CODES.includes(dtype),
  );
  if (codes !== undefined) throw refusal(codes, `${codes.dtype} without anything that says what it stands for`);
}

function fits(source: TensorSource, { name }: TensorEntry, { suffix, beside }: Sign): boolean {
  if (!name.endsWith(suffix)) return false;
  if (beside === undefined) return true;
  const other = source.entries.get(name.slice(0, -suffix.length) + beside.suffix);
  return other !== undefined && (beside.dtypes?.includes(other.dtype) ?? true);
}

function refusal({ file, name }: TensorEntry, packing: string): AppError {
  return new AppError(
    'weights.unsupported-dtype',
    `The weights file ${file} has ${quoted(name)} in ${packing}. It is not read.`,
    { remedy: OTHERS, details: { file, tensor: name } },
  );
}
