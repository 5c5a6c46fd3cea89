/** Findings of the audit: for each kind of problem what was found, what was expected, and what to do. Pure. */
import { basename } from 'node:path';
import type { AuditFinding } from '../protocol/audit-report.js';
import { IDENTITY_TEXT, type Identity } from './audit-identify.js';
import type { SniffedFile } from './audit-sniff.js';

const DOWNLOAD_AGAIN = 'Download this file again.';
const SAME_REPOSITORY = 'Download the whole folder again from one revision of its repository.';

type State = AuditFinding['state'];

export function finding(state: State, kind: string, file: string, sentence: string, remedy: string): AuditFinding {
  return { state, kind, file, sentence, remedy };
}

export function missingFolder(label: string, file: string): AuditFinding {
  return finding(
    'missing',
    'folder-missing',
    file,
    `${label}: the folder ${basename(file)} is missing.`,
    'Download the folder, or choose the one that contains it.',
  );
}

export function missingFile(label: string, file: string, remedy = DOWNLOAD_AGAIN): AuditFinding {
  return finding('missing', 'file-missing', file, `${label}: ${basename(file)} is missing.`, remedy);
}

export function brokenLink(label: string, file: string): AuditFinding {
  return finding(
    'missing',
    'broken-link',
    file,
    `${label}: ${basename(file)} is a link to a missing file.`,
    'The cache was cleaned or the drive is not connected. Connect it, or download the file again.',
  );
}

export function unfinished(label: string, file: string): AuditFinding {
  return finding(
    'unfinished',
    'unfinished-download',
    file,
    `${label}: only ${basename(file)} exists, an unfinished download.`,
    'Resume the download in the program that started it, or start it here.',
  );
}

export function missingConfig(label: string, file: string): AuditFinding {
  return finding(
    'missing',
    'config-missing',
    file,
    `${label}: config.json is missing; it contains the size of the network.`,
    'Download config.json of the same folder.',
  );
}

export function damagedJson(label: string, file: string): AuditFinding {
  return finding('damaged', 'json-damaged', file, `${label}: ${basename(file)} is not valid JSON.`, DOWNLOAD_AGAIN);
}

export function otherClass(label: string, file: string, found: string, expected: string): AuditFinding {
  return finding(
    'other-model',
    'config-of-other-class',
    file,
    `${label}: config.json is of ${found}, expected ${expected}.`,
    'The folder contains another model. Choose the folder of the model that belongs here.',
  );
}

export function schnell(label: string, file: string): AuditFinding {
  return finding(
    'other-model',
    'schnell',
    file,
    `${label}: this is FLUX.1-schnell, which has no guidance embedder; expected FLUX.1-dev.`,
    'InfiniteYou was trained with FLUX.1-dev. Get black-forest-labs/FLUX.1-dev.',
  );
}

export function fluxTools(label: string, file: string, channels: number): AuditFinding {
  return finding(
    'other-model',
    'flux-tools',
    file,
    `${label}: this FLUX reads ${channels} channels, expected 64: it is a Fill, Canny or Depth model.`,
    'Get black-forest-labs/FLUX.1-dev itself.',
  );
}

export function reducedModel(label: string, file: string, found: number, expected: number): AuditFinding {
  return finding(
    'other-model',
    'other-size',
    file,
    `${label}: by its config.json this network has ${found} tensors, expected ${expected}.`,
    'This is a reduced or extended model. Get the one that the pack names.',
  );
}

export function noWeights(label: string, folder: string): AuditFinding {
  return finding(
    'missing',
    'weights-missing',
    folder,
    `${label}: the folder has no weights (*.safetensors).`,
    'Download the safetensors files of this folder.',
  );
}

export function torchWeightsOnly(label: string, file: string): AuditFinding {
  return finding(
    'missing',
    'torch-weights-only',
    file,
    `${label}: the weights exist only as ${basename(file)}, expected safetensors.`,
    'Download the safetensors files of the same folder.',
  );
}

export function fp8Only(label: string, file: string): AuditFinding {
  return finding(
    'missing',
    'fp8-only',
    file,
    `${label}: only ${basename(file)} exists, a plain cast to fp8 without scales; the bf16 file is missing.`,
    'Download the bf16 file (5.9 GB); the app makes fp8 with scales from it, which is more exact.',
  );
}

export function wrongVariant(label: string, file: string, expected: string): AuditFinding {
  return finding(
    'other-model',
    'wrong-variant',
    file,
    `${label}: ${basename(file)} is of another variant, expected ${expected}.`,
    'Move it to the folder of its own variant, and get the file that belongs here.',
  );
}

export function missingShard(label: string, file: string, shards: number): AuditFinding {
  return finding(
    'missing',
    'shard-missing',
    file,
    `${label}: ${basename(file)} is missing, one of ${shards} parts of the weights.`,
    DOWNLOAD_AGAIN,
  );
}

export function missingIndex(label: string, file: string, shards: number): AuditFinding {
  return finding(
    'missing',
    'index-missing',
    file,
    `${label}: ${shards} parts of the weights exist, but not their index ${basename(file)}.`,
    'Download the index; it is small.',
  );
}

export function indexMismatch(label: string, file: string): AuditFinding {
  return finding(
    'damaged',
    'index-mismatch',
    file,
    `${label}: the index names tensors that are not in the parts: the files are of different downloads.`,
    SAME_REPOSITORY,
  );
}

