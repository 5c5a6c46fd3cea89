/** Identifies picture files by their first bytes, so that other decoders of the picture library are never reached. */

export type PictureKind = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'heic';

/** Brands of the ISO base media format for AV1 stills and for HEVC stills. */
const AVIF_BRANDS: readonly string[] = ['avif', 'avis'];
const HEIC_BRANDS: readonly string[] = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1'];

const SIGNATURES: readonly { readonly kind: PictureKind; readonly bytes: readonly number[] }[] = [
  { kind: 'jpeg', bytes: [0xff, 0xd8, 0xff] },
  { kind: 'png', bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { kind: 'gif', bytes: [0x47, 0x49, 0x46, 0x38] },
  { kind: 'tiff', bytes: [0x49, 0x49, 0x2a, 0x00] },
  { kind: 'tiff', bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  { kind: 'tiff', bytes: [0x49, 0x49, 0x2b, 0x00] },
  { kind: 'tiff', bytes: [0x4d, 0x4d, 0x00, 0x2b] },
];

/**
 * The kind of a picture file; null for other files.
 *
 * @source PNG specification 5.2; ITU-T T.81 B.1.1.3; GIF89a 17; TIFF 6.0 section 2; RFC 9649 (WebP) 2.4; ISO/IEC 14496-12 4.3
 */
export function sniffPictureKind(bytes: Uint8Array): PictureKind | null {
  for (const signature of SIGNATURES) {
    if (signature.bytes.every((byte, i) => bytes[i] === byte)) return signature.kind;
  }
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return 'webp';
  if (ascii(bytes, 4, 8) !== 'ftyp') return null;
  const brands = mediaBrands(bytes);
  if (brands.some((brand) => AVIF_BRANDS.includes(brand))) return 'avif';
  return brands.some((brand) => HEIC_BRANDS.includes(brand)) ? 'heic' : null;
}

/** Major brand and at most 32 compatible brands of the leading `ftyp` box. */
function mediaBrands(bytes: Uint8Array): string[] {
  const boxEnd = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const end = Math.min(boxEnd, bytes.length, 16 + 32 * 4);
  const brands = [ascii(bytes, 8, 12)];
  for (let offset = 16; offset + 4 <= end; offset += 4) brands.push(ascii(bytes, offset, offset + 4));
  return brands;
}

function ascii(bytes: Uint8Array, begin: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(begin, end));
}
