/**
 * Writes a pack of random weights.
 *
 *   node dist/main/random-pack.js FOLDER [full|small|deep]
 */
import { DEEP, FULL, SMALL, writeRandomPack, type Scale } from './write-random-pack.js';

const SCALES: Readonly<Record<string, Scale>> = { full: FULL, small: SMALL, deep: DEEP };
const [folder, size = 'full'] = process.argv.slice(2);
const scale = SCALES[size];
if (folder === undefined || scale === undefined) {
  process.stderr.write(`usage: node dist/main/random-pack.js FOLDER [${Object.keys(SCALES).join('|')}]\n`);
  process.exit(2);
}
await writeRandomPack(folder, scale);