/** The problem that the first bytes show; null when the file is as expected. */
export function wrongKind(label: string, file: string, sniffed: SniffedFile, expected: string): AuditFinding | null {
  const name = basename(file);
  switch (sniffed.kind) {
    case 'empty':
      return finding('damaged', 'empty-file', file, `${label}: ${name} is empty.`, DOWNLOAD_AGAIN);
    case 'lfs-pointer':
      return finding(
        'missing',
        'lfs-pointer',
        file,
        `${label}: ${name} is only a Git LFS pointer of ${sniffed.sizeBytes} bytes; the weights were not fetched.`,
        'Run "git lfs pull" in that repository, or download the file.',
      );
    case 'html':
      return finding(
        'damaged',
        'web-page',
        file,
        `${label}: ${name} is a web page, most likely a log-in or error page saved instead of the file.`,
        'Accept the licence on the model’s page, then download the file again with a token.',
      );
    case 'gguf':
      return finding(
        'other-model',
        'gguf',
        file,
        `${label}: ${name} is a GGUF file, expected ${expected}.`,
        'Get the 16-bit safetensors in diffusers’ layout; the app makes its own 4-bit and 8-bit formats.',
      );
    case 'protobuf':
      return finding(
        'other-model',
        'onnx-file',
        file,
        `${label}: ${name} is an ONNX file, expected ${expected}.`,
        'Get the original weights that the pack names; the app builds its own graphs.',
      );
    case 'zip':
    case 'torch-legacy':
      return finding(
        'other-model',
        'torch-file',
        file,
        `${label}: ${name} was written by torch, expected ${expected}.`,
        'Get the safetensors file, and do not rename files.',
      );
    case 'json':
      return finding(
        'damaged',
        'json-instead',
        file,
        `${label}: ${name} is JSON text, most likely an error message, expected ${expected}.`,
        DOWNLOAD_AGAIN,
      );
    case 'unknown':
      return finding(
        'damaged',
        'unknown-file',
        file,
        `${label}: ${name} is of an unknown kind, expected ${expected}.`,
        DOWNLOAD_AGAIN,
      );
    case 'safetensors':
      return wrongLength(label, file, sniffed);
  }
}

export function wrongLength(
  label: string,
  file: string,
  { sizeBytes, declaredBytes }: SniffedFile,
): AuditFinding | null {
  if (declaredBytes === null || declaredBytes === sizeBytes) return null;
  const name = basename(file);
  return sizeBytes < declaredBytes
    ? finding(
        'truncated',
        'truncated',
        file,
        `${label}: ${name} has ${sizeBytes} bytes, expected ${declaredBytes} by its header: it is truncated.`,
        'Resume or repeat the download of this file.',
      )
    : finding(
        'damaged',
        'too-long',
        file,
        `${label}: ${name} has ${sizeBytes} bytes, ${sizeBytes - declaredBytes} more than its header describes.`,
        DOWNLOAD_AGAIN,
      );
}

export function otherModel(label: string, file: string, identity: Identity): AuditFinding {
  const { what, remedy } = IDENTITY_TEXT[identity];
  return finding('other-model', `is-${identity}`, file, `${label}: ${basename(file)} contains ${what}.`, remedy);
}

const LISTED = 3;

function some(names: readonly string[]): string {
  const listed = names.slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${listed} and ${names.length - LISTED} more` : listed;
}

export function missingTensors(label: string, file: string, names: readonly string[], expected: number): AuditFinding {
  return finding(
    'damaged',
    'tensors-missing',
    file,
    `${label}: ${names.length} of ${expected} tensors are missing: ${some(names)}.`,
    'The weights are incomplete or were edited. Download them again.',
  );
}

export function unexpectedTensors(label: string, file: string, names: readonly string[]): AuditFinding {
  return finding(
    'other-model',
    'tensors-unexpected',
    file,
    `${label}: ${names.length} tensors do not belong to this network: ${some(names)}.`,
    'The weights are of a modified model. Get the original ones.',
  );
}

export function wrongShape(
  label: string,
  file: string,
  name: string,
  found: readonly number[],
  expected: readonly (number | null)[],
): AuditFinding {
  return finding(
    'other-model',
    'wrong-shape',
    file,
    `${label}: "${name}" has shape [${found.join(', ')}], expected [${expected.map((dim) => dim ?? 'any').join(', ')}] by config.json.`,
    'Weights and config.json are of different models. Download both from one repository.',
  );
}

export function wrongDtype(label: string, file: string, name: string, dtype: string): AuditFinding {
  return finding(
    'other-model',
    'wrong-dtype',
    file,
    `${label}: "${name}" is stored as ${dtype}, expected a float type.`,
    'Get the 16-bit weights; the app quantizes them itself.',
  );
}

/** A plain cast to fp8 can be read, but a comparison should not start from it. */
export function plainFp8(label: string, file: string): AuditFinding {
  return finding(
    'other-model',
    'plain-fp8',
    file,
    `${label}: the weights were cast to fp8 without scales, so "16-bit" would not be the original.`,
    'Get the bf16 weights; the app makes fp8 from them itself.',
  );
}

export function disagree(label: string, file: string, what: string, found: number, expected: number): AuditFinding {
  return finding(
    'other-model',
    'parts-disagree',
    file,
    `${label}: ${what} is ${found}, the rest of the pack needs ${expected}.`,
    'The parts are of different models. Get all of them from the repositories that the pack names.',
  );
}
