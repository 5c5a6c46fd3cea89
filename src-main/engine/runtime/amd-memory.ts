/** Video memory from the files of AMD's Linux driver. */
import { readdirSync, readFileSync } from 'node:fs';

const ROOT = '/sys/class/drm';

interface AmdMemory {
  readonly totalBytes: number | null;
  used(): number | null;
}

/** Null without such a card. */
export function openAmdMemory(): AmdMemory | null {
  let cards: string[];
  try {
    cards = readdirSync(ROOT);
  } catch {
    // No such folder: not Linux, or no graphics driver.
    return null;
  }
  const device = cards
    .map((card) => `${ROOT}/${card}/device`)
    .find((at) => readNumber(`${at}/mem_info_vram_used`) !== null);
  if (device === undefined) return null;
  return {
    totalBytes: readNumber(`${device}/mem_info_vram_total`),
    used: () => readNumber(`${device}/mem_info_vram_used`),
  };
}

function readNumber(path: string): number | null {
  try {
    const value = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}
