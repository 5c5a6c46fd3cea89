/** Audits and imports as text. */
import type { AuditFinding, PackAudit } from '../engine/protocol/audit-report.js';
import type { ImportReport } from '../library/import-check.js';
import type { Licence } from '../library/manifest.js';
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

/** @param folder of the links; null without links */
export function describeImport(report: ImportReport, folder: string | null): string {
  return [
    describeAudit(report.audit),
    ...report.strays.map(describeFinding),
    ...(folder === null ? [] : [`Linked in ${folder}; nothing was copied.`]),
  ].join('\n');
}

export function describeLicences(licences: readonly Licence[]): string {
  return ['Licences:', ...licences.map(({ name, summary, url }) => `  ${name}: ${summary}\n    ${url}`)].join('\n');
}

function describeFinding({ sentence, remedy, file }: AuditFinding): string {
  return `${sentence}${file === '' ? '' : `\n  ${file}`}\n  ${remedy}`;
}
