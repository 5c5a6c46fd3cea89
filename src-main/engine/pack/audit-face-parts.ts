/**
 * Checks the face parts: InfiniteYou's image projection, facexlib's ArcFace, the SCRFD detector and, if present, the
 * second recognition network. Files similar to ArcFace and SCRFD run without an error and give another face.
 */
import { basename } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { openArcFaceFile, openImageProjectionFile } from './pack-networks.js';
import { requireRecognitionModel, sameContents } from './recognition-model.js';
import { isArcFaceBuffer } from '../weights/names/identity.js';
import type { TensorEntry } from '../weights/tensor-source.js';
import { auditFile, auditTensors, presence, readPart } from './audit-checkpoint.js';
import { absentPart, auditedPart } from './audit-component.js';
import * as say from './audit-findings.js';
import * as onDisk from './file-findings.js';
import { identify } from './audit-identify.js';
import { arcFaceNeeds, imageProjectionNeeds, type TensorNeeds } from './audit-needs.js';
import { readOnnxOutline, type OnnxOutline } from '../weights/onnx-outline.js';
import type { AuditedPart, AuditFinding, AuditPart } from '../protocol/audit-report.js';
import { sniffFile } from './audit-sniff.js';

const TORCH_OR_SAFETENSORS = ['zip', 'torch-legacy', 'safetensors'] as const;
/** Scores, boxes and landmarks at three strides. @source deepinsight/insightface scrfd.py, `_init_vars` */
const SCRFD_OUTPUTS = 9;
const SCRFD_OUTPUTS_WITHOUT_LANDMARKS = 6;

type Entries = ReadonlyMap<string, TensorEntry>;

/** @param path null when there is no file */
export async function auditImageProjection(variant: string, path: string | null): Promise<AuditedPart> {
  const label = `The image projection (${variant})`;
  if (path === null) return absentPart('image-projection', label, variant);
  return auditNetwork('image-projection', label, variant, path, async () => {
    const { source, config } = await openImageProjectionFile(path, null);
    await source.close();
    return imageProjectionNeeds(config);
  });
}

/** A network that torch.save wrote. */
async function auditNetwork(
  name: 'image-projection' | 'arcface',
  label: string,
  variant: string | null,
  path: string,
  needsOf: () => Promise<TensorNeeds>,
  ignored?: (name: string) => boolean,
): Promise<AuditedPart> {
  const there = await presence(path);
  if (there !== 'there') {
    const missing = there === 'broken-link' ? onDisk.brokenLink(label, path) : onDisk.missingFile(label, path);
    return part(name, variant, path, [missing]);
  }
  const { entries, findings } = await readPart(name, label, path, TORCH_OR_SAFETENSORS, 'a file that torch.save wrote');
  if (entries === null || findings.length > 0) return part(name, variant, path, findings, entries);
  try {
    const needs = await needsOf();
    return part(name, variant, path, auditTensors(label, path, entries, needs, ignored), entries, needs);
  } catch (error) {
    return part(name, variant, path, [notThisNetwork(label, path, error)], entries);
  }
}

/** @param path null when there is no file of the name */
export async function auditArcFace(path: string | null): Promise<AuditedPart> {
  const label = 'The face network';
  if (path === null) {
    return part('arcface', null, null, [
      say.finding(
        'missing',
        'arcface-missing',
        '',
        'The face network recognition_arcface_ir_se50.pth was not found; it is in neither repository.',
        'Download it from facexlib’s releases (175 MB); the face network of insightface does not replace it.',
      ),
    ]);
  }
  if ((await presence(path)) === 'there' && (await sniffFile(path)).kind === 'protobuf') {
    return part('arcface', null, path, [await onnxInsteadOfArcFace(label, path)]);
  }
  return auditNetwork(
    'arcface',
    label,
    null,
    path,
    async () => {
      const { source, config } = await openArcFaceFile(path);
      await source.close();
      return arcFaceNeeds(config);
    },
    isArcFaceBuffer,
  );
}

