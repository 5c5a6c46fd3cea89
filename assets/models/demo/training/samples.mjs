// Writes the sample portraits of held-out people: `node samples.mjs <folder>`. Prompts and poses in its samples.json stay.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { identityOf, svgOf } from './render.mjs';

const NAMES = ['Ada', 'Bram', 'Chidi', 'Dunja', 'Elio', 'Farah', 'Goro', 'Hana', 'Imani', 'Jonas', 'Kaya', 'Luz'];
const BACKGROUNDS = ['blue', 'pink', 'yellow', 'green', 'white', 'orange'];
const SHIRTS = ['open', 'crew', 'collared'];
const COLOURS = ['white', 'blue', 'green', 'red', 'black', 'yellow'];
const out = process.argv[2];
const samples = [];
const seen = new Set();
for (let index = 0; samples.length < NAMES.length; index += 1) {
  const identity = identityOf('samples', index);
  const look = `${identity.hair}|${Math.floor(samples.length / 4)}`;
  if (seen.has(look) || seen.has(identity.hairColour)) continue;
  seen.add(look).add(identity.hairColour);
  const n = samples.length;
  const file = `${NAMES[n].toLowerCase()}.png`;
  const attributes = {
    expression: 'smile',
    glasses: 'none',
    glassesColour: 'none',
    earring: 'none',
    shirt: SHIRTS[n % 3],
    shirtColour: COLOURS[n % 6],
    background: BACKGROUNDS[n % 6],
    facing: n % 2 === 0 ? 'right' : 'left',
    crop: 'portrait',
  };
  writeFileSync(
    join(out, file),
    new Resvg(svgOf(identity, attributes), { font: { loadSystemFonts: false } }).render().asPng(),
  );
  samples.push({
    id: NAMES[n].toLowerCase(),
    role: 'identity',
    name: NAMES[n],
    credit: 'After "Avatar Illustration System" by Micah Lanier, CC BY 4.0, rendered with DiceBear',
    file,
  });
}
const manifest = join(out, 'samples.json');
const kept = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : { photos: [], prompts: [] };
const others = kept.photos.filter(({ id }) => !samples.some((sample) => sample.id === id));
const written = { photos: [...samples, ...others], prompts: kept.prompts };
writeFileSync(manifest, `${JSON.stringify(written, null, 2)}\n`);
