/** The report screen, and the forms of a report, in Simplified Chinese. */
import type { report as english } from '../en/report';
import type { Translation } from '../message';

export const report: Translation<typeof english> = {
  'report.about': '一组对比的内存、时间、差异和身份，可直接粘贴到 issue 中。',
  'report.nothing': '暂无可报告的内容',
  'report.nothing.text': '报告由已完成的对比生成。',
  'report.comparison': '对比',
  'report.open-before': '之前打开的对比',
  'report.form': '文件类型',
  'report.copy': '复制',
  'report.copied': '已复制。',
  'report.save': '保存',
  'report.pictures': '对比的图片',
  'report.verdicts': '对比的结论',
  'report.text': '报告',
  'report.measuring': '正在测量图片…',
  'report.none-finished': '此对比中没有已完成的图片。',
  'report.sheet-alt': '联系表：图片及其说明',
  'report.form.markdown': 'Markdown',
  'report.form.markdown.menu': 'Markdown 报告',
  'report.form.csv': 'CSV',
  'report.form.csv.menu': 'CSV 图片列表',
  'report.form.html': 'HTML',
  'report.form.html.menu': 'HTML 报告',
  'report.form.contact-sheet': '联系表',
  'report.form.contact-sheet.menu': 'PNG 联系表',
  'report.html-about': '一个包含全部图片的页面，便于发送或保存。{size}。',
};
