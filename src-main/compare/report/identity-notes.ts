/** A report's notes on the encoders of its identity scores. Pure. */
import { reasonsForNoScore } from './picture-notes.js';
import { reportEncoders, type PictureNotes, type ReportInput } from './report-data.js';

const NO_SECOND: Readonly<Record<Exclude<NonNullable<PictureNotes['secondEncoder']>, 'used'>, string>> = {
  absent: 'the pack has none',
  'same-file': 'the pack names the file of the conditioning encoder',
  'no-photo': 'the identity was given as an embedding, which only the conditioning encoder can read',
};

/** The encoders that scored, the one that conditioned the pictures, and why there is no second one. */
export function identityNotes(input: ReportInput): string[] {
  const scored = reportEncoders(input).filter((_, i) =>
    input.variants.some(({ faces }) => (faces[i]?.identityScore ?? null) !== null),
  );
  if (scored.length === 0) return [`${['Identity was not scored', ...reasonsForNoScore(input)].join(': ')}.`];
  const by = (conditioned: boolean): string =>
    new Intl.ListFormat('en').format(scored.filter((e) => e.conditioned === conditioned).map(({ encoder }) => encoder));
  const alone = scored.every(({ conditioned }) => conditioned);
  return [
    `Identity: cosine of the face with the identity’s, by ${by(true)}${alone ? ' only' : ''}. It also conditions the ` +
      'pictures, so its scores may be too high' +
      (alone ? '.' : `; ${by(false)} is independent of them.`),
    ...(alone ? reasonsForNoSecond(input) : []),
    'Face cosine: cosine of the face with the face in the reference’s picture of the same seed.',
  ];
}

function reasonsForNoSecond({ variants }: ReportInput): string[] {
  const states = variants.flatMap(({ pictures }) => pictures.map(({ notes }) => notes.secondEncoder));
  const reasons = [...new Set(states)].flatMap((state) =>
    state === null || state === 'used' ? [] : [NO_SECOND[state]],
  );
  return reasons.length === 0 ? [] : [`No second encoder: ${reasons.join('; ')}.`];
}
