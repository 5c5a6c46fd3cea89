/** Words that several screens share, units, and names of the app's own things, in French. */
import type { common as english } from '../en/common';
import type { Translation } from '../message';

export const common: Translation<typeof english> = {
  'common.loading': 'Chargement…',
  'common.close': 'Fermer',
  'common.try-again': 'Réessayer',
  'common.dismiss': 'Masquer',
  'common.undo': 'Annuler',
  'common.cancel': 'Annuler',

  // Octets, and no-break spaces before units.
  'unit.kib': '{value}\u00a0Kio',
  'unit.mib': '{value}\u00a0Mio',
  'unit.gib': '{value}\u00a0Gio',
  'unit.per-second': '{amount}/s',
  'unit.seconds': '{value}\u00a0s',
  'unit.minutes-seconds': '{minutes}\u00a0min {seconds}\u00a0s',
  'unit.hours-minutes': '{hours}\u00a0h {minutes}\u00a0min',
  'unit.percent': '{value}\u202f%',
  'unit.decibel': '{value}\u00a0dB',
  'time.few-seconds': 'quelques secondes',
  'time.about-seconds': 'environ {value}\u00a0s',
  'time.about-minutes': 'environ {value}\u00a0min',
  'time.about-hours': 'environ {value}\u00a0h',
  'time.left': 'encore {time}',

  'count.pictures': { one: '{count} image', other: '{count} images' },
};
