/**
 * Says what a file or a component's folder contains, by its headers: which networks, whether each can be used, and if
 * none, what it is instead. A file's name decides nothing.
 */
import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import type { AuditedPart, AuditFinding, ExpectedTensors, PlaceDescription } from '../protocol/audit-report.js';
import { findParts, type FilePart } from '../weights/file-parts.js';
import { openCheckpoint } from '../weights/open-checkpoint.js';
import type { TensorEntry } from '../weights/tensor-source.js';
import { auditFile, auditFolderFiles, presence } from './audit-checkpoint.js';
import { auditComponent, isOfClass, readObject } from './audit-component.js';
import { auditClipTokenizer, auditT5Tokenizer } from './audit-tokenizers.js';
import { auditArcFace, auditImageProjection, auditRecognition, auditScrfd } from './audit-face-parts.js';
import * as say from './audit-findings.js';
import * as onDisk from './file-findings.js';
import { identify, OWN_IDENTITIES, type Identity } from './audit-identify.js';
import { readDeclaredHeader } from './audit-sniff.js';
import { CLIP_RULES, FLUX_RULES, INFUSENET_RULES, T5_RULES, VAE_RULES } from './audit-rules.js';

const RULES = { flux: FLUX_RULES, t5: T5_RULES, clip: CLIP_RULES, vae: VAE_RULES, infusenet: INFUSENET_RULES } as const;

/** Kinds of files whose tensors are read. */
const WEIGHTS = ['safetensors', 'gguf', 'zip', 'torch-legacy'] as const;

/** @param path absolute, of a file or of a folder with a network in diffusers' layout or a tokenizer */
export async function describePlace(path: string, expectedTensors: ExpectedTensors = {}): Promise<PlaceDescription> {
  const label = basename(path);
  const nothing = (finding: AuditFinding): PlaceDescription => ({ path, config: null, parts: [], finding });
  const there = await presence(path);
  if (there !== 'there')
    return nothing(there === 'absent' ? onDisk.missingPlace(label, path) : onDisk.brokenLink(label, path));
  const isFolder = (await stat(path)).isDirectory();
  if (!isFolder && extname(path).toLowerCase() === '.onnx') return describeOnnx(path);
  const tokenizers = isFolder ? await tokenizersOf(path, expectedTensors) : [];
  const file = join(path, 'config.json');
  const config = isFolder && (await presence(file)) === 'there' ? file : null;
  if (isFolder && config === null && tokenizers.length > 0) return { path, config, parts: tokenizers, finding: null };
  if (isFolder && config === null && (await hasTokenizer(path))) return nothing(say.otherTokenizer(label, path));
  const [wrong] = isFolder
    ? await auditFolderFiles(label, path)
    : await auditFile(label, path, WEIGHTS, 'weights in safetensors, GGUF or a file of torch.save');
  try {
    const { parts, other } = await (wrong === undefined ? contentsOf(path) : intendedContents(path, config));
    const audited = await Promise.all(parts.map((part) => auditOne(part, { path, config }, expectedTensors)));
    const own = parts.includes('t5') && !isFolder ? await tokenizerInGguf(path, expectedTensors) : [];
    const all = [...audited, ...tokenizers, ...own];
    if (all.length > 0) return { path, config, parts: all, finding: null };
    return nothing(wrong ?? whatInstead(label, path, other));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return nothing(wrong ?? onDisk.unreadable(label, path, error));
  }
}

interface Contents {
  readonly parts: readonly FilePart[];
  /** What it is when it is none of the parts. */
  readonly other: Identity | null;
}

/** What a file without any of the parts contains. */
function whatInstead(label: string, path: string, identity: Identity | null): AuditFinding {
  if (identity === null) return say.unknownNetwork(label, path);
  const isPart = Object.values(OWN_IDENTITIES).some((own) => own.includes(identity));
  return isPart ? say.incompletePart(label, path, identity) : say.otherModel(label, path, identity);
}

/** The tokenizers in a folder that can be used. */
async function tokenizersOf(folder: string, expected: ExpectedTensors): Promise<AuditedPart[]> {
  const audited = [
    await auditClipTokenizer(folder, expected.tokenizer),
    await auditT5Tokenizer(folder, expected.tokenizer_2),
  ];
  return audited.filter(({ state }) => state === 'ok');
}

async function hasTokenizer(folder: string): Promise<boolean> {
  const there = async (name: string) => (await presence(join(folder, name))) === 'there';
  return (await there('tokenizer.json')) || ((await there('vocab.json')) && (await there('merges.txt')));
}

/** T5's GGUF may contain its tokenizer. */
async function tokenizerInGguf(path: string, expected: ExpectedTensors): Promise<AuditedPart[]> {
  if (!/\.gguf$/i.test(path)) return [];
  const audited = await auditT5Tokenizer(path, expected.tokenizer_2);
  return audited.state === 'ok' ? [audited] : [];
}

async function contentsOf(path: string): Promise<Contents> {
  const source = await openCheckpoint(path);
  try {
    return contentsIn(source.entries);
  } finally {
    await source.close();
  }
}

function contentsIn(entries: ReadonlyMap<string, TensorEntry>): Contents {
  const parts = findParts(entries).map(({ part }) => part);
  return { parts, other: parts.length > 0 ? null : identify(entries.keys()) };
}

/** What a folder or file with damaged or missing weights should contain: by its config.json, or by its intact header. */
async function intendedContents(path: string, config: string | null): Promise<Contents> {
  if (config !== null) {
    const json = await readObject(config);
    const rules = json === null ? undefined : Object.values(RULES).find((one) => isOfClass(json, one));
    return { parts: rules === undefined ? [] : [rules.part], other: null };
  }
  const header = await readDeclaredHeader(path);
  return header === null ? { parts: [], other: null } : contentsIn(header);
}

async function auditOne(
  part: FilePart,
  place: { readonly path: string; readonly config: string | null },
  expectedTensors: ExpectedTensors,
): Promise<AuditedPart> {
  if (part === 'image-projection') return auditImageProjection('', place.path);
  if (part === 'arcface') return auditArcFace(place.path);
  return (await auditComponent(RULES[part], place, null, expectedTensors[part])).audited;
}

/** A detector has other outputs than a recognition network; the better fit is reported. */
async function describeOnnx(path: string): Promise<PlaceDescription> {
  const scrfd = await auditScrfd(path);
  if (scrfd.state === 'ok') return { path, config: null, parts: [scrfd], finding: null };
  const [recognition] = await auditRecognition(path, null);
  if (recognition?.state === 'ok') return { path, config: null, parts: [recognition], finding: null };
  return { path, config: null, parts: [], finding: scrfd.findings[0] ?? null };
}
