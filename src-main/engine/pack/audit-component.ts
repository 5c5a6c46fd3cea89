/** Checks one network: config.json if it has one, the files of its weights, and their tensors. */
import { AppError } from '../../base/app-error.js';
import { readText } from '../../disk/text-file.js';
import { quantizedAs, storedBytes, storedDtype, type TensorEntry } from '../weights/tensor-source.js';
import type { PartPlace } from '../protocol/pack-parts.js';
import { auditTensors, presence, readPart } from './audit-checkpoint.js';
import { inferConfig } from './infer-config.js';
import * as say from './audit-findings.js';
import * as onDisk from './file-findings.js';
import type { TensorNeeds } from './audit-needs.js';
import type { AuditedPart, AuditFinding, AuditPart } from '../protocol/audit-report.js';

/** Fields of a config.json. */
export type Json = Readonly<Record<string, unknown>>;
type Entries = ReadonlyMap<string, TensorEntry>;

/** Rules of a network, for `auditComponent`. */
export interface ComponentRules {
  readonly part: 'flux' | 't5' | 'clip' | 'vae' | 'infusenet';
  readonly label: string;
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
    quantized: quantizedAs(all),
    findings,
  };
}

interface ComponentAudit {
  readonly audited: AuditedPart;
  /** Its config.json, or the sizes that its tensors show; null when neither could be read. */
  readonly config: Json | null;
}

/** @param place null when no candidate was found */
export async function auditComponent(
  rules: ComponentRules,
  place: PartPlace | null,
  variant: string | null,
  expectedTensors: number | undefined,
): Promise<ComponentAudit> {
  const { part, label } = rules;
  if (place === null) return { audited: absentPart(part, label, variant), config: null };
  const { path } = place;
  const there = await presence(path);
  if (there !== 'there') {
    const missing = there === 'broken-link' ? onDisk.brokenLink(label, path) : onDisk.missingPlace(label, path);
    return { audited: auditedPart({ part, variant, path }, [missing]), config: null };
  }
  const read = place.config === null ? null : await readConfig(rules, place.config);
  const { findings: fileFindings, entries } = await readPart(part, label, path);
  // The tensors themselves are better evidence than the config beside them.
  const told = entries === null ? [] : fileFindings;
  const peculiar = entries === null || told.length > 0 ? null : (rules.peculiarTensors?.(entries, path) ?? null);
  const findings = [...told, peculiar, ...(read?.findings ?? []), ...(entries === null ? fileFindings : [])].filter(
    (found) => found !== null,
  );
  let config = read?.config ?? null;
  let needs: TensorNeeds | null = null;
  if (entries !== null && findings.length === 0) {
    try {
      if (read === null) config = inferConfig(part, entries, path);
      needs = config === null ? null : rules.needs(config, entries);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      findings.push(say.finding('damaged', 'config-invalid', place.config ?? path, error.message, error.remedy));
    }
  }
  if (needs !== null && entries !== null) {
    if (expectedTensors !== undefined && needs.size !== expectedTensors) {
      findings.push(say.reducedModel(label, path, needs.size, expectedTensors));
    }
    findings.push(...auditTensors(label, path, entries, needs, rules.ignored));
  }
  return { audited: auditedPart({ part, variant, path }, findings, entries, needs), config };
}

/** A part without a candidate. */
export function absentPart(part: AuditPart, label: string, variant: string | null): AuditedPart {
  const missing = say.finding(
    'missing',
    'part-missing',
    '',
    `${label} was not found in any of the searched places.`,
    'Download it, or choose the folder that contains it.',
  );
  return auditedPart({ part, variant, path: null }, [missing]);
}

/** Whether a config.json names this network's class. */
export function isOfClass(config: Json, { className }: Pick<ComponentRules, 'className'>): boolean {
  const found = classOf(config, className.field);
  return found !== null && accepts(className, found);
}

function classOf(config: Json, field: string): string | null {
  const named = config[field];
  return Array.isArray(named) ? String(named[0]) : typeof named === 'string' ? named : null;
}

function accepts({ expected, accepts: others }: ComponentRules['className'], found: string): boolean {
  return found === expected || others?.test(found) === true;
}

async function readConfig(
  { label, className, peculiarities }: ComponentRules,
  file: string,
): Promise<{ readonly findings: AuditFinding[]; readonly config: Json | null }> {
  const there = await presence(file);
  if (there === 'absent') return { findings: [onDisk.missingConfig(label, file)], config: null };
  if (there === 'broken-link') return { findings: [onDisk.brokenLink(label, file)], config: null };
  const config = await readObject(file);
  if (config === null) return { findings: [onDisk.damagedJson(label, file)], config: null };
  const found = classOf(config, className.field);
  if (found !== null && !accepts(className, found)) {
    return { findings: [say.otherClass(label, file, found, className.expected)], config: null };
  }
  const peculiar = peculiarities?.(config, file) ?? null;
  return { findings: peculiar === null ? [] : [peculiar], config };
}

/** The object in a JSON file; null when it is missing, unreadable or something else. */
export async function readObject(file: string): Promise<Json | null> {
  try {
    const json: unknown = JSON.parse(await readText(file));
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as Json) : null;
  } catch {
    // Missing, unreadable or not JSON: the caller reports it.
    return null;
  }
}
