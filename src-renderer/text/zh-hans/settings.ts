/** The settings screen, in Simplified Chinese. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': '设置',
  'settings.look': '外观',
  'settings.theme': '主题',
  'settings.theme.dark': '深色',
  'settings.theme.light': '浅色',
  'settings.theme.system': '跟随系统',
  'settings.language': '语言',
  'settings.language.system': '跟随系统（{name}）',
};
