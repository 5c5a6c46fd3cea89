/** Describes an unused file beside a pack, so that people see why it is not used. */
import { basename } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { openCheckpoint } from '../weights/open-checkpoint.js';
import * as say from './audit-findings.js';
import { identify } from './audit-identify.js';
import type { AuditFinding } from '../protocol/audit-report.js';
import { sniffFile } from './audit-sniff.js';

const LABEL = 'Not used';

/** @returns null for unknown files */
export async function auditStray(path: string): Promise<AuditFinding | null> {
  try {
    const sniffed = await sniffFile(path);
    const short = say.wrongLength(LABEL, path, sniffed);
    if (short !== null) return short;
    if (sniffed.kind === 'gguf') return say.wrongKind(LABEL, path, sniffed, 'safetensors in diffusers’ layout');
    if (sniffed.kind === 'lfs-pointer' || sniffed.kind === 'html' || sniffed.kind === 'empty') {
      return say.wrongKind(LABEL, path, sniffed, 'weights');
    }
    if (sniffed.kind !== 'safetensors') return null;
    const source = await openCheckpoint(path);
    const identity = identify(source.entries.keys());
    await source.close();
    return identity === null ? null : say.otherModel(LABEL, path, identity);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return say.finding('damaged', 'unreadable', path, `${LABEL}: ${basename(path)}: ${error.message}`, error.remedy);
  }
}
