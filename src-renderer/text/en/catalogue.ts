/** Every text in English, which says what there is to translate. One file per screen; ids begin with its name. */
import { common } from './common';
import { shell } from './shell';
import { errors } from './errors';
import { loras } from './loras';
import { preparation } from './preparation';
import { studio } from './studio';
import { settings } from './settings';

export const english = { ...common, ...studio, ...errors, ...shell, ...loras, ...preparation, ...settings } as const;

export type English = typeof english;
export type TextId = keyof English;
