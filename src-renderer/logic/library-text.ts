/** Words about packs that can be had. */
import type { CacheEntry, DownloadState, ImportPart, TokenSource } from '$contract/library';
import { formatBytes, formatTimeLeft } from './format-amount';
import { componentName } from './pack-text';

const PARTS: Readonly<Record<string, string>> = { tokenizer: 'CLIP’s tokenizer', tokenizer_2: 'T5’s tokenizer' };

/** `InfuseNet (aes_stage2)`. */
export function importPartName({ part, variant }: Pick<ImportPart, 'part' | 'variant'>): string {
  const name = PARTS[part] ?? componentName(part);
  return variant === null ? name : `${name} (${variant})`;
}

const STATES: Readonly<Record<ImportPart['state'], string>> = {
  ok: 'Fine',
  missing: 'Missing',
  unfinished: 'Unfinished',
  truncated: 'Cut short',
  damaged: 'Damaged',
  'other-model': 'Another model',
};

export function importStateName(state: ImportPart['state']): string {
  return STATES[state];
}

/** `1160 of 1160 tensors, 22.2 GiB, BF16`. */
export function importPartFacts({ tensors, expectedTensors, bytes, dtypes }: ImportPart): string {
  const facts: string[] = [];
  if (tensors !== null)
    facts.push(expectedTensors === null ? `${tensors} tensors` : `${tensors} of ${expectedTensors} tensors`);
  if (bytes > 0) facts.push(formatBytes(bytes));
  if (dtypes.length > 0) facts.push(dtypes.join(', '));
  return facts.join(', ');
}

/** What a download does, for the line under its bar. */
export function downloadLine(state: DownloadState): string {
  const { phase, status, receivedBytes, totalBytes, bytesPerSecond, secondsLeft } = state;
  if (status === 'running' && phase === 'ask') return 'Asking the server for the files…';
  if (status === 'running' && phase === 'verify') return `Checking the hash of ${state.file}`;
  const amount = totalBytes > 0 ? `${formatBytes(receivedBytes)} of ${formatBytes(totalBytes)}` : '';
  if (status === 'done')
    return totalBytes > 0 ? `${formatBytes(totalBytes)}, every file checked` : 'Every file checked';
  if (status !== 'running') return amount === '' ? 'What has come is kept.' : `${amount}. What has come is kept.`;
  const left = formatTimeLeft(secondsLeft);
  return [
    amount,
    bytesPerSecond === null ? '' : `${formatBytes(bytesPerSecond)}/s`,
    left === null ? '' : `${left} left`,
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** 0 to 1; null while the total is not known. */
export function downloadFraction({ receivedBytes, totalBytes }: DownloadState): number | null {
  return totalBytes === 0 ? null : Math.min(1, receivedBytes / totalBytes);
}

const TOKENS: Readonly<Record<TokenSource, string>> = {
  environment: 'The token of the environment (HF_TOKEN) is used. It goes before one that is saved here.',
  app: 'A token is kept here. It is shown to nobody and sent to the hub alone.',
  tools: 'The token of Hugging Face’s own tools on this computer is used.',
  none: 'There is no token. FLUX.1-dev cannot be downloaded without one.',
};

export function tokenSentence(source: TokenSource): string {
  return TOKENS[source];
}

/** Failures that a person mends with a token. */
export function needsToken(reason: unknown): boolean {
  return reason === 'no-token' || reason === 'bad-token' || reason === 'wrong-scope';
}

/** The first address in a remedy, such as the page on which a licence is accepted; null without one. */
export function addressIn(text: string): string | null {
  return /https?:\/\/[^\s,;]+[^\s,;.]/.exec(text)?.[0] ?? null;
}

export interface CacheGroup {
  readonly packId: string | null;
  readonly packName: string;
  readonly bytes: number;
  readonly entries: readonly CacheEntry[];
}

/** Converted weights by pack, the largest first. */
export function cacheGroups(entries: readonly CacheEntry[]): CacheGroup[] {
  const groups = new Map<string | null, CacheEntry[]>();
  for (const entry of entries) groups.set(entry.packId, [...(groups.get(entry.packId) ?? []), entry]);
  return [...groups]
    .map(([packId, own]) => ({
      packId,
      packName: own[0]?.packName ?? '',
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      entries: own,
    }))
    .sort((a, b) => b.bytes - a.bytes);
}
