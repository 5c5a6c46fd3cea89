/** The guided comparison of the first start, and its hints on the compare screen, in Simplified Chinese. */
import type { guide as english } from '../en/guide';
import type { Translation } from '../message';

export const guide: Translation<typeof english> = {
  'guide.name': '引导对比',
  'guide.title': '看看量化的影响：一幅肖像，三种格式',
  'guide.about':
    '演示模型包用同一个种子把 {name} 画三次，权重分别为 16 位、8 位（INT8）和 4 位（NF4），然后并排打开。在大多数计算机上不到一分钟。',
  'guide.about-own':
    '模型包 {pack} 用同一个种子把一幅肖像画三次：分别用内存容得下的最精确格式、8 位（INT8）和 4 位（NF4）。若在左侧选了照片，画的就是照片中的人。需要先转换权重，耗时数分钟。',
  'guide.person': '照片中的人',
  'guide.start': '绘制三张',
  'guide.starting': '正在开始…',
  'guide.skip': '暂不',
  'guide.skipped': '随时可在设置中开始引导对比。',
  'guide.stop': '停止',
  'guide.stopped': '已停止。已完成的图片在图库中。',
  'guide.failed': '引导对比没有完成。',
  'guide.finished': '引导对比已完成。',
  'guide.see': '并排查看',
  'guide.again': '开始引导对比',
  'guide.again.text': '用演示模型包以三种格式绘制一幅肖像，并排显示。',
  'guide.no-pack': '需要演示模型包及其示例照片，但此处缺少文件。',
  'guide.wait': '正在队列中等待。',
  'guide.do.identify': '正在把 {name} 的脸变成表示其身份的数字。',
  'guide.do.encode-text': '正在把提示词变成 FLUX 能理解的数字。',
  'guide.do.control': '没有指定姿态，头部朝向由提示词决定。',
  'guide.do.convert': '正在把权重舍入为 {format}，只需一次；下一张图片会直接从磁盘读取。',
  'guide.do.load': '正在把权重载入内存：位数越少，占用越少。',
  'guide.do.denoise': '每种格式都从同样的噪声开始，一步步变成肖像。',
  'guide.do.decode': '正在把完成的潜变量变成像素。',
  'hint.name': '提示',
  'hint.slider': '拖动分界线：左侧是 {left}，右侧是 {right}。用键盘：按 Tab 移到分界线，再按方向键。',
  'hint.difference': '看起来一样？差异图会显示肉眼忽略的地方：越亮，差异越大。',
  'hint.difference.show': '显示差异',
  'hint.table':
    '表格列出每种格式的代价（加载、峰值、时间）和变化（PSNR、SSIM、FLIP、身份）。“左”和“右”选择上方的两张图片。',
  'hint.place': '{number}/{total}',
  'hint.next': '下一条',
  'hint.done': '知道了',
  'hint.none': '不再提示',
};
