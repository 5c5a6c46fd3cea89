/** Checks one network in its own folder: config.json, the files of its weights, and their tensors. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { storedBytes, storedDtype, type TensorEntry } from '../weights/tensor-source.js';
import {
  auditFolderFiles,
  auditIdentity,
  auditTensors,
  presence,
  readEntries,
  type CheckpointFacts,
} from './audit-checkpoint.js';
import * as say from './audit-findings.js';
import type { Identity } from './audit-identify.js';
import type { TensorNeeds } from './audit-needs.js';
import type { AuditedPart, AuditFinding, AuditPart } from '../protocol/audit-report.js';

/** Fields of a config.json. */
export type Json = Readonly<Record<string, unknown>>;
type Entries = ReadonlyMap<string, TensorEntry>;

/** Rules of a network in its own folder, for `auditComponent`. */
export interface ComponentRules {
  readonly part: AuditPart;
  readonly label: string;
  readonly identity: Identity;
  /** Expected value of a field of config.json; other values name another model. */
  readonly className: {
    readonly field: '_class_name' | 'architectures';
    readonly expected: string;
    /** Other accepted names; default: none. */
    readonly accepts?: RegExp;
  };
  /** Specific problems visible in the config. */
  readonly peculiarities?: (config: Json, file: string) => AuditFinding | null;
  /** Specific problems visible in the tensors' names. */
  readonly peculiarTensors?: (entries: Entries, file: string) => AuditFinding | null;
  /** @throws AppError config.invalid */
  readonly needs: (config: Json, entries: Entries) => TensorNeeds;
  readonly ignored?: (name: string) => boolean;
}

/** A part of the report; the first finding gives its state. */
export function auditedPart(
  place: Pick<AuditedPart, 'part' | 'variant' | 'path'>,
  findings: readonly AuditFinding[],
  entries: Entries | null = null,
  needs: TensorNeeds | null = null,
): AuditedPart {
  const all = entries === null ? [] : [...entries.values()];
  return {
    ...place,
    state: findings[0]?.state ?? 'ok',
    tensors: entries === null ? null : entries.size,
    expectedTensors: needs === null ? null : needs.size,
    bytes: all.reduce((sum, entry) => sum + storedBytes(entry), 0),
    dtypes: [...new Set(all.map(storedDtype))],
    findings,
  };
}

interface ComponentAudit {
  readonly audited: AuditedPart;
  /** Null when it could not be read. */
  readonly config: Json | null;
}

/** @param weights finds and opens the checkpoint; default: the folder's own */
export async function auditComponent(
  rules: ComponentRules,
  folder: string,
  variant: string | null,
  expectedTensors: number | undefined,
  weights: (label: string, folder: string) => Promise<CheckpointFacts & { readonly path: string }> = folderWeights,
): Promise<ComponentAudit> {
  const { part, label } = rules;
  if ((await presence(folder)) !== 'there') {
    const audited = auditedPart({ part, variant, path: folder }, [say.missingFolder(label, folder)]);
    return { audited, config: null };
  }
  const read = await readConfig(rules, folder);
  const { findings: fileFindings, entries, path } = await weights(label, folder);
  const identity = entries === null ? null : auditIdentity(label, path, entries, rules.identity);
  // The tensors themselves are better evidence than the config beside them.
  const peculiar = entries === null ? null : (rules.peculiarTensors?.(entries, path) ?? null);
  const findings = [identity ?? peculiar, ...read.findings, ...fileFindings].filter((found) => found !== null);
  let needs: TensorNeeds | null = null;
  if (read.config !== null && entries !== null && findings.length === 0) {
    try {
      needs = rules.needs(read.config, entries);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      findings.push(say.finding('damaged', 'config-invalid', join(folder, 'config.json'), error.message, error.remedy));
    }
  }
  if (needs !== null && entries !== null) {
    if (expectedTensors !== undefined && needs.size !== expectedTensors) {
      findings.push(say.reducedModel(label, path, needs.size, expectedTensors));
    }
    findings.push(...auditTensors(label, path, entries, needs, rules.ignored));
  }
  return { audited: auditedPart({ part, variant, path }, findings, entries, needs), config: read.config };
}

/** The checkpoint of a folder in diffusers' layout. */
export async function folderWeights(
  label: string,
  folder: string,
): Promise<CheckpointFacts & { readonly path: string }> {
  const findings = await auditFolderFiles(label, folder);
  if (findings.length > 0) return { findings, entries: null, path: folder };
  return { ...(await readEntries(label, folder)), path: folder };
}

async function readConfig(
  { label, className, peculiarities }: ComponentRules,
  folder: string,
): Promise<{ readonly findings: AuditFinding[]; readonly config: Json | null }> {
  const file = join(folder, 'config.json');
  const there = await presence(file);
  if (there === 'absent') return { findings: [say.missingConfig(label, file)], config: null };
  if (there === 'broken-link') return { findings: [say.brokenLink(label, file)], config: null };
  const config = await readObject(file);
  if (config === null) return { findings: [say.damagedJson(label, file)], config: null };
  const named = config[className.field];
  const found = Array.isArray(named) ? String(named[0]) : typeof named === 'string' ? named : null;
  if (found !== null && found !== className.expected && className.accepts?.test(found) !== true) {
    return { findings: [say.otherClass(label, file, found, className.expected)], config: null };
  }
  const peculiar = peculiarities?.(config, file) ?? null;
  return { findings: peculiar === null ? [] : [peculiar], config };
}

/** The object in a JSON file; null when it is missing, unreadable or something else. */
export async function readObject(file: string): Promise<Json | null> {
  try {
    const json: unknown = JSON.parse(await readFile(file, 'utf8'));
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Json) : null;
  } catch {
    // Missing, unreadable or not JSON: the caller reports it.
    return null;
  }
}
