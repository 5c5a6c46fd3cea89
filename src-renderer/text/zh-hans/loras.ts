/** LoRA files: taken over, listed, and found again from a picture, in Simplified Chinese. */
import type { loras as english } from '../en/loras';
import type { Translation } from '../message';

export const loras: Translation<typeof english> = {
  'loras.title': 'LoRA',
  'loras.about': '在转换权重之前加到 FLUX 上的文件。拖放到此处或工作室；会先进行检查。',
  'loras.none': '暂无。',
  'loras.choose': '选择文件…',
  'loras.facts': { other: '{bytes}，FLUX 的 {count} 层' },
  'loras.forget': '移除',
  'loras.forget-one': '移除 {name}',
  'loras.drop': '拖放 LoRA 以添加',
  'loras.taking': '正在导入 {name}：{done}/{total}',
  'loras.checking': '正在检查 {name}…',
  'loras.stop': '停止',
  'loras.added': '已添加 {name}。',
  'loras.left-out': {
    other: '{name}：略去文本编码器或嵌入的 {count} 个张量，其余加到 FLUX。',
  },
  'loras.no-config': '{name}：缺少记录 alpha 的 adapter_config.json，因此 alpha 按秩计算。',
  'loras.forgotten': '已移除 {name}。',
  'loras.no-hash': '文件提到 LoRA {name}（权重 {weight}），但没有校验值。如有正确的文件，请手动添加。',
  'loras.not-here': '此处没有 LoRA {name}（权重 {weight}，sha256 {hash}…）。请将其文件拖放到工作室，然后重新读取图片。',
  'loras.too-much': '已省略 LoRA {name}（权重 {weight}）：最多可用 {count} 个，权重不超过 {limit}。',
};
