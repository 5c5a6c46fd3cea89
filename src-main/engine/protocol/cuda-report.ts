/** What was found of the `cuda` provider on a computer. */
import type { CudaPartId } from '../../base/cuda-parts.js';

export interface CudaPartReport {
  readonly part: CudaPartId;
  readonly name: string;
  /** `other-version`: a file of another version than its neighbours, or too old. `broken`: cut short or for another system. */
  readonly state: 'present' | 'missing' | 'other-version' | 'broken';
  /** Version that was run with the others. */
  readonly expected: string;
  /** Of the file; null when it is missing or does not say. */
  readonly found: string | null;
  /** Absolute path; null when it is missing. */
  readonly file: string | null;
  /** What is wrong, a sentence; null when nothing is. */
  readonly problem: string | null;
}

export interface CudaDriverReport {
  readonly state: 'present' | 'missing' | 'old';
  /** Major version that is needed at least. */
  readonly expected: string;
  /** Null when it cannot be read. */
  readonly found: string | null;
  readonly cards: readonly { readonly name: string; readonly memoryBytes: number | null }[];
}

export interface CudaReport {
  /** Driver and every library are there. */
  readonly complete: boolean;
  readonly driver: CudaDriverReport;
  readonly parts: readonly CudaPartReport[];
  /** Folders that were looked through, in their order. */
  readonly searched: readonly string[];
}
