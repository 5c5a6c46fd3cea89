/** Texts about available packs, downloads and converted weights. */
import type { CacheEntry, DownloadState, ImportPart, TokenSource } from '$contract/library';
import { formatBytes, formatTimeLeft } from '../format-amount';
import { commas, t } from '../../text/text.svelte';
import { componentName } from './pack-text';

/** `InfuseNet (aes_stage2)`. */
export function importPartName({ part, variant }: Pick<ImportPart, 'part' | 'variant'>): string {
  const name = componentName(part);
  return variant === null ? name : `${name} (${variant})`;
}

export function importStateName(state: ImportPart['state']): string {
  return t(`import.state.${state}`);
}

/** `1160 of 1160 tensors, 22.2 GiB, BF16`. */
export function importPartFacts({ tensors, expectedTensors, bytes, dtypes }: ImportPart): string {
  const facts: string[] = [];
  if (tensors !== null)
    facts.push(
      // A file may hold more tensors than the networks need.
      expectedTensors === null || tensors > expectedTensors
        ? t('import.tensors', { count: tensors })
        : t('import.tensors-of', { count: tensors, total: expectedTensors }),
    );
  if (bytes > 0) facts.push(formatBytes(bytes));
  if (dtypes.length > 0) facts.push(commas(dtypes));
  return commas(facts);
}

/** Progress of a download, for the line under its bar. */
export function downloadLine(state: DownloadState): string {
  const { phase, status, receivedBytes, totalBytes, bytesPerSecond, secondsLeft } = state;
  if (status === 'running' && phase === 'ask') return t('download.asking');
  if (status === 'running' && phase === 'verify') return t('download.verifying', { file: state.file });
  const amount =
    totalBytes > 0 ? t('download.of', { received: formatBytes(receivedBytes), total: formatBytes(totalBytes) }) : '';
  if (status === 'done')
    return totalBytes > 0 ? t('download.checked-bytes', { bytes: formatBytes(totalBytes) }) : t('download.checked');
  if (status !== 'running') return amount === '' ? t('download.kept') : t('download.kept-amount', { amount });
  const left = formatTimeLeft(secondsLeft);
  return [
    amount,
    bytesPerSecond === null ? '' : t('unit.per-second', { amount: formatBytes(bytesPerSecond) }),
    left === null ? '' : t('time.left', { time: left }),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}

/** 0 to 1; null while the total is unknown. */
export function downloadFraction({ receivedBytes, totalBytes }: DownloadState): number | null {
  return totalBytes === 0 ? null : Math.min(1, receivedBytes / totalBytes);
}

export function tokenSentence(source: TokenSource): string {
  return t(`token.${source}`);
}

/** Whether a token solves this failure. */
export function needsToken(reason: unknown): boolean {
  return reason === 'no-token' || reason === 'bad-token' || reason === 'wrong-scope';
}

/** The first address in a remedy, such as the page on which to accept a licence; null if there is none. */
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
