/** Files that look like libraries by their headers, for finding and setting up without real ones. */
import type { CudaSystem } from '../../src-main/base/cuda-parts.js';

/** A whole library of a system, with a text in it. Its size depends on the text alone. */
export function madeUpLibrary(system: CudaSystem, text = ''): Buffer {
  return system === 'linux-x64' ? elf(text) : pe(text);
}

function elf(text: string): Buffer {
  const bytes = Buffer.alloc(512 + text.length + 128);
  bytes.write('\x7fELF', 'latin1');
  bytes.writeUInt16LE(62, 18);
  bytes.write(text, 512);
  // Two section headers of 64 bytes at the end.
  bytes.writeBigUInt64LE(BigInt(512 + text.length), 40);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(2, 60);
  return bytes;
}

function pe(text: string): Buffer {
  const bytes = Buffer.alloc(512 + text.length);
  bytes.write('MZ');
  bytes.writeUInt32LE(128, 0x3c);
  bytes.write('PE\0\0', 128, 'latin1');
  bytes.writeUInt16LE(0x8664, 132);
  bytes.writeUInt16LE(1, 134);
  bytes.writeUInt16LE(0, 148);
  // One section with everything behind the headers.
  bytes.writeUInt32LE(text.length, 152 + 16);
  bytes.writeUInt32LE(512, 152 + 20);
  bytes.write(text, 512);
  return bytes;
}
