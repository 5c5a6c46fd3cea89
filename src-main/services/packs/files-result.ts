/** The result of a search for files as the page gets it: names to show, stored types, what is missing. Pure. */
import { basename, dirname, sep } from 'node:path';
import type { Candidate as ShownCandidate, FilesPart, FilesResult } from '../../contract/own-files.js';
import type { Finding } from '../../contract/library.js';
import type { AuditedPart, AuditFinding, PackAudit } from '../../engine/protocol/audit-report.js';
import type { PartSearch } from '../../library/import-check.js';
import type { Program } from '../../library/known-places.js';
import { licencesOf, type DownloadManifest } from '../../library/manifest.js';
import { missingParts } from '../../library/missing-parts.js';
import { chosen, slotKey, type Candidate, type PartChoice, type PartSlot } from '../../library/part-choice.js';

export interface FilesResultInput {
  readonly search: PartSearch;
  readonly choice: PartChoice;
  readonly audit: PackAudit;
  readonly manifest: DownloadManifest;
  /** The app's own folder, whose unfinished downloads are shown elsewhere. */
  readonly packsDir: string;
  readonly name: string;
}

/** More are not shown; folders of models have some dozens. */
const MAX_OTHERS = 500;

export function filesResult({ search, choice, audit, manifest, packsDir, name }: FilesResultInput): FilesResult {
  const missing = missingParts(search.slots, manifest);
  const licences = licencesOf(
    manifest,
    missing.flatMap(({ files }) => files),
  );
  const audited = new Map(audit.parts.map((part) => [slotKey(part), part]));
  return {
    parts: search.slots.map((slot) => filesPart(slot, choice, audited.get(slotKey(slot)))),
    missing: missing.map(({ files: _, ...part }) => ({ ...part })),
    licences: licences.map((licence) => ({ ...licence })),
    complete: audit.complete,
    others: search.others.slice(0, MAX_OTHERS).map(shown),
    unfinished: search.unfinished.filter((path) => !path.startsWith(packsDir + sep)),
    isPartial: search.isPartial,
    name,
  };
}

function filesPart(slot: PartSlot, choice: PartChoice, audited: AuditedPart | undefined): FilesPart {
  const used = chosen(slot, choice);
  const names = distinctNames(slot.candidates.map(({ path }) => path));
  const own = used?.audited;
  const state = audited?.state ?? own?.state ?? 'missing';
  return {
    key: slotKey(slot),
    part: slot.part,
    variant: slot.variant,
    needed: slot.part !== 'recognition',
    candidates: slot.candidates.map((candidate, index) => shownCandidate(candidate, names[index] ?? candidate.path)),
    chosen: used === null ? null : slot.candidates.indexOf(used),
    state,
    findings: (audited?.findings ?? own?.findings ?? []).map(shown),
  };
}

function shownCandidate({ path, audited }: Candidate, name: string): ShownCandidate {
  return {
    name,
    path,
    bytes: audited.bytes,
    stored: storedAs(audited),
    usable: audited.state === 'ok',
    findings: audited.findings.map(shown),
  };
}

/** Names of plain 8-bit floats, as the app writes its own format. */
const FP8: Readonly<Record<string, string>> = { F8_E4M3: 'FP8', F8_E5M2: 'FP8 E5M2' };

/** `Q4_K`, `16-bit`; empty for tokenizers and ONNX files. */
function storedAs({ quantized, dtypes }: AuditedPart): string {
  if (quantized !== null) return FP8[quantized] ?? quantized;
  const has = (pattern: RegExp) => dtypes.some((dtype) => pattern.test(dtype));
  return has(/^B?F16$/) ? '16-bit' : has(/^F(32|64)$/) ? '32-bit' : '';
}

/** The last names of the paths, each with as many names before it as tell it from the others. */
export function distinctNames(paths: readonly string[]): string[] {
  const of = (path: string, depth: number): string =>
    depth === 0 ? basename(path) : `${of(dirname(path), depth - 1)}${sep}${basename(path)}`;
  return paths.map((path) => {
    const most = path.split(sep).length - 1;
    for (let depth = 0; depth < most; depth++) {
      const name = of(path, depth);
      if (paths.every((other) => other === path || of(other, depth) !== name)) return name;
    }
    return path;
  });
}

const PROGRAM_NAMES: Readonly<Record<Program, string>> = {
  comfyui: 'ComfyUI',
  forge: 'Forge',
  'stability-matrix': 'Stability Matrix',
  invokeai: 'InvokeAI',
  'hub-cache': 'Hugging Face',
};

/** After the program, with a number where that name is taken. */
export function proposedName(program: Program | null, taken: readonly string[]): string {
  const wanted = program === null ? 'My files' : `FLUX from ${PROGRAM_NAMES[program]}`;
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${wanted} ${count}`;
    if (!taken.includes(name)) return name;
  }
}

function shown(finding: AuditFinding): Finding {
  return { ...finding };
}
