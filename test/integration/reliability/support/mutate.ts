/** Damage to a file, the same for the same seed. */
import { pick } from './soak.js';

const EXTREMES = ['00', 'ff', '7f', '80', 'ffffffff', 'ffffff7f', '00000080', 'ffffffffffffff7f', '2e2e2f2e2e2f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);
const WORDS = [
  ...['null', '-1', '1e308', '9007199254740993', '0.5', '[]', '{}', '""', '"../../../../etc/passwd"', '"__proto__"'],
  ...['"\\u0000"', '{"toString":1}', '[[[[[[[[[[[[[[[[', '"\ud83d"', '1e999'],
];

/** Places near the ends, where headers lie, come more often. */
function place(random: () => number, length: number): number {
  const where = random();
  if (where < 0.25) return Math.min(length, Math.floor(random() * 200));
  if (where < 0.35) return Math.max(0, length - Math.floor(random() * 300));
  return Math.floor(random() * (length + 1));
}

/** One to four edits: bytes set, put in, taken out, copied, or the end cut off. */
export function mutate(random: () => number, original: Uint8Array): Uint8Array {
  let bytes = Buffer.from(original);
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits -= 1) {
    const at = place(random, bytes.length);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const fresh =
      random() < 0.5
        ? pick(random, EXTREMES)
        : Buffer.from(Array.from({ length: 1 + Math.floor(random() * 8) }, () => Math.floor(random() * 256)));
    const kind = random();
    if (kind < 0.5) bytes = Buffer.concat([head, fresh, tail.subarray(fresh.length)]);
    else if (kind < 0.65) bytes = Buffer.concat([head, fresh, tail]);
    else if (kind < 0.8) bytes = Buffer.concat([head, tail.subarray(Math.floor(random() * 64))]);
    else if (kind < 0.9) {
      const from = place(random, bytes.length);
      bytes = Buffer.concat([head, bytes.subarray(from, from + Math.floor(random() * 200)), tail]);
    } else bytes = Buffer.from(head);
  }
  return bytes;
}

/** As `mutate`, or a value of JSON text replaced by a hostile one. */
export function mutateText(random: () => number, original: string): string {
  if (random() < 0.5) return Buffer.from(mutate(random, Buffer.from(original))).toString('utf8');
  const values = [...original.matchAll(/(?<=[:,[]\s*)("(?:[^"\\]|\\.)*"|-?\d[\d.e+-]*|true|false|null)/g)];
  if (values.length === 0) return original;
  const value = pick(random, values);
  return original.slice(0, value.index) + pick(random, WORDS) + original.slice(value.index + value[0].length);
}
