/**
 * Checks one checkpoint by its headers: whether every file exists, is complete and of the right kind, and whether the
 * tensors are those that the graphs read, each once, in the right shape.
 */
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { readText } from '../../disk/text-file.js';
import { findParts, type FilePart } from '../weights/file-parts.js';
import { withNames } from '../weights/named-source.js';
import { openCheckpoint } from '../weights/open-checkpoint.js';
import type { TensorDtype, TensorEntry, TensorSource } from '../weights/tensor-source.js';
import * as say from './audit-findings.js';
import * as onDisk from './file-findings.js';
import { identify, OWN_IDENTITIES } from './audit-identify.js';
import type { TensorNeeds } from './audit-needs.js';
import type { AuditFinding } from '../protocol/audit-report.js';
import type { FileKind } from '../weights/file-kind.js';
import { sniffFile } from './audit-sniff.js';

const FLOATS: readonly TensorDtype[] = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'];

/** Files that contain the weights of large networks. */
const WEIGHTS_KINDS: readonly FileKind[] = ['safetensors', 'gguf'];

export interface CheckpointFacts {
  readonly findings: readonly AuditFinding[];
  /** Headers of the checkpoint; null when it could not be opened. */
  readonly entries: ReadonlyMap<string, TensorEntry> | null;
}

/** Whether the path exists, or is a link without a target. */
export async function presence(path: string): Promise<'there' | 'absent' | 'broken-link'> {
  if ((await stat(path).catch(() => null)) !== null) return 'there';
  return (await lstat(path).catch(() => null)) === null ? 'absent' : 'broken-link';
}

/**
 * Checks the first bytes of the files in a component's folder in diffusers' layout.
 * @returns findings; empty when the folder can be opened as a checkpoint
 */
export async function auditFolderFiles(label: string, folder: string): Promise<AuditFinding[]> {
  const names = (await readdir(folder).catch(() => [])).sort();
  const index = names.find((name) => name.endsWith('.safetensors.index.json'));
  const whole = names.find((name) => name === 'diffusion_pytorch_model.safetensors' || name === 'model.safetensors');
  if (whole !== undefined) return auditFile(label, join(folder, whole));
  if (index !== undefined) return auditShards(label, join(folder, index), names);
  const shards = names.filter((name) => /-\d+-of-\d+\.safetensors$/.test(name));
  const [first] = shards;
  if (first !== undefined) {
    const missing = first.replace(/-\d+-of-\d+\.safetensors$/, '.safetensors.index.json');
    return [onDisk.missingIndex(label, join(folder, missing), shards.length)];
  }
  const others = names.filter((name) => /\.(safetensors|gguf)$/.test(name));
  if (others.length > 0) {
    const found = await Promise.all(others.map((name) => auditFile(label, join(folder, name))));
    return found.flat();
  }
  return [await insteadOfWeights(label, folder, names)];
}

async function insteadOfWeights(label: string, folder: string, names: readonly string[]): Promise<AuditFinding> {
  const named = (pattern: RegExp) => names.find((name) => pattern.test(name));
  const torch = named(/\.(bin|pth?|ckpt)$/i);
  if (torch !== undefined) return onDisk.torchWeightsOnly(label, join(folder, torch));
  const partial = named(/\.(incomplete|part|partial|crdownload|aria2|tmp)$/i);
  if (partial !== undefined) return onDisk.unfinished(label, join(folder, partial));
  return onDisk.noWeights(label, folder);
}

async function auditShards(label: string, index: string, names: readonly string[]): Promise<AuditFinding[]> {
  const kind = await sniffFile(index);
  const wrong = kind.kind === 'json' ? null : onDisk.wrongKind(label, index, kind, 'an index of the weights’ parts');
  if (wrong !== null) return [wrong];
  const shards = await readShardNames(index);
  if (shards === null) return [onDisk.damagedJson(label, index)];
  const findings: AuditFinding[] = [];
  for (const shard of shards) {
    const file = join(index, '..', shard);
    if (names.includes(shard)) findings.push(...(await auditFile(label, file)));
    else findings.push(onDisk.missingShard(label, file, shards.length));
  }
  return findings;
}

