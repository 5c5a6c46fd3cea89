/** Every text in Simplified Chinese. */
import type { English } from '../en/catalogue';
import { common } from './common';
import { compare } from './compare';
import { errors } from './errors';
import { files } from './files';
import { gallery } from './gallery';
import { report } from './report';
import { models } from './models';
import { gpu } from './gpu';
import { guide } from './guide';
import { loras } from './loras';
import { preparation } from './preparation';
import { runs } from './runs';
import { settings } from './settings';
import { shell } from './shell';
import { studio } from './studio';
import type { Translation } from '../message';

export const chinese: Translation<English> = {
  ...common,
  ...compare,
  ...errors,
  ...files,
  ...gallery,
  ...report,
  ...models,
  ...gpu,
  ...guide,
  ...loras,
  ...preparation,
  ...runs,
  ...settings,
  ...shell,
  ...studio,
};
