/** The settings screen, in Japanese. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': '設定',
  'settings.look': '外観',
  'settings.theme': 'テーマ',
  'settings.theme.dark': 'ダーク',
  'settings.theme.light': 'ライト',
  'settings.theme.system': 'システムに合わせる',
  'settings.language': '言語',
  'settings.language.system': 'システムに合わせる（{name}）',
  'settings.making': '画像の作成',
  'settings.provider': '既定の実行先',
  'settings.provider.best': '最適なもの（{name}）',
  'settings.provider.not-here': '{name}（使用不可）',
  'settings.provider.why-not': '使用不可：{detail}',
  'settings.device': 'グラフィックカード',
  'settings.device.hint': 'cuda と dml で使います。ドライバーの順に 0 から数えます。webgpu と cpu は自動で決まります。',
  'settings.pack': '既定のモデルパック',
  'settings.pack.bundled': '付属のパック',
  'settings.cache': '変換済みの重みのフォルダー',
  'settings.cache.hint':
    'FLUX を複数の形式で使うと数十ギガバイトになります。変更しても、変換済みの重みは元のフォルダーに残ります。',
  'settings.cache.named': '起動時に --cache で指定されています。',
  'settings.cache.path': '別のフォルダーのパス',
  'settings.cache.use': 'このフォルダーを使う',
  'settings.cache.choose': '別のフォルダーを選択…',
  'settings.cache.default': '既定のフォルダーを使う',
  'settings.previews': '各ステップのプレビューを保存',
  'settings.previews.hint': '比較の下のステップスライダー用。1 枚につき数百キロバイト。',
  'settings.metadata': '設定を画像に書き込む',
  'settings.metadata.hint':
    'プロンプト、シード、形式、メモリ、時間を書き込み、ほかのツールでも読めます。フォルダーや人物写真は書き込みません。',
  'settings.photos': '写真の扱い',
  'settings.photos.text':
    '人物写真とポーズ写真はこのコンピューターから出ません。どこにも送信されません。スタジオで写真を削除すると、縮小画像、顔の位置、そこから作った顔のデータも削除されます。',
  'settings.machine': 'このコンピューター',
  'settings.cpu': 'プロセッサ',
  'settings.memory': 'メモリ',
  'settings.memory.amount': '{total}（起動時の空き {free}）',
  'settings.engine': 'エンジン',
  'settings.engine.stopped': '停止中',
  'settings.engine.starting': '起動中',
  'settings.engine.ready': '準備完了',
  'settings.engine.crashed': '異常終了',
  'settings.open-pictures': '画像を開く',
  'settings.open-logs': 'ログを開く',
  'settings.about': 'このアプリについて',
  'settings.about.text':
    'Likeness Lab {version} は、人物の顔を保つポートレートに量子化が何をもたらすか（画像、本人らしさ、メモリ、時間）を示します。同意を得た人のポートレートだけを作ってください。',
  'settings.notices': '著作権表示とライセンス',
};
