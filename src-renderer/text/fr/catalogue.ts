/** Every text in French. */
import type { English } from '../en/catalogue';
import { common } from './common';
import { shell } from './shell';
import { errors } from './errors';
import { studio } from './studio';
import { settings } from './settings';
import type { Translation } from '../message';

export const french: Translation<English> = { ...common, ...studio, ...errors, ...shell, ...settings };
