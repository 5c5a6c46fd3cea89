/** Finds a pack's parts in folders and in the hub's cache, and has the header of every file checked. */
import type { AuditFinding, AuditTarget, PackAudit } from '../engine/protocol/audit-report.js';
import { findParts, type FoundParts } from './find-parts.js';
import { findSnapshot } from './hub-cache.js';
import type { DownloadManifest } from './manifest.js';

/** The engine's audit, passed in by the host, because packs do not know the engine. */
export interface Auditor {
  readonly pack: (target: AuditTarget) => Promise<PackAudit>;
  readonly stray: (path: string) => Promise<AuditFinding | null>;
}

export interface ImportReport {
  readonly found: FoundParts;
  readonly audit: PackAudit;
  /** Unused weights beside the parts, each with a description. */
  readonly strays: readonly AuditFinding[];
}

export interface ImportRequest {
  readonly manifest: DownloadManifest;
  readonly roots: readonly string[];
  /** The hub's cache, searched too; null: only the folders. */
  readonly cacheDir: string | null;
  /** Wanted variants; empty: all that are found. */
  readonly variants: readonly string[];
}

/** Only reads. */
export async function checkImport(request: ImportRequest, auditor: Auditor): Promise<ImportReport> {
  const { manifest, cacheDir } = request;
  const cached = cacheDir === null ? [] : await cachedRoots(manifest, cacheDir);
  const all = await findParts([...request.roots, ...cached]);
  const wanted = [...all.variants].filter(([name]) => request.variants.length === 0 || request.variants.includes(name));
  const missing = request.variants.filter((name) => !all.variants.has(name));
  const [first] = manifest.variants;
  if (wanted.length === 0 && missing.length === 0 && first !== undefined) missing.push(first);
  const searched = { ...all, variants: new Map(wanted) };
  const audit = await auditor.pack({ ...searched, expectedTensors: manifest.expectedTensors });
  const strays = await Promise.all(all.strays.map((path) => auditor.stray(path)));
  // Optional, so a pack is imported without an unusable one.
  const usable = audit.parts.some(({ part, state }) => part === 'recognition' && state === 'ok');
  const found = { ...searched, recognition: usable ? all.recognition : null };
  return { found, audit: withMissing(audit, missing), strays: strays.filter((stray) => stray !== null) };
}

async function cachedRoots(manifest: DownloadManifest, cacheDir: string): Promise<string[]> {
  const roots = new Set<string>();
  for (const source of Object.values(manifest.sources)) {
    if (source.kind !== 'hub') continue;
    const snapshot = await findSnapshot(cacheDir, source.repository, source.revision);
    if (snapshot !== null) roots.add(snapshot.folder);
  }
  return [...roots];
}

function withMissing(audit: PackAudit, variants: readonly string[]): PackAudit {
  if (variants.length === 0) return audit;
  const missing = variants.map((variant) => ({
    part: 'infusenet' as const,
    variant,
    path: null,
    state: 'missing' as const,
    tensors: null,
    expectedTensors: null,
    bytes: 0,
    dtypes: [],
    findings: [
      {
        state: 'missing' as const,
        kind: 'variant-missing',
        file: '',
        sentence: `The InfiniteYou variant ${variant} was not found in any of the searched places.`,
        remedy: `Download it, or choose the folder that holds infu_flux_v1.0/${variant}.`,
      },
    ],
  }));
  return { parts: [...audit.parts, ...missing], complete: false };
}
