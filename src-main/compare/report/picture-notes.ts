/** What the making of a picture went through beside its figures: tiles, a full card, a second try, no score. Pure. */
import { plain } from './plain-numbers.js';
import {
  pictureLabel,
  type PictureNotes,
  type ReportInput,
  type ReportPicture,
  type ReportVariant,
} from './report-data.js';

type NoteKind = 'tiles' | 'spill' | 'retry' | 'identity';

/** Why there is no score. */
const NO_SCORE: Readonly<Record<Exclude<NonNullable<PictureNotes['identityState']>, 'scored'>, string>> = {
  'no-face': 'no face found',
  'no-face-network': 'the pack has no face network',
  'no-identity': 'no identity was given',
};

const TILES_REASON = {
  fits: 'though the whole would have fitted',
  asked: 'asked for',
  estimate: 'the whole was reckoned not to fit',
  'out-of-memory': 'the whole ran out of memory',
} as const;

const RAN_OUT: Readonly<Record<string, string>> = {
  identify: 'while the face was looked for',
  'encode-text': 'while the text was encoded',
  control: 'while the pose was encoded',
  convert: 'while weights were converted',
  load: 'while the networks were loaded',
  denoise: 'while denoising',
  decode: 'while decoding',
};

/** What one picture has to say of a kind, and why; null for nothing. */
function noteOf(kind: NoteKind, { notes, faces }: ReportPicture): { said: string; why: string } | null {
  const { decode, spill, retry, identityState } = notes;
  switch (kind) {
    case 'tiles':
      if (decode?.mode !== 'tiles') return null;
      return { said: `decoded in ${decode.tiles} tiles`, why: TILES_REASON[decode.reason] };
    case 'spill': {
      if (spill === null) return null;
      const why = `from step ${spill.fromStep} on ${plain(spill.stepSeconds, 2)} s a step instead of ${plain(spill.usualSeconds, 2)}`;
      return { said: `spilled ${why}`, why };
    }
    case 'retry': {
      if (retry === null) return null;
      const why = retry.stage === null ? 'before the first stage' : (RAN_OUT[retry.stage] ?? `in ${retry.stage}`);
      return { said: `made at the second try, memory ran out ${why}`, why };
    }
    case 'identity': {
      // Without an identity there was nothing to score.
      if (
        faces.some(({ identityScore }) => identityScore !== null) ||
        identityState === null ||
        identityState === 'scored'
      )
        return null;
      if (identityState === 'no-identity') return null;
      return { said: `not scored, ${NO_SCORE[identityState]}`, why: NO_SCORE[identityState] };
    }
  }
}

const KINDS = ['tiles', 'spill', 'retry', 'identity'] as const satisfies readonly NoteKind[];

/** Of one picture, such as `decoded in 8 tiles`; empty for a picture with nothing to tell. */
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

/** Of a variant, counted, such as `tiles 9 of 9`; empty where no picture has anything to tell. */
export function variantPhrases(variant: ReportVariant): string[] {
  return KINDS.flatMap((kind) => {
    const { noted, of } = counted(kind, variant);
    return noted.length === 0 ? [] : [`${SHORT[kind]} ${noted.length} of ${of}`];
  });
}

/** More pictures than these are counted, not named. */
const MOST_NAMED = 4;

const SENTENCES: Readonly<Record<NoteKind, readonly [begin: string, end: string]>> = {
  tiles: ['Decoded in tiles', 'The picture is the same but for rounding; decoding takes less memory and more time.'],
  spill: ['The card’s memory was full and spilled into the computer’s', 'Those seconds are not the format’s.'],
  retry: [
    'Memory ran out and the picture was made once more in a fresh engine',
    'Figures are those of the second try.',
  ],
  identity: ['Identity not scored', 'Means are over the pictures that have a score.'],
};

/** Whole sentences for the end of a report, one a kind of note; none where nothing happened. */
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

/** Why no picture at all has a score, such as `no identity was given`. */
export function reasonsForNoScore({ variants }: ReportInput): string[] {
  const states = variants.flatMap(({ pictures }) => pictures.map(({ notes }) => notes.identityState));
  return [...new Set(states)].flatMap((state) => (state === null || state === 'scored' ? [] : [NO_SCORE[state]]));
}
