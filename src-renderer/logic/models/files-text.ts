/** Texts about files of other programs. */
import type { Candidate, FilesPart, FilesResult, FilesSearch, KnownProgram, MissingFiles } from '$contract/own-files';
import { t } from '../../text/text.svelte';
import { formatBytes } from '../format-amount';

const PROGRAMS: Readonly<Record<Exclude<KnownProgram, 'hub-cache'>, string>> = {
  comfyui: 'ComfyUI',
  forge: 'Forge',
  'stability-matrix': 'Stability Matrix',
  invokeai: 'InvokeAI',
};

export function programName(program: KnownProgram): string {
  return program === 'hub-cache' ? t('files.hub-cache') : PROGRAMS[program];
}

/** Progress of a search, for the line under its bar. */
export function searchLine({ found, described, folders }: FilesSearch): string {
  if (described > 0) return t('files.reading', { done: described, total: found });
  return folders === 0 ? t('files.starting') : t('files.searching', { count: found });
}

/** 0 to 1; null while the number of files is unknown. */
export function searchFraction({ found, described }: FilesSearch): number | null {
  return described === 0 || found === 0 ? null : described / found;
}

/** What was found, in a few words. */
export function filesHeadline({ complete, missing, parts }: FilesResult): string {
  if (complete) return t('import.complete');
  const found = parts.filter(({ needed, state }) => needed && state === 'ok').length;
  if (found === 0) return t('files.nothing');
  return missing.length > 0 ? t('files.incomplete', { count: missing.length }) : t('files.unfit');
}

/** Parts to list: those that are needed, and others that were found. */
export function listedParts({ parts, missing }: FilesResult): FilesPart[] {
  const variants = new Set(parts.filter(({ state }) => state === 'ok').map(({ variant }) => variant));
  return parts.filter(({ key, needed, variant, candidates }) => {
    if (missing.some((one) => one.key === key)) return true;
    if (!needed && candidates.every(({ usable }) => !usable)) return false;
    // A variant of which nothing is usable is named among the missing parts, or another one is used.
    return variant === null || variants.has(variant) || candidates.length > 0;
  });
}

/** `Q4_K · 6.34 GiB`. */
export function candidateFacts({ stored, bytes }: Pick<Candidate, 'stored' | 'bytes'>): string {
  return [storedName(stored), bytes > 0 ? formatBytes(bytes) : ''].filter((fact) => fact !== '').join(' · ');
}

/** In an option of a list. */
export function candidateLabel(candidate: Candidate): string {
  const facts = candidateFacts(candidate);
  return facts === '' ? candidate.name : t('files.option', { name: candidate.name, facts });
}

function storedName(stored: string): string {
  return stored === '16-bit' || stored === '32-bit' ? t('files.bits', { bits: stored.slice(0, 2) }) : stored;
}

/** `6.00 GiB from ByteDance/InfiniteYou`. */
export function missingFacts({ bytes, from, gated }: MissingFiles): string {
  if (from === null) return t('files.no-download');
  const facts = { bytes: formatBytes(bytes), from };
  return gated ? t('files.from-gated', facts) : t('files.from', facts);
}

/** Bytes of all missing parts. */
export function missingBytes(missing: readonly MissingFiles[]): number {
  return missing.reduce((sum, { bytes }) => sum + bytes, 0);
}
