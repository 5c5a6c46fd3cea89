/** Words that several screens share, units, and names of the app's own things, in German. */
import type { common as english } from '../en/common';
import type { Translation } from '../message';

export const common: Translation<typeof english> = {
  'common.loading': 'Wird geladen …',
  'common.close': 'Schließen',
  'common.try-again': 'Noch einmal versuchen',
  'common.dismiss': 'Ausblenden',
  'common.undo': 'Rückgängig',
  'common.cancel': 'Abbrechen',

  'unit.kib': '{value} KiB',
  'unit.mib': '{value} MiB',
  'unit.gib': '{value} GiB',
  'unit.per-second': '{amount}/s',
  'unit.seconds': '{value} s',
  'unit.minutes-seconds': '{minutes} min {seconds} s',
  'unit.hours-minutes': '{hours} h {minutes} min',
  'unit.percent': '{value} %',
  'unit.decibel': '{value} dB',
  'time.few-seconds': 'wenige Sekunden',
  'time.about-seconds': 'etwa {value} s',
  'time.about-minutes': 'etwa {value} min',
  'time.about-hours': 'etwa {value} h',
  'time.left': 'noch {time}',

  'count.pictures': { one: '{count} Bild', other: '{count} Bilder' },
};
