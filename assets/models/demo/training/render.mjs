// Renders the training portraits: `node render.mjs <out> <split> <chunks> <identitiesPerChunk> <rendersPerIdentity> [workers]`.
// Split is `train`, `heldout` (identities and attribute combinations never in `train`) or `samples`.
// Writes per chunk `cNNNN.rgb` (n x 256 x 256 x 3 bytes) and then `cNNNN.json` (one attribute record per portrait).
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { createAvatar } from '@dicebear/core';
import * as micah from '@dicebear/micah';
import { Resvg } from '@resvg/resvg-js';

export const SKIN = {
  porcelain: 'f9d9c4',
  fair: 'f3bd9a',
  tan: 'e0a074',
  golden: 'c68642',
  brown: 'a5663a',
  umber: '7d4527',
  dark: '5a2f1b',
};
export const HAIR_COLOUR = {
  black: '1c1c1c',
  'dark brown': '4a2c1d',
  chestnut: '8b4a2b',
  auburn: 'a0341f',
  ginger: 'e0702a',
  blond: 'e8c15a',
  grey: '9aa0a6',
  white: 'f2f2f2',
  pink: 'f06ba8',
  blue: '3a7bd5',
  green: '3fa66b',
  purple: '7d4fc4',
};
export const HAIR = ['fonze', 'mrT', 'dougFunny', 'mrClean', 'dannyPhantom', 'full', 'turban', 'pixie'];
const HAIR_WEIGHT = [1, 1, 0.5, 0.4, 1, 1, 0.7, 1];
const NOSE = ['curve', 'pointed', 'tound'];
const EARS = ['attached', 'detached'];
const BROWS = ['up', 'down', 'eyelashesUp', 'eyelashesDown'];
const EYES = ['eyes', 'round', 'eyesShadow'];
const LIDS = ['6bd9e9', '9287ff', 'fc909f', 'ffeba4'];
const FACIAL = ['none', 'beard', 'scruff'];
export const EXPRESSION = ['smile', 'laugh', 'surprise', 'nervous', 'kiss', 'sad', 'closed'];
const MOUTH = {
  smile: 'smile',
  laugh: 'laughing',
  surprise: 'surprised',
  nervous: 'nervous',
  kiss: 'pucker',
  sad: 'frown',
  closed: 'smile',
};
export const COLOUR = {
  white: 'f8f9fa',
  black: '2b2d33',
  red: 'e0393e',
  yellow: 'ffd23f',
  green: '4caf6d',
  blue: '3f7fe0',
  purple: '8e5bd0',
  pink: 'f8a5c8',
};
export const BACKGROUND = {
  white: 'fbfbfb',
  red: 'd9484d',
  orange: 'f4a261',
  yellow: 'ffe08a',
  green: '8fd0a0',
  blue: '8ecae6',
  navy: '24406b',
  pink: 'ffc2d9',
};
export const GLASSES_COLOUR = { black: '1a1a1b', red: 'e02b30', blue: '2f62d9', white: 'fffffe' };
const EARRING = 'e8b923';
const CROP = { portrait: [100, 0], close: [122, 2], far: [80, 10] };

function generator(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h ^= h >>> 15;
  h = Math.imul(h, 2246822507);
  return (h ^ (h >>> 13)) >>> 0;
}

const pick = (random, list) => list[Math.floor(random() * list.length)];

function pickWeighted(random, list, weights) {
  let r = random() * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < list.length; i += 1) if ((r -= weights[i]) < 0) return list[i];
  return list[list.length - 1];
}

/** The identity of one index; identities whose hash is 0 mod 12 are held out of training. */
export function identityOf(split, index) {
  const random = generator(hash(`${split}:identity:${index}`));
  for (;;) {
    const identity = {
      skin: pick(random, Object.keys(SKIN)),
      hair: pickWeighted(random, HAIR, HAIR_WEIGHT),
      hairColour: pick(random, Object.keys(HAIR_COLOUR)),
      nose: pick(random, NOSE),
      ears: pick(random, EARS),
      brows: pick(random, BROWS),
      eyes: pick(random, EYES),
      lids: pick(random, LIDS),
      facialHair: pickWeighted(random, FACIAL, [0.68, 0.16, 0.16]),
    };
    if (identity.hair === 'mrClean') identity.hairColour = 'black';
    if (identity.eyes !== 'eyesShadow') identity.lids = LIDS[0];
    if ((hash(Object.values(identity).join('|')) % 12 === 0) === (split !== 'train')) return identity;
  }
}

