/** Descriptions of files as a search gets them. */
import type { AuditedPart, AuditPart, PlaceDescription } from '../../../src-main/engine/protocol/audit-report.js';

export function foundPart(part: AuditPart, change: Partial<AuditedPart> = {}): AuditedPart {
  return {
    part,
    variant: null,
    path: null,
    state: 'ok',
    tensors: 1,
    expectedTensors: 1,
    bytes: 1000,
    dtypes: ['BF16'],
    quantized: null,
    findings: [],
    ...change,
  };
}

export function foundPlace(path: string, ...parts: readonly AuditedPart[]): PlaceDescription {
  return { path, config: null, parts, finding: null };
}
