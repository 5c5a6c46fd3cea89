/**
 * Files with the names, shapes and sizes of the real ones and no data: sparse, so that they take no space. Names as in
 * black-forest-labs/flux, ComfyUI's text encoders and transformers, written out here on their own.
 */
import { open } from 'node:fs/promises';
import { GGUF_VALUE, ggufBytes, ggufString, type GgufFile } from '../../unit/support/gguf-bytes.js';

export type NamedShape = readonly [name: string, shape: readonly number[]];

/** FLUX.1-dev in Black Forest Labs' layout: 780 tensors. @param guided schnell is not: 776 */
export function bflFlux({ guided = true, channels = 64 } = {}): NamedShape[] {
  const width = 3072;
  const linear = (name: string, rows: number, columns: number): NamedShape[] => [
    [`${name}.weight`, [rows, columns]],
    [`${name}.bias`, [rows]],
  ];
  const embedders = [['time_in', 256], ['vector_in', 768], ...(guided ? [['guidance_in', 256] as const] : [])] as const;
  return [
    ...linear('img_in', width, channels),
    ...linear('txt_in', width, 4096),
    ...embedders.flatMap(([name, columns]) => [
      ...linear(`${name}.in_layer`, width, columns),
      ...linear(`${name}.out_layer`, width, width),
    ]),
    ...Array.from({ length: 19 }, (_, i) =>
      ['img', 'txt'].flatMap((stream): NamedShape[] => {
        const block = `double_blocks.${i}.${stream}`;
        return [
          ...linear(`${block}_mod.lin`, 6 * width, width),
          ...linear(`${block}_attn.qkv`, 3 * width, width),
          [`${block}_attn.norm.query_norm.scale`, [128]],
          [`${block}_attn.norm.key_norm.scale`, [128]],
          ...linear(`${block}_attn.proj`, width, width),
          ...linear(`${block}_mlp.0`, 4 * width, width),
          ...linear(`${block}_mlp.2`, width, 4 * width),
        ];
      }),
    ).flat(),
    ...Array.from({ length: 38 }, (_, i): NamedShape[] => [
      ...linear(`single_blocks.${i}.modulation.lin`, 3 * width, width),
      ...linear(`single_blocks.${i}.linear1`, 7 * width, width),
      ...linear(`single_blocks.${i}.linear2`, width, 5 * width),
      [`single_blocks.${i}.norm.query_norm.scale`, [128]],
      [`single_blocks.${i}.norm.key_norm.scale`, [128]],
    ]).flat(),
    ...linear('final_layer.linear', 64, width),
    ...linear('final_layer.adaLN_modulation.1', 2 * width, width),
  ];
}

/** T5 v1.1 XXL's encoder: 219 tensors, and the table again as ComfyUI's files have it. */
export function t5Xxl(): NamedShape[] {
  const width = 4096;
  return [
    ['shared.weight', [32128, width]],
    ['encoder.embed_tokens.weight', [32128, width]],
    ['encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight', [32, 64]],
    ...Array.from({ length: 24 }, (_, i): NamedShape[] => [
      ...['q', 'k', 'v', 'o'].map((letter): NamedShape => [
        `encoder.block.${i}.layer.0.SelfAttention.${letter}.weight`,
        [width, width],
      ]),
      [`encoder.block.${i}.layer.0.layer_norm.weight`, [width]],
      [`encoder.block.${i}.layer.1.DenseReluDense.wi_0.weight`, [10240, width]],
      [`encoder.block.${i}.layer.1.DenseReluDense.wi_1.weight`, [10240, width]],
      [`encoder.block.${i}.layer.1.DenseReluDense.wo.weight`, [width, 10240]],
      [`encoder.block.${i}.layer.1.layer_norm.weight`, [width]],
    ]).flat(),
    ['encoder.final_layer_norm.weight', [width]],
  ];
}

/** CLIP-L's text half: 196 tensors. */
export function clipL(): NamedShape[] {
  const width = 768;
  const both = (name: string, shape: readonly number[]): NamedShape[] => [
    [`${name}.weight`, shape],
    [`${name}.bias`, [shape[0] as number]],
  ];
  return [
    ['text_model.embeddings.token_embedding.weight', [49408, width]],
    ['text_model.embeddings.position_embedding.weight', [77, width]],
    ...Array.from({ length: 12 }, (_, i): NamedShape[] => {
      const layer = `text_model.encoder.layers.${i}`;
      return [
        ...both(`${layer}.layer_norm1`, [width]),
        ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) =>
          both(`${layer}.self_attn.${name}`, [width, width]),
        ),
        ...both(`${layer}.layer_norm2`, [width]),
        ...both(`${layer}.mlp.fc1`, [4 * width, width]),
        ...both(`${layer}.mlp.fc2`, [width, 4 * width]),
      ];
    }).flat(),
    ...both('text_model.final_layer_norm', [width]),
  ];
}