/** Text attributes of one portrait; one combination in ten of expression, shirt, glasses and facing is held out of training. */
export function attributesOf(split, index, render) {
  const random = generator(hash(`${split}:attributes:${index}:${render}`));
  for (;;) {
    const glasses = pickWeighted(random, ['none', 'round', 'square'], [0.5, 0.25, 0.25]);
    const attributes = {
      expression: pick(random, EXPRESSION),
      glasses,
      glassesColour: glasses === 'none' ? 'none' : pick(random, Object.keys(GLASSES_COLOUR)),
      earring: random() < 0.35 ? 'hoop' : 'none',
      shirt: pick(random, ['open', 'crew', 'collared']),
      shirtColour: pick(random, Object.keys(COLOUR)),
      background: pick(random, Object.keys(BACKGROUND)),
      facing: random() < 0.5 ? 'right' : 'left',
      crop: pickWeighted(random, ['portrait', 'close', 'far'], [0.6, 0.2, 0.2]),
    };
    const held =
      hash([attributes.expression, attributes.shirt, attributes.glasses, attributes.facing].join('|')) % 10 === 0;
    if (split === 'samples' || (split === 'train' ? !held : held || random() < 0.1))
      return { ...attributes, heldOutCombination: held };
  }
}

/**
 * Frames and earrings drawn twice as thick as the style does, with a light tint in the lenses: at 256 x 256 its own hairlines are
 * about a pixel wide, which an autoencoder with an eighth of the resolution cannot hold.
 */
function bolder(svg) {
  for (const colour of Object.values(GLASSES_COLOUR)) {
    svg = svg.replace(
      `<g stroke="#${colour}" stroke-width="4">`,
      `<g stroke="#${colour}" stroke-width="8" fill="#fff" fill-opacity=".3">`,
    );
  }
  return svg.replace(`stroke="#${EARRING}" stroke-width="4"`, `stroke="#${EARRING}" stroke-width="8"`);
}

/** The portrait's SVG. */
export function svgOf(identity, attributes) {
  const [scale, translateY] = CROP[attributes.crop];
  const hairColour = HAIR_COLOUR[identity.hairColour];
  const shadow = identity.eyes === 'eyesShadow';
  const avatar = createAvatar(micah, {
    seed: 'portrait',
    size: 256,
    scale,
    translateY,
    flip: attributes.facing === 'left',
    backgroundColor: [BACKGROUND[attributes.background]],
    baseColor: [SKIN[identity.skin]],
    hair: [identity.hair],
    hairColor: [hairColour],
    hairProbability: 100,
    nose: [identity.nose],
    ears: [identity.ears],
    eyebrows: [identity.brows],
    eyes: [attributes.expression === 'closed' ? (shadow ? 'smilingShadow' : 'smiling') : identity.eyes],
    eyeShadowColor: [identity.lids],
    facialHair: [identity.facialHair === 'none' ? 'scruff' : identity.facialHair],
    facialHairColor: [identity.hairColour === 'black' ? '6b4f3a' : hairColour],
    facialHairProbability: identity.facialHair === 'none' ? 0 : 100,
    mouth: [MOUTH[attributes.expression]],
    glasses: [attributes.glasses === 'none' ? 'round' : attributes.glasses],
    glassesColor: [GLASSES_COLOUR[attributes.glassesColour] ?? '000000'],
    glassesProbability: attributes.glasses === 'none' ? 0 : 100,
    earrings: ['hoop'],
    earringColor: [EARRING],
    earringsProbability: attributes.earring === 'none' ? 0 : 100,
    shirt: [attributes.shirt],
    shirtColor: [COLOUR[attributes.shirtColour]],
  });
  return bolder(avatar.toString());
}

function renderChunk(out, split, chunk, identities, renders) {
  const count = identities * renders;
  const pixels = Buffer.alloc(count * 256 * 256 * 3);
  const records = [];
  let at = 0;
  for (let i = 0; i < identities; i += 1) {
    const index = chunk * identities + i;
    const identity = identityOf(split, index);
    for (let render = 0; render < renders; render += 1) {
      const attributes = attributesOf(split, index, render);
      const rgba = new Resvg(svgOf(identity, attributes), { font: { loadSystemFonts: false } }).render().pixels;
      for (let p = 0; p < rgba.length; p += 4) {
        pixels[at] = rgba[p];
        pixels[at + 1] = rgba[p + 1];
        pixels[at + 2] = rgba[p + 2];
        at += 3;
      }
      records.push({ id: index, ...identity, ...attributes });
    }
  }
  const name = join(out, `c${String(chunk).padStart(4, '0')}`);
  writeFileSync(`${name}.rgb`, pixels);
  writeFileSync(`${name}.tmp`, JSON.stringify(records));
  renameSync(`${name}.tmp`, `${name}.json`);
}

if (isMainThread) {
  const [out, split, chunks, identities, renders, workers] = process.argv.slice(2);
  if (out !== undefined && split !== undefined) {
    mkdirSync(out, { recursive: true });
    const total = Number(workers ?? availableParallelism());
    for (let w = 0; w < total; w += 1) {
      new Worker(new URL(import.meta.url), {
        workerData: {
          out,
          split,
          chunks: Number(chunks),
          identities: Number(identities),
          renders: Number(renders),
          first: w,
          step: total,
        },
      });
    }
  }
} else {
  const { out, split, chunks, identities, renders, first, step } = workerData;
  for (let chunk = first; chunk < chunks; chunk += step) renderChunk(out, split, chunk, identities, renders);
}
