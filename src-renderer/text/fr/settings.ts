/** The settings screen, in French. */
import type { settings as english } from '../en/settings';
import type { Translation } from '../message';

export const settings: Translation<typeof english> = {
  'settings.title': 'Réglages',
  'settings.look': 'Apparence',
  'settings.theme': 'Thème',
  'settings.theme.dark': 'Sombre',
  'settings.theme.light': 'Clair',
  'settings.theme.system': 'Comme le système',
  'settings.language': 'Langue',
  'settings.language.system': 'Comme le système ({name})',
};
