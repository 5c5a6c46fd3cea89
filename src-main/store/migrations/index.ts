import type { Migration } from '../migrate.js';
import { initial } from './0010-initial.js';
import { weightTypes } from './0020-weight-types.js';
import { weightStreaming } from './0030-weight-streaming.js';

/** Append only; a shipped step is never edited. */
export const MIGRATIONS: readonly Migration[] = [initial, weightTypes, weightStreaming];
