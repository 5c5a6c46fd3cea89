/** Every text in Simplified Chinese. */
import type { English } from '../en/catalogue';
import { common } from './common';
import { shell } from './shell';
import { errors } from './errors';
import { studio } from './studio';
import { settings } from './settings';
import type { Translation } from '../message';

export const chinese: Translation<English> = { ...common, ...studio, ...errors, ...shell, ...settings };
