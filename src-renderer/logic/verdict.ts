/** What the numbers of one row say, in a sentence. Differences from the reference, never "quality". */
import type { CompareRow } from '$contract/compare-data';
import { formatBytes, formatNumberDelta, formatSeconds } from './format-amount';
import { psnrText } from './table-text';

/** Below this the memory readings of two equal runs differ anyway. */
const SAME_BYTES = 8 * 2 ** 20;

function more(delta: number, format: (value: number) => string, what: string): string {
  return `${format(Math.abs(delta))} ${delta < 0 ? 'less' : 'more'} ${what}`;
}

/** `INT8 + InfuseNet NF4 against Full 16-bit: 1.35 GiB less at the peak, 12.1 s less, PSNR 34.2 dB, identity −0.004.` */
export function verdict(row: CompareRow, name: string, referenceName: string): string {
  const parts: string[] = [];
  if (row.peakDelta !== null) {
    const same = Math.abs(row.peakDelta) < SAME_BYTES;
    parts.push(same ? 'the same peak memory' : more(row.peakDelta, formatBytes, 'memory at the peak'));
  }
  if (row.secondsDelta !== null) parts.push(more(row.secondsDelta, formatSeconds, 'time'));
  if (row.difference?.identical === true) parts.push('the picture is identical');
  else if (row.difference !== null) parts.push(`PSNR ${psnrText(row)}`);
  if (row.identityDelta !== null) parts.push(`identity ${formatNumberDelta(row.identityDelta, 3)}`);
  const what = parts.length === 0 ? 'nothing was measured' : parts.join(', ');
  return `${name} against ${referenceName}: ${what}.`;
}
