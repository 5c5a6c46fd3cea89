/** Words that several screens share, units, and names of the app's own things, in Simplified Chinese. */
import type { common as english } from '../en/common';
import type { Translation } from '../message';

export const common: Translation<typeof english> = {
  'common.loading': '正在加载…',
  'common.close': '关闭',
  'common.try-again': '重试',
  'common.dismiss': '关闭',
  'common.undo': '撤销',
  'common.cancel': '取消',

  'unit.kib': '{value} KiB',
  'unit.mib': '{value} MiB',
  'unit.gib': '{value} GiB',
  'unit.per-second': '{amount}/秒',
  'unit.seconds': '{value} 秒',
  'unit.minutes-seconds': '{minutes} 分 {seconds} 秒',
  'unit.hours-minutes': '{hours} 小时 {minutes} 分',
  'unit.percent': '{value}%',
  'unit.decibel': '{value} dB',
  'time.few-seconds': '几秒',
  'time.about-seconds': '约 {value} 秒',
  'time.about-minutes': '约 {value} 分钟',
  'time.about-hours': '约 {value} 小时',
  'time.left': '还剩{time}',

  'count.pictures': { other: '{count} 张图片' },
};
