/**
 * Builds zip files with stored entries at chosen positions, always with zip64 records, from PKWARE's APPNOTE 4.3.
 * Independent of the reader.
 */
import type { FilePart } from './memory-access.js';

export interface ZipFileEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Byte of the entry's own header. */
  readonly position: number;
  /** Compression method; 0 is stored. */
  readonly method?: number;
}

export function zipFile(entries: readonly ZipFileEntry[]): { parts: FilePart[]; sizeBytes: number } {
  const parts: FilePart[] = [];
  const directory: Buffer[] = [];
  let end = 0;
  for (const { name, bytes, position, method = 0 } of entries) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(bytes.byteLength, 18);
    local.writeUInt32LE(bytes.byteLength, 22);
    local.writeUInt16LE(name.length, 26);
    parts.push({ position, bytes: Buffer.concat([local, Buffer.from(name), bytes]) });
    end = Math.max(end, position + 30 + name.length + bytes.byteLength);

    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    for (const field of [20, 24, 42]) central.writeUInt32LE(0xffffffff, field);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt16LE(28, 30);
    const extra = Buffer.alloc(28);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    extra.writeBigUInt64LE(BigInt(bytes.byteLength), 4);
    extra.writeBigUInt64LE(BigInt(bytes.byteLength), 12);
    extra.writeBigUInt64LE(BigInt(position), 20);
    directory.push(central, Buffer.from(name), extra);
  }
  const central = Buffer.concat(directory);
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(entries.length), 24);
  end64.writeBigUInt64LE(BigInt(entries.length), 32);
  end64.writeBigUInt64LE(BigInt(central.byteLength), 40);
  end64.writeBigUInt64LE(BigInt(end), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(end + central.byteLength), 8);
  locator.writeUInt32LE(1, 16);
  const last = Buffer.alloc(22, 0xff);
  last.writeUInt32LE(0x06054b50, 0);
  last.writeUInt32LE(0, 4);
  last.writeUInt16LE(0, 20);
  const tail = Buffer.concat([central, end64, locator, last]);
  parts.push({ position: end, bytes: tail });
  return { parts, sizeBytes: end + tail.byteLength };
}
