/** What a pack still lacks after a search, and the files that fill the gaps. Pure. */
import type { AuditPart } from '../engine/protocol/audit-report.js';
import type { DownloadManifest, FileSource } from './manifest.js';
import type { PartFile } from './part-files.js';
import { slotKey, variantInUse, type PartSlot } from './part-choice.js';

export interface MissingPart {
  /** As of its slot; see `slotKey`. */
  readonly key: string;
  readonly part: AuditPart;
  readonly variant: string | null;
  /** Of its download; 0 when there is none. */
  readonly bytes: number;
  /** Repository or address of its download; null when there is none. */
  readonly from: string | null;
  /** Whether its licence must be accepted on its page, with an account. */
  readonly gated: boolean;
  readonly files: readonly PartFile[];
}

/** @returns the parts that a picture needs and that have no usable file, in the order of the slots */
export function missingParts(slots: readonly PartSlot[], manifest: DownloadManifest): MissingPart[] {
  const variant = variantInUse(slots);
  return slots
    .filter((slot) => slot.part !== 'recognition' && (slot.variant === null || slot.variant === variant))
    .filter(({ candidates }) => candidates[0]?.audited.state !== 'ok')
    .map((slot) => {
      const files = manifest.parts.filter((file) => file.part === slot.part && file.variant === slot.variant);
      const [first] = files;
      const source = first === undefined ? undefined : manifest.sources[first.source];
      return {
        key: slotKey(slot),
        part: slot.part,
        variant: slot.variant,
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
        from: source === undefined ? null : originOf(source),
        gated: source?.kind === 'hub' && source.gated,
        files,
      };
    });
}

function originOf(source: FileSource): string {
  return source.kind === 'hub' ? source.repository : new URL(source.base).pathname.split('/').slice(1, 3).join('/');
}

/** The download of some parts as a pack of its own. @param id name of its folder */
export function partsManifest(manifest: DownloadManifest, id: string, keys: readonly string[]): DownloadManifest {
  const files = manifest.parts.filter((file) => keys.includes(slotKey(file)));
  const variants = [...new Set(files.flatMap(({ variant }) => (variant === null ? [] : [variant])))];
  return { ...manifest, id, files, variants };
}