async function readShardNames(index: string): Promise<string[] | null> {
  try {
    const json = JSON.parse(await readText(index)) as { weight_map?: Record<string, string> };
    const shards = [...new Set(Object.values(json.weight_map ?? {}))].sort();
    return shards.length > 0 && shards.every((name) => /^[^/\\:\0]+\.safetensors$/.test(name)) ? shards : null;
  } catch {
    // However it is damaged, the index cannot be used.
    return null;
  }
}

/** Checks one file that should be safetensors, or of a kind in `accept`. */
export async function auditFile(
  label: string,
  file: string,
  accept: readonly FileKind[] = WEIGHTS_KINDS,
  expected = 'a safetensors or GGUF file',
): Promise<AuditFinding[]> {
  const there = await presence(file);
  if (there === 'broken-link') return [onDisk.brokenLink(label, file)];
  if (there === 'absent') return [onDisk.missingFile(label, file)];
  try {
    const sniffed = await sniffFile(file);
    const wrong = accept.includes(sniffed.kind)
      ? onDisk.wrongLength(label, file, sniffed)
      : onDisk.wrongKind(label, file, sniffed, expected);
    return wrong === null ? [] : [wrong];
  } catch (error) {
    return [unopenable(label, file, error)];
  }
}

function unopenable(label: string, path: string, error: unknown): AuditFinding {
  if (!(error instanceof AppError)) throw error;
  if (error.code === 'weights.missing-tensor') return onDisk.indexMismatch(label, path);
  return onDisk.unreadable(label, path, error);
}

/** The tensors of one network in a folder or file, in our names; findings when they cannot be read or are another's. */
export async function readPart(
  part: FilePart,
  label: string,
  path: string,
  accept: readonly FileKind[] = WEIGHTS_KINDS,
  expected = 'a safetensors or GGUF file',
): Promise<CheckpointFacts> {
  const isFolder = (await stat(path)).isDirectory();
  const findings = isFolder ? await auditFolderFiles(label, path) : await auditFile(label, path, accept, expected);
  if (findings.length > 0) return { findings, entries: null };
  let source: TensorSource;
  try {
    source = await openCheckpoint(path);
  } catch (error) {
    return { findings: [unopenable(label, path, error)], entries: null };
  }
  try {
    const found = findParts(source.entries).find((one) => one.part === part);
    const entries = found === undefined ? null : withNames(source, found.tensors, path).entries;
    // What lies beside an image projection tells whose it is.
    const told = entries === null || part === 'image-projection' ? source.entries : entries;
    const identity = identify(told.keys());
    if (entries !== null && (identity === null || OWN_IDENTITIES[part].includes(identity)))
      return { findings: [], entries };
    const other = identity === null ? say.unknownNetwork(label, path) : say.otherModel(label, path, identity);
    return { findings: [other], entries };
  } catch (error) {
    return { findings: [unopenable(label, path, error)], entries: null };
  } finally {
    await source.close();
  }
}

/** Compares the tensors with those that the graphs read. @param ignored tensors that need not be read */
export function auditTensors(
  label: string,
  file: string,
  entries: ReadonlyMap<string, TensorEntry>,
  needs: TensorNeeds,
  ignored: (name: string) => boolean = () => false,
): AuditFinding[] {
  const findings: AuditFinding[] = [];
  const missing = [...needs.keys()].filter((name) => !entries.has(name));
  if (missing.length > 0) findings.push(say.missingTensors(label, file, missing, needs.size));
  const unexpected = [...entries.keys()].filter((name) => !needs.has(name) && !ignored(name));
  if (unexpected.length > 0) findings.push(say.unexpectedTensors(label, file, unexpected));
  for (const [name, shape] of needs) {
    const entry = entries.get(name);
    if (entry === undefined) continue;
    const fits = entry.shape.length === shape.length && shape.every((dim, i) => dim === null || dim === entry.shape[i]);
    if (!fits) {
      findings.push(say.wrongShape(label, entry.file, name, entry.shape, shape));
      break;
    }
    if (!FLOATS.includes(entry.dtype)) {
      findings.push(say.wrongDtype(label, entry.file, name, entry.dtype));
      break;
    }
  }
  return findings;
}
