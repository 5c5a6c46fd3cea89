/** The settings screen, in German. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': 'Einstellungen',
  'settings.look': 'Aussehen',
  'settings.theme': 'Farben',
  'settings.theme.dark': 'Dunkel',
  'settings.theme.light': 'Hell',
  'settings.theme.system': 'Wie das System',
  'settings.language': 'Sprache',
  'settings.language.system': 'Wie das System ({name})',
};
