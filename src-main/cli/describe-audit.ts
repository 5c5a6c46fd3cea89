/** Audits and imports as text. */
import type { AuditFinding, PackAudit } from '../engine/protocol/audit-report.js';
import type { PartSearch } from '../library/import-check.js';
import type { Licence } from '../library/manifest.js';
import { chosen, slotKey, type PartChoice } from '../library/part-choice.js';
import type { MissingPart } from '../library/missing-parts.js';
import type { HashCheck } from '../library/verify-hashes.js';
import { formatBytes } from '../services/support/byte-size.js';
import { formatTable } from './terminal.js';

export function describeAudit(audit: PackAudit, hashes: readonly HashCheck[] = []): string {
  const rows = audit.parts.map((part) => [
    part.variant === null ? part.part : `${part.part} (${part.variant})`,
    part.state,
    part.tensors === null ? '' : `${part.tensors} of ${part.expectedTensors ?? '?'} tensors`,
    part.bytes === 0 ? '' : formatBytes(part.bytes),
    part.dtypes.join(', '),
  ]);
  const wrong = hashes.filter(({ matches }) => !matches);
  return [
    formatTable([['part', 'state', 'tensors', 'size', 'dtypes'], ...rows]),
    ...audit.parts.flatMap(({ findings }) => findings.map(describeFinding)),
    ...wrong.map(({ target }) => `${target} does not have the published hash.\n  Download it again.`),
    audit.complete && wrong.length === 0 ? 'Complete.' : 'Not complete: it cannot make pictures yet.',
  ].join('\n');
}

export interface ImportReport {
  readonly search: PartSearch;
  readonly audit: PackAudit;
  readonly choice: PartChoice;
  readonly missing: readonly Omit<MissingPart, 'files'>[];
  /** Of the new pack; null when none was made. */
  readonly folder: string | null;
}

export function describeImport({ search, audit, choice, missing, folder }: ImportReport): string {
  return [
    describeAudit(audit),
    ...missing.map(describeMissing),
    ...describeChoices(search, choice),
    ...search.others.map(describeFinding),
    ...search.unfinished.map((path) => `An unfinished download:\n  ${path}`),
    ...(search.isPartial ? ['The search ended at its limit; name a smaller folder to search all of it.'] : []),
    ...(folder === null ? [] : [`The new pack is ${folder}; its files stay where they are.`]),
  ].join('\n');
}

function describeMissing({ key, bytes, from, gated }: Omit<MissingPart, 'files'>): string {
  if (from === null) return `Still missing: ${key}.`;
  return `Still missing: ${key}, ${formatBytes(bytes)} from ${from}${gated ? ' (needs an account and a token)' : ''}.`;
}

/** The parts with several files, the used one marked. */
function describeChoices({ slots }: PartSearch, choice: PartChoice): string[] {
  return slots
    .filter(({ candidates }) => candidates.length > 1)
    .map((slot) => {
      const used = chosen(slot, choice);
      const lines = slot.candidates.map((candidate) => {
        const { state, bytes, quantized, dtypes } = candidate.audited;
        const stored = quantized ?? dtypes.join(', ');
        return `  ${candidate === used ? '*' : ' '} ${candidate.path} (${stored}, ${formatBytes(bytes)}, ${state})`;
      });
      return [`${slotKey(slot)}: several were found; choose with --choose ${slotKey(slot)}=PATH`, ...lines].join('\n');
    });
}

export function describeLicences(licences: readonly Licence[]): string {
  return ['Licences:', ...licences.map(({ name, summary, url }) => `  ${name}: ${summary}\n    ${url}`)].join('\n');
}

function describeFinding({ sentence, remedy, file }: AuditFinding): string {
  return `${sentence}${file === '' ? '' : `\n  ${file}`}\n  ${remedy}`;
}