/** FLUX's autoencoder in Black Forest Labs' layout: 244 tensors. */
export function fluxAe(): NamedShape[] {
  const widths = [128, 256, 512, 512];
  const conv = (name: string, out: number, into: number, side = 3): NamedShape[] => [
    [`${name}.weight`, [out, into, side, side]],
    [`${name}.bias`, [out]],
  ];
  const norm = (name: string, width: number): NamedShape[] => [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
  const resnet = (name: string, into: number, out: number): NamedShape[] => [
    ...norm(`${name}.norm1`, into),
    ...conv(`${name}.conv1`, out, into),
    ...norm(`${name}.norm2`, out),
    ...conv(`${name}.conv2`, out, out),
    ...(into === out ? [] : conv(`${name}.nin_shortcut`, out, into, 1)),
  ];
  const half = (name: string, first: number, last: number): NamedShape[] => [
    ...resnet(`${name}.mid.block_1`, 512, 512),
    ...norm(`${name}.mid.attn_1.norm`, 512),
    ...['q', 'k', 'v', 'proj_out'].flatMap((layer) => conv(`${name}.mid.attn_1.${layer}`, 512, 512, 1)),
    ...resnet(`${name}.mid.block_2`, 512, 512),
    ...norm(`${name}.norm_out`, first),
    ...conv(`${name}.conv_out`, last, first),
  ];
  return [
    ...conv('encoder.conv_in', 128, 3),
    ...widths.flatMap((out, level) => {
      const into = widths[Math.max(0, level - 1)] as number;
      return [
        ...resnet(`encoder.down.${level}.block.0`, into, out),
        ...resnet(`encoder.down.${level}.block.1`, out, out),
        ...(level < 3 ? conv(`encoder.down.${level}.downsample.conv`, out, out) : []),
      ];
    }),
    ...half('encoder', 512, 32),
    ...conv('decoder.conv_in', 512, 16),
    ...widths.flatMap((out, level) => {
      const into = widths[Math.min(3, level + 1)] as number;
      return [
        ...resnet(`decoder.up.${level}.block.0`, into, out),
        ...resnet(`decoder.up.${level}.block.1`, out, out),
        ...resnet(`decoder.up.${level}.block.2`, out, out),
        ...(level > 0 ? conv(`decoder.up.${level}.upsample.conv`, out, out) : []),
      ];
    }),
    ...half('decoder', 128, 3),
  ];
}

const BYTES = { BF16: 2, F16: 2, F32: 4, F8_E4M3: 1 } as const;
export type SparseDtype = keyof typeof BYTES;

/** @returns size of the file, bytes */
export async function writeSparse(
  path: string,
  tensors: readonly NamedShape[],
  dtypeOf: (name: string, shape: readonly number[]) => SparseDtype,
): Promise<number> {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of tensors) {
    const dtype = dtypeOf(name, shape);
    const end = offset + shape.reduce((product, dim) => product * dim, BYTES[dtype]);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(Buffer.concat([length, json]));
    const size = 8 + json.length + offset;
    await handle.truncate(size);
    return size;
  } finally {
    await handle.close();
  }
}

/** ggml's types: number in files, elements and bytes of a block. @source ggml-org/ggml: include/ggml.h, src/ggml-common.h */
const GGML = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q8_0: [8, 32, 34],
  Q4_K: [12, 256, 144],
  IQ2_XXS: [16, 256, 66],
  IQ4_NL: [20, 32, 18],
  BF16: [30, 1, 2],
  MXFP4: [39, 32, 17],
  NVFP4: [40, 64, 36],
} as const;
export type SparseGgmlType = keyof typeof GGML;

const GGUF_ALIGNMENT = 32;

/** @param architecture `general.architecture`; null: no keys at all @returns size of the file, bytes */
export async function writeSparseGguf(
  path: string,
  tensors: readonly NamedShape[],
  typeOf: (name: string, shape: readonly number[]) => SparseGgmlType,
  { architecture = 'flux', keys = [] }: { architecture?: string | null; keys?: NonNullable<GgufFile['keys']> } = {},
): Promise<number> {
  let offset = 0;
  let end = 0;
  const table = tensors.map(([name, shape]) => {
    const [type, elements, bytes] = GGML[typeOf(name, shape)];
    const at = offset;
    end = at + (shape.reduce((product, dim) => product * dim, 1) / elements) * bytes;
    offset = Math.ceil(end / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;
    return { name, dims: shape.toReversed(), type, offset: at };
  });
  const named =
    architecture === null
      ? []
      : [['general.architecture', GGUF_VALUE.string, ggufString(architecture)] as const, ...keys];
  const header = ggufBytes({ keys: named, tensors: table, alignment: GGUF_ALIGNMENT });
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(header);
    const size = header.length + end;
    await handle.truncate(size);
    return size;
  } finally {
    await handle.close();
  }
}
