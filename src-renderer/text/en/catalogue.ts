/** All English texts, one file per screen. The other languages have the same ids; ids begin with their subject. */
import { common } from './common';
import { compare } from './compare';
import { errors } from './errors';
import { files } from './files';
import { gallery } from './gallery';
import { gpu } from './gpu';
import { guide } from './guide';
import { loras } from './loras';
import { preparation } from './preparation';
import { report } from './report';
import { models } from './models';
import { runs } from './runs';
import { settings } from './settings';
import { shell } from './shell';
import { studio } from './studio';

// prettier-ignore
export const english = {
  ...common,
  ...compare,
  ...errors,
  ...files,
  ...gallery,
  ...gpu,
  ...guide,
  ...loras,
  ...preparation,
  ...report,
  ...models,
  ...runs,
  ...settings,
  ...shell,
  ...studio,
} as const;

export type English = typeof english;
export type TextId = keyof English;
