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
};
