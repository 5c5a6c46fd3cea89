/** The settings screen. */
export const settings = {
  'settings.title': 'Settings',
  'settings.look': 'Look',
  'settings.theme': 'Theme',
  'settings.theme.dark': 'Dark',
  'settings.theme.light': 'Light',
  'settings.theme.system': 'As the system',
  'settings.language': 'Language',
  'settings.language.system': 'As the system ({name})',
} as const;
