/** Checks the two tokenizers: that their files are there and that they are of the right kind. */
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import type { AuditedPart, AuditFinding } from '../protocol/audit-report.js';
import { loadClipTokenizer, loadT5Tokenizer } from '../text/load-tokenizers.js';
import type { TextTokenizer } from '../text/text-tokenizer.js';
import { auditFile, presence } from './audit-checkpoint.js';
import { absentPart, auditedPart, readObject } from './audit-component.js';
import * as say from './audit-findings.js';
import * as onDisk from './file-findings.js';

/**
 * @param place a folder; null when none was found
 * @param vocabulary of the network; undefined: not compared
 */
export function auditClipTokenizer(place: string | null, vocabulary?: number): Promise<AuditedPart> {
  const kind = { part: 'tokenizer', label: 'CLIP’s tokenizer', files: ['vocab.json', 'merges.txt'] } as const;
  return auditTokenizer({ ...kind, load: loadClipTokenizer }, place, vocabulary);
}

/** @param place a folder, or a GGUF that contains the tokenizer; null when none was found */
export function auditT5Tokenizer(place: string | null, vocabulary?: number): Promise<AuditedPart> {
  const kind = { part: 'tokenizer_2', label: 'T5’s tokenizer', files: ['tokenizer.json'] } as const;
  return auditTokenizer({ ...kind, load: loadT5Tokenizer }, place, vocabulary);
}

interface TokenizerKind {
  readonly part: 'tokenizer' | 'tokenizer_2';
  readonly label: string;
  readonly files: readonly string[];
  readonly load: (place: string) => Promise<TextTokenizer>;
}

/** T5's table has 32128 rows for 32100 tokens. */
const UNUSED_ROWS = 256;

async function auditTokenizer(
  { part, label, files, load }: TokenizerKind,
  place: string | null,
  vocabulary: number | undefined,
): Promise<AuditedPart> {
  if (place === null) return absentPart(part, label, null);
  const findings: AuditFinding[] = [];
  if ((await presence(place)) !== 'there') findings.push(onDisk.missingPlace(label, place));
  else if (/\.gguf$/i.test(place)) findings.push(...(await auditFile(label, place, ['gguf'], 'a GGUF file')));
  else {
    for (const name of [...files, 'tokenizer_config.json']) {
      const file = join(place, name);
      const there = await presence(file);
      if (there === 'broken-link') findings.push(onDisk.brokenLink(label, file));
      else if (there === 'absent')
        findings.push(onDisk.missingFile(label, file, `Download ${name} of the same folder.`));
      else if (name.endsWith('.json') && (await readObject(file)) === null) {
        const [wrong] = await auditFile(label, file, ['json'], 'a JSON file');
        findings.push(wrong ?? onDisk.damagedJson(label, file));
      }
    }
  }
  if (findings.length === 0) {
    try {
      const { vocabulary: found } = await load(place);
      const fits = vocabulary === undefined || (found <= vocabulary && found > vocabulary - UNUSED_ROWS);
      if (!fits) findings.push(say.otherVocabulary(label, place, found, vocabulary));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      findings.push(say.finding('other-model', 'tokenizer-invalid', place, `${label}: ${error.message}`, error.remedy));
    }
  }
  return auditedPart({ part, variant: null, path: place }, findings);
}
