/** LoRA files: taken over, listed, and found again from a picture, in Japanese. */
import type { loras as english } from '../en/loras';
import type { Translation } from '../message';

export const loras: Translation<typeof english> = {
  'loras.title': 'LoRA',
  'loras.about': '重みを変換する前に FLUX に加えるファイルです。ここかスタジオにドロップしてください。先に確認します。',
  'loras.none': 'まだありません。',
  'loras.choose': 'ファイルを選ぶ…',
  'loras.facts': { other: '{bytes}、FLUX の {count} 層' },
  'loras.forget': '登録を外す',
  'loras.forget-one': '{name} の登録を外す',
  'loras.drop': 'LoRA をドロップして追加',
  'loras.taking': '{name} を取り込み中：{total} 中 {done}',
  'loras.checking': '{name} を確認中…',
  'loras.stop': '停止',
  'loras.added': '{name} を追加しました。',
  'loras.left-out': {
    other: '{name}：テキストエンコーダーや埋め込みのテンソル {count} 個は使わず、残りを FLUX に加えます。',
  },
  'loras.no-config': '{name}：alpha を記した adapter_config.json がないため、alpha はランクと同じとみなします。',
  'loras.forgotten': '{name} の登録を外しました。',
  'loras.no-hash':
    'ファイルには LoRA {name}（重み {weight}）の名前だけがあり、ハッシュがありません。正しいものがあれば手動で追加してください。',
  'loras.not-here':
    'LoRA {name}（重み {weight}、sha256 {hash}…）がありません。ファイルをスタジオにドロップしてから、画像をもう一度読み取ってください。',
  'loras.too-much': 'LoRA {name}（重み {weight}）は除きました。使えるのは {count} 個まで、重みは {limit} までです。',
};
