/** The guided comparison of the first start, and its hints on the compare screen, in Japanese. */
import type { guide as english } from '../en/guide';
import type { Translation } from '../message';

export const guide: Translation<typeof english> = {
  'guide.name': 'ガイド付き比較',
  'guide.title': '量子化で何が変わるか：1 枚の肖像を 3 つの形式で',
  'guide.about':
    'デモパックが {name} を同じシードで 3 回描きます。重みは 16 ビット、8 ビット（INT8）、4 ビット（NF4）で、描き終えると並べて開きます。多くのコンピューターで 1 分かかりません。',
  'guide.about-own':
    'パック {pack} が同じシードで肖像を 3 回描きます。形式は、メモリに収まる最も精密なもの、8 ビット（INT8）、4 ビット（NF4）です。左で写真を選ぶと、その人の肖像になります。先に重みを変換するため、数分かかります。',
  'guide.person': '写真の人',
  'guide.start': '3 枚を描く',
  'guide.starting': '開始中…',
  'guide.skip': '今はしない',
  'guide.skipped': 'ガイド付き比較は、設定からいつでも始められます。',
  'guide.stop': '停止',
  'guide.stopped': '停止しました。完成した画像はギャラリーにあります。',
  'guide.failed': 'ガイド付き比較は最後まで進みませんでした。',
  'guide.finished': 'ガイド付き比較が終わりました。',
  'guide.see': '並べて見る',
  'guide.again': 'ガイド付き比較を始める',
  'guide.again.text': 'デモパックで 1 枚の肖像を 3 つの形式で描き、並べて表示します。',
  'guide.no-pack': 'デモパックとサンプル写真が必要ですが、ここにはないファイルがあります。',
  'guide.wait': 'キューの順番を待っています。',
  'guide.do.identify': '{name} の顔を、誰であるかを表す数値に変えています。',
  'guide.do.encode-text': 'プロンプトを、FLUX が理解できる数値に変えています。',
  'guide.do.control': 'ポーズの指定がないので、頭の向きはプロンプトが決めます。',
  'guide.do.convert': '重みを {format} に丸めています。一度だけで、次の画像はディスクから読み込みます。',
  'guide.do.load': '重みをメモリに読み込んでいます。ビット数が少ないほど、少なくて済みます。',
  'guide.do.denoise': 'どの形式でも同じノイズが、ステップごとに肖像になっていきます。',
  'guide.do.decode': '仕上がった潜在表現をピクセルに変えています。',
  'hint.name': 'ヒント',
  'hint.slider':
    '線をドラッグしてください。左が {left}、右が {right} です。キーボードでは Tab で線に移り、矢印キーで動かします。',
  'hint.difference': '同じ画像に見えますか？差分は、目が見落とすところを示します。明るいほど差が大きい部分です。',
  'hint.difference.show': '差分を表示',
  'hint.table':
    '表は、各形式に何が必要か（読み込み、ピーク、時間）と、何が変わるか（PSNR、SSIM、FLIP、人物）を示します。「左」と「右」で、上の 2 枚を選べます。',
  'hint.place': '{number}/{total}',
  'hint.next': '次へ',
  'hint.done': 'わかりました',
  'hint.none': 'ヒントを表示しない',
};
