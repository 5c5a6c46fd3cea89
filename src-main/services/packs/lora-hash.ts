/** Hash of a LoRA's contents, kept until the file changes. */
import { stat } from 'node:fs/promises';
import { hashFile } from '../../library/checksum.js';
import type { LoraFile, LorasRepo } from '../../store/loras-repo.js';

/** @returns null when the LoRA is unknown or its file is unreadable */
export async function loraHash(repo: LorasRepo, loraId: string): Promise<string | null> {
  const lora = repo.get(loraId);
  return lora === null ? null : hashOf(repo, lora);
}

/** Ids of known LoRAs by the current hash of their files. */
export async function lorasByHash(repo: LorasRepo): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (const lora of repo.list()) {
    const hash = await hashOf(repo, lora);
    if (hash !== null && !ids.has(hash)) ids.set(hash, lora.id);
  }
  return ids;
}

async function hashOf(repo: LorasRepo, lora: LoraFile): Promise<string | null> {
  const info = await stat(lora.file).catch(() => null);
  if (info === null) return null;
  const changedAtMs = Math.round(info.mtimeMs);
  if (lora.bytes === info.size && lora.changedAtMs === changedAtMs) return lora.sha256;
  const hash = await hashFile(lora.file, 'sha256').catch(() => null);
  if (hash !== null) repo.saveHash(lora.id, hash, info.size, changedAtMs);
  return hash;
}
