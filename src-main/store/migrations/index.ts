import type { Migration } from '../migrate.js';
import { initial } from './0010-initial.js';
import { search } from './0020-search.js';
import { evidence } from './0030-evidence.js';
import { drift } from './0040-drift.js';
import { loras } from './0050-loras.js';
import { loraFiles } from './0060-lora-files.js';
import { memoryNotes } from './0070-memory-notes.js';
import { retries } from './0080-retries.js';
import { device } from './0090-device.js';
import { faceScores } from './0100-face-scores.js';

/** Append only; a shipped step is never edited. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  search,
  evidence,
  drift,
  loras,
  loraFiles,
  memoryNotes,
  retries,
  device,
  faceScores,
];
