/** Words that several screens share, units, and names of the app's own things, in Japanese. */
import type { common as english } from '../en/common';
import type { Translation } from '../message';

export const common: Translation<typeof english> = {
  'common.loading': '読み込み中…',
  'common.close': '閉じる',
  'common.try-again': '再試行',
  'common.dismiss': '閉じる',
  'common.undo': '元に戻す',
  'common.cancel': 'キャンセル',

  'unit.kib': '{value} KiB',
  'unit.mib': '{value} MiB',
  'unit.gib': '{value} GiB',
  'unit.per-second': '{amount}/秒',
  'unit.seconds': '{value} 秒',
  'unit.minutes-seconds': '{minutes} 分 {seconds} 秒',
  'unit.hours-minutes': '{hours} 時間 {minutes} 分',
  'unit.percent': '{value}%',
  'unit.decibel': '{value} dB',
  'time.few-seconds': '数秒',
  'time.about-seconds': '約 {value} 秒',
  'time.about-minutes': '約 {value} 分',
  'time.about-hours': '約 {value} 時間',
  'time.left': '残り{time}',

  'count.pictures': { other: '{count} 枚' },
};
