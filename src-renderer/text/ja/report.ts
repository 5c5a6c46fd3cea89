/** The report screen, and the forms of a report, in Japanese. */
import type { report as english } from '../en/report';
import type { Translation } from '../message';

export const report: Translation<typeof english> = {
  'report.about': '1 つの比較のメモリ、時間、差、人物スコア。issue にそのまま貼れます。',
  'report.nothing': 'まだレポートするものがありません',
  'report.nothing.text': 'レポートは完成した比較から作られます。',
  'report.comparison': '比較',
  'report.open-before': '前に開いていた比較',
  'report.form': 'ファイルの種類',
  'report.copy': 'コピー',
  'report.copied': 'コピーしました。',
  'report.save': '保存',
  'report.pictures': '比較の画像',
  'report.verdicts': '比較の結果',
  'report.text': 'レポート',
  'report.measuring': '画像を計測中…',
  'report.none-finished': 'この比較に完成した画像はありません。',
  'report.sheet-alt': 'コンタクトシート：画像と説明',
  'report.form.markdown': 'Markdown',
  'report.form.markdown.menu': 'レポート（Markdown）',
  'report.form.csv': 'CSV',
  'report.form.csv.menu': '画像の一覧（CSV）',
  'report.form.html': 'HTML',
  'report.form.html.menu': 'レポート（HTML）',
  'report.form.contact-sheet': 'コンタクトシート',
  'report.form.contact-sheet.menu': 'コンタクトシート（PNG）',
  'report.html-about': 'すべての画像を含む 1 ページ。送付や保存に。{size}。',
};
