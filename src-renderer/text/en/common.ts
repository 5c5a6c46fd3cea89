/** Words that several screens share, units, and names of the app's own things. */
export const common = {
  'common.loading': 'Loading…',
  'common.close': 'Close',
  'common.try-again': 'Try again',
  'common.dismiss': 'Dismiss',
  'common.undo': 'Undo',
  'common.cancel': 'Cancel',

  // Amounts. A space before the unit; the language decides what the number looks like.
  'unit.kib': '{value} KiB',
  'unit.mib': '{value} MiB',
  'unit.gib': '{value} GiB',
  'unit.per-second': '{amount}/s',
  'unit.seconds': '{value} s',
  'unit.minutes-seconds': '{minutes} min {seconds} s',
  'unit.hours-minutes': '{hours} h {minutes} min',
  'unit.percent': '{value} %',
  'unit.decibel': '{value} dB',
  'time.few-seconds': 'a few seconds',
  'time.about-seconds': 'about {value} s',
  'time.about-minutes': 'about {value} min',
  'time.about-hours': 'about {value} h',
  'time.left': '{time} left',

  'count.pictures': { one: '{count} picture', other: '{count} pictures' },
} as const;
