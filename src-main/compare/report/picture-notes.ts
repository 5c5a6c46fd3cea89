/** Notes on how a picture was made: tiles, a full card, a second try, no score. Pure. */
import { plain } from './plain-numbers.js';
import {
  pictureLabel,
  type PictureNotes,
  type ReportInput,
  type ReportPicture,
  type ReportVariant,
} from './report-data.js';

type NoteKind = 'tiles' | 'spill' | 'retry' | 'identity';

const NO_SCORE: Readonly<Record<Exclude<NonNullable<PictureNotes['identityState']>, 'scored'>, string>> = {
  'no-face': 'no face found',
  'no-face-network': 'the pack has no face network',
  'no-identity': 'no identity was given',
};

const TILES_REASON = {
  fits: 'although the whole decode would fit',
  asked: 'asked for',
  estimate: 'by the estimate the whole decode would not fit',
  'out-of-memory': 'the whole decode ran out of memory',
} as const;

const RAN_OUT: Readonly<Record<string, string>> = {
  identify: 'while looking for the face',
  'encode-text': 'while encoding the text',
  control: 'while encoding the pose',
  convert: 'while converting weights',
  load: 'while loading the networks',
  denoise: 'while denoising',
  decode: 'while decoding',
};

/** One picture's note of a kind, and its reason; null for none. */
function noteOf(kind: NoteKind, { notes, faces }: ReportPicture): { said: string; why: string } | null {
  const { decode, spill, retry, identityState } = notes;
  switch (kind) {
    case 'tiles':
      if (decode?.mode !== 'tiles') return null;
      return { said: `decoded in ${decode.tiles} tiles`, why: TILES_REASON[decode.reason] };
    case 'spill': {
      if (spill === null) return null;
      const why = `from step ${spill.fromStep} on, ${plain(spill.stepSeconds, 2)} s a step instead of ${plain(spill.usualSeconds, 2)}`;
      return { said: `spilled ${why}`, why };
    }
    case 'retry': {
      if (retry === null) return null;
      const why = retry.stage === null ? 'before the first stage' : (RAN_OUT[retry.stage] ?? `in ${retry.stage}`);
      return { said: `made at the second try: memory ran out ${why}`, why };
    }
    case 'identity': {
      // Without an identity there was nothing to score.
      if (identityState === null || identityState === 'scored' || identityState === 'no-identity') return null;
      if (faces.some(({ identityScore }) => identityScore !== null)) return null;
      return { said: `not scored, ${NO_SCORE[identityState]}`, why: NO_SCORE[identityState] };
    }
  }
}

const KINDS = ['tiles', 'spill', 'retry', 'identity'] as const satisfies readonly NoteKind[];

/** Notes on one picture, such as `decoded in 8 tiles`. */
export function picturePhrases(picture: ReportPicture): string[] {
  return KINDS.flatMap((kind) => noteOf(kind, picture)?.said ?? []);
}

const SHORT: Readonly<Record<NoteKind, string>> = {
  tiles: 'tiles',
  spill: 'spill',
  retry: 'second try',
  identity: 'no score',
};

function counted(kind: NoteKind, { pictures }: ReportVariant) {
  const noted = pictures.flatMap((picture) => {
    const note = noteOf(kind, picture);
    return note === null ? [] : [{ picture, ...note }];
  });
  return { noted, of: pictures.length };
}

/** Counted notes on a variant, such as `tiles 9 of 9`. */
export function variantPhrases(variant: ReportVariant): string[] {
  return KINDS.flatMap((kind) => {
    const { noted, of } = counted(kind, variant);
    return noted.length === 0 ? [] : [`${SHORT[kind]} ${noted.length} of ${of}`];
  });
}

/** If more pictures have a note, they are not named. */
const MOST_NAMED = 4;

const SENTENCES: Readonly<Record<NoteKind, readonly [begin: string, end: string]>> = {
  tiles: ['Decoded in tiles', 'The picture is the same except for rounding; decoding takes less memory and more time.'],
  spill: [
    'The card’s memory was full, so data moved to the computer’s memory',
    'These times do not represent the format.',
  ],
  retry: [
    'Memory ran out and the picture was made again in a new engine process',
    'The figures are those of the second try.',
  ],
  identity: ['Identity not scored', 'Means are over the pictures with a score.'],
};

/** Sentences for the end of a report, one per kind of note. */
export function noteSentences({ prompts, variants }: ReportInput): string[] {
  return KINDS.flatMap((kind) => {
    const parts = variants.flatMap((variant) => {
      const { noted, of } = counted(kind, variant);
      if (noted.length === 0) return [];
      const reasons = [...new Set(noted.map(({ why }) => why))];
      const which =
        noted.length === of || noted.length > MOST_NAMED
          ? ''
          : `${noted.map(({ picture }) => pictureLabel(picture, prompts)).join(', ')}: `;
      return [`${variant.name} ${noted.length} of ${of} (${which}${reasons.join('; ')})`];
    });
    if (parts.length === 0) return [];
    const [begin, end] = SENTENCES[kind];
    return [`${begin}: ${parts.join(', ')}. ${end}`];
  });
}

/** Reasons why no picture has a score, such as `no identity was given`. */
export function reasonsForNoScore({ variants }: ReportInput): string[] {
  const states = variants.flatMap(({ pictures }) => pictures.map(({ notes }) => notes.identityState));
  return [...new Set(states)].flatMap((state) => (state === null || state === 'scored' ? [] : [NO_SCORE[state]]));
}