/** Identifies insightface's networks, which are ONNX files, by their tensors' names. */
async function onnxInsteadOfArcFace(label: string, path: string): Promise<AuditFinding> {
  try {
    const { initializers } = await readOnnxOutline(path);
    const identity = identify(initializers);
    if (identity !== null) return say.otherModel(label, path, identity);
  } catch (error) {
    return notThisNetwork(label, path, error);
  }
  return say.finding(
    'other-model',
    'onnx-file',
    path,
    `${label}: ${basename(path)} is an ONNX file, expected facexlib’s recognition_arcface_ir_se50.pth.`,
    'Get recognition_arcface_ir_se50.pth from facexlib’s releases; networks of insightface such as glintr100 give another face.',
  );
}

/** @param path null when there is no file of the name */
export async function auditScrfd(path: string | null): Promise<AuditedPart> {
  const label = 'The face detector';
  if (path === null) {
    return part('scrfd', null, null, [
      say.finding(
        'missing',
        'scrfd-missing',
        '',
        'The face detector scrfd_10g_bnkps.onnx was not found.',
        'Get it from ByteDance/InfiniteYou, folder supports/insightface/models/antelopev2 (17 MB).',
      ),
    ]);
  }
  return auditOnnx('scrfd', label, path, ({ outputs }) => wrongDetector(label, path, outputs.length));
}

/** Checks the network that only scores; no report where there is none. @param arcface the network that conditions */
export async function auditRecognition(path: string | null, arcface: string | null): Promise<AuditedPart[]> {
  if (path === null) return [];
  const label = 'The second face network';
  const comparable = arcface !== null && (await presence(path)) === 'there' && (await presence(arcface)) === 'there';
  if (comparable && (await sameContents(path, arcface))) {
    const same = say.finding(
      'other-model',
      'same-encoder',
      path,
      `${label}: ${basename(path)} is the same file as ${basename(arcface)}, which conditions the pictures, so it gives no second opinion.`,
      'Use glintr100.onnx of antelopev2 instead, or none: pictures can be made without it.',
    );
    return [part('recognition', null, path, [same])];
  }
  const audited = await auditOnnx('recognition', label, path, (outline) => {
    requireRecognitionModel(outline, path);
    return null;
  });
  return [audited];
}

async function auditOnnx(
  name: 'scrfd' | 'recognition',
  label: string,
  path: string,
  check: (outline: OnnxOutline) => AuditFinding | null,
): Promise<AuditedPart> {
  const findings = await auditFile(label, path, ['protobuf'], 'an ONNX file');
  if (findings.length > 0) return part(name, null, path, findings);
  try {
    const outline = await readOnnxOutline(path);
    const wrong = check(outline);
    return { ...part(name, null, path, wrong === null ? [] : [wrong]), bytes: outline.sizeBytes };
  } catch (error) {
    return part(name, null, path, [notThisNetwork(label, path, error)]);
  }
}

function wrongDetector(label: string, path: string, outputs: number): AuditFinding | null {
  if (outputs === SCRFD_OUTPUTS) return null;
  if (outputs === SCRFD_OUTPUTS_WITHOUT_LANDMARKS) {
    return say.finding(
      'other-model',
      'detector-without-landmarks',
      path,
      `${label}: ${basename(path)} finds faces but not the eyes, nose and mouth that aligning a face needs.`,
      'Get scrfd_10g_bnkps.onnx; "kps" stands for the five landmarks.',
    );
  }
  return say.finding(
    'other-model',
    'not-a-detector',
    path,
    `${label}: ${basename(path)} has ${outputs} outputs, expected the ${SCRFD_OUTPUTS} of SCRFD with landmarks.`,
    'Get scrfd_10g_bnkps.onnx of antelopev2.',
  );
}

function notThisNetwork(label: string, path: string, error: unknown): AuditFinding {
  if (!(error instanceof AppError)) throw error;
  const kind = error.code.slice(error.code.indexOf('.') + 1);
  const state = error.code === 'weights.malformed' ? 'damaged' : 'other-model';
  return say.finding(state, kind, path, `${label}: ${error.message}`, error.remedy);
}

function part(
  name: AuditPart,
  variant: string | null,
  path: string | null,
  findings: readonly AuditFinding[],
  entries: Entries | null = null,
  needs: TensorNeeds | null = null,
): AuditedPart {
  return auditedPart({ part: name, variant, path }, findings, entries, needs);
}
