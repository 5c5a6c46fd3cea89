/** Opens a single weights file by what its first bytes say, not by its name. */
import { openSafetensors } from './safetensors-source.js';
import type { TensorSource } from './tensor-source.js';

/** @throws AppError weights.unreadable, weights.malformed, weights.unsupported-dtype */
export async function openTensorFile(path: string): Promise<TensorSource> {
  return openSafetensors(path);
}
