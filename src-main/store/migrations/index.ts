import type { Migration } from '../migrate.js';
import { initial } from './0010-initial.js';
import { search } from './0020-search.js';

/** Append only; a shipped step is never edited. */
export const MIGRATIONS: readonly Migration[] = [initial, search];
