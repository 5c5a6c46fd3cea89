/**
 * Findings about files: which are missing, broken or of the wrong kind, what was expected, and what to do. Pure.
 */
import { basename, extname } from 'node:path';
import type { AppError } from '../../base/app-error.js';
import type { AuditFinding } from '../protocol/audit-report.js';
import { finding, named } from './audit-findings.js';
import type { SniffedFile } from './audit-sniff.js';

const DOWNLOAD_AGAIN = 'Download this file again.';
const SAME_REPOSITORY = 'Download the whole folder again from one revision of its repository.';

export function missingPlace(label: string, path: string): AuditFinding {
  return extname(path) === ''
    ? finding(
        'missing',
        'folder-missing',
        path,
        `${label}: the folder ${basename(path)} is missing.`,
        'Download the folder, or choose the one that contains it.',
      )
    : missingFile(label, path);
}

export function missingFile(label: string, file: string, remedy = DOWNLOAD_AGAIN): AuditFinding {
  return finding('missing', 'file-missing', file, `${named(label, file)} is missing.`, remedy);
}

export function brokenLink(label: string, file: string): AuditFinding {
  return finding(
    'missing',
    'broken-link',
    file,
    `${named(label, file)} is a link to a missing file.`,
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
  return finding('damaged', 'json-damaged', file, `${named(label, file)} is not valid JSON.`, DOWNLOAD_AGAIN);
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

export function missingShard(label: string, file: string, shards: number): AuditFinding {
  return finding(
    'missing',
    'shard-missing',
    file,
    `${named(label, file)} is missing, one of ${shards} parts of the weights.`,
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
  const name = named(label, file);
  switch (sniffed.kind) {
    case 'empty':
      return finding('damaged', 'empty-file', file, `${name} is empty.`, DOWNLOAD_AGAIN);
    case 'lfs-pointer':
      return finding(
        'missing',
        'lfs-pointer',
        file,
        `${name} is only a Git LFS pointer of ${sniffed.sizeBytes} bytes; the weights were not fetched.`,
        'Run "git lfs pull" in that repository, or download the file.',
      );
    case 'html':
      return finding(
        'damaged',
        'web-page',
        file,
        `${name} is a web page, most likely a log-in or error page saved instead of the file.`,
        'Accept the licence on the model’s page, then download the file again with a token.',
      );
    case 'gguf':
      return finding(
        'other-model',
        'gguf',
        file,
        `${name} is a GGUF file, expected ${expected}.`,
        'Get the file that the pack names: this part is read in no other kind.',
      );
    case 'protobuf':
      return finding(
        'other-model',
        'onnx-file',
        file,
        `${name} is an ONNX file, expected ${expected}.`,
        'Get the original weights that the pack names; the app builds its own graphs.',
      );
    case 'zip':
    case 'torch-legacy':
      return finding(
        'other-model',
        'torch-file',
        file,
        `${name} was written by torch, expected ${expected}.`,
        'Get the safetensors file, and do not rename files.',
      );
    case 'json':
      return finding(
        'damaged',
        'json-instead',
        file,
        `${name} is JSON text, most likely an error message, expected ${expected}.`,
        DOWNLOAD_AGAIN,
      );
    case 'unknown':
      return finding(
        'damaged',
        'unknown-file',
        file,
        `${name} is of an unknown kind, expected ${expected}. It begins with ${firstBytes(sniffed)}.`,
        DOWNLOAD_AGAIN,
      );
    case 'safetensors':
      return wrongLength(label, file, sniffed);
  }
}

/** As text where it is text. */
function firstBytes({ start }: SniffedFile): string {
  const shown = start.subarray(0, 8);
  const text = Buffer.from(shown).toString('latin1');
  return /^[\x20-\x7e]+$/.test(text)
    ? `“${text}”`
    : `the bytes ${Buffer.from(shown)
        .toString('hex')
        .replace(/..(?=.)/g, '$& ')}`;
}

export function wrongLength(
  label: string,
  file: string,
  { sizeBytes, declaredBytes }: SniffedFile,
): AuditFinding | null {
  if (declaredBytes === null || declaredBytes === sizeBytes) return null;
  const name = named(label, file);
  return sizeBytes < declaredBytes
    ? finding(
        'truncated',
        'truncated',
        file,
        `${name} has ${sizeBytes} bytes, expected ${declaredBytes} by its header: it is truncated.`,
        'Resume or repeat the download of this file.',
      )
    : finding(
        'damaged',
        'too-long',
        file,
        `${name} has ${sizeBytes} bytes, ${sizeBytes - declaredBytes} more than its header describes.`,
        DOWNLOAD_AGAIN,
      );
}

/** What a reader refused: forms that it does not read, and files that break theirs. */
export function unreadable(label: string, file: string, { code, message, remedy }: AppError): AuditFinding {
  const kind = code.slice(code.indexOf('.') + 1);
  const state = kind === 'unsupported-dtype' ? 'other-model' : 'damaged';
  return finding(state, kind, file, label === basename(file) ? message : `${label}: ${message}`, remedy);
}
