/** Whether a file is a whole library of this system, by its headers alone. Loading a cut one can end the process. */
import { open } from 'node:fs/promises';
import type { CudaSystem } from '../../../base/cuda-parts.js';

/** @source ELF-64 object file format: e_ident, e_machine, e_shoff, e_shentsize, e_shnum */
const ELF = { magic: 0x7f454c46, bytes: 64, machine: 18, x64: 62, sections: 40, entrySize: 58, entries: 60 } as const;
/** @source Microsoft PE format: e_lfanew, COFF header, section table, attribute certificates */
const PE = { magic: 0x4d5a, offset: 0x3c, x64: 0x8664, coff: 24, section: 40, maxSections: 96 } as const;

/** Null for a whole library; else what is wrong. Never throws. */
export async function libraryDefect(file: string, system: CudaSystem): Promise<string | null> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      const read = async (position: number, length: number): Promise<DataView | null> => {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, position);
        return bytesRead === length ? new DataView(bytes.buffer) : null;
      };
      return system === 'linux-x64' ? await elfDefect(read, size) : await peDefect(read, size);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'})`;
  }
}

type Read = (position: number, length: number) => Promise<DataView | null>;

async function elfDefect(read: Read, size: number): Promise<string | null> {
  const header = await read(0, ELF.bytes);
  if (header === null) return `is cut short: ${size} bytes`;
  if (header.getUint32(0) !== ELF.magic) return 'is no Linux library';
  if (header.getUint16(ELF.machine, true) !== ELF.x64) return 'is for another processor';
  // The section table lies at the end.
  const end =
    Number(header.getBigUint64(ELF.sections, true)) +
    header.getUint16(ELF.entrySize, true) * header.getUint16(ELF.entries, true);
  return end > size ? `is cut short: ${size} bytes of at least ${end}` : null;
}

async function peDefect(read: Read, size: number): Promise<string | null> {
  const dos = await read(0, 64);
  if (dos === null) return `is cut short: ${size} bytes`;
  if (dos.getUint16(0) !== PE.magic) return 'is no Windows library';
  const at = dos.getUint32(PE.offset, true);
  const coff = await read(at, PE.coff);
  if (coff === null) return `is cut short: ${size} bytes`;
  if (coff.getUint32(0) !== 0x50450000) return 'is no Windows library';
  if (coff.getUint16(4, true) !== PE.x64) return 'is for another processor';
  const sections = Math.min(coff.getUint16(6, true), PE.maxSections);
  const table = await read(at + PE.coff + coff.getUint16(20, true), sections * PE.section);
  if (table === null) return `is cut short: ${size} bytes`;
  let end = 0;
  for (let i = 0; i < sections; i++) {
    const raw = i * PE.section + 16;
    end = Math.max(end, table.getUint32(raw, true) + table.getUint32(raw + 4, true));
  }
  return end > size ? `is cut short: ${size} bytes of at least ${end}` : null;
}

/** Bytes read at once, and the overlap by which a text across two reads is found. */
const BLOCK_BYTES = 4 * 2 ** 20;
const OVERLAP_BYTES = 256;

/** Whether a library contains a text, such as the version that it was built for. Reads it once: 0.2 s for 270 MB. */
export async function libraryMentions(file: string, text: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let position = 0; ; position += BLOCK_BYTES - OVERLAP_BYTES) {
      const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, position);
      if (block.subarray(0, bytesRead).includes(text)) return true;
      if (bytesRead < BLOCK_BYTES) return false;
    }
  } finally {
    await handle.close();
  }
}
