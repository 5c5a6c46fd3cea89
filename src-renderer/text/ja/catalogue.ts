/** Every text in Japanese. */
import type { English } from '../en/catalogue';
import { common } from './common';
import { settings } from './settings';
import type { Translation } from '../message';

export const japanese: Translation<English> = { ...common, ...settings };
