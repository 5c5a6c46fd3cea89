import { PHASE_NOTE, phaseTable } from './phase-table.js';
import { picturePhrases } from './picture-notes.js';
import { plain } from './plain-numbers.js';
import {
  pictureLabel,
  variantHeading,
  variantVerdict,
  type ReportInput,
  type ReportPicture,
  type ReportVariant,
} from './report-data.js';
import { FIRST_NUMBER, reportNotes, reportTable } from './report-table.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text safe in HTML content and quoted attributes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: 0.3rem 0.6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); text-align: left; white-space: nowrap; }
.number { text-align: right; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 12rem; }
img { width: 100%; display: block; }
figcaption { font-size: 0.85rem; }
`.trim();

function image(url: string | null, alt: string): string {
  // A report fetches nothing.
  return url?.startsWith('data:image/') === true ? `<img src="${escapeMarkup(url)}" alt="${escapeMarkup(alt)}">` : '';
}

function figure({ name }: ReportVariant, picture: ReportPicture, prompts: readonly string[]): string {
  const which = pictureLabel(picture, prompts);
  const flip = picture.difference?.whole;
  const difference =
    flip === undefined ? '' : flip.identical ? ', identical to the reference' : `, FLIP ${plain(flip.flip, 3)}`;
  const scored = picture.faces.flatMap((face) =>
    face.identityScore === null ? [] : [{ ...face, score: face.identityScore }],
  );
  const scores = scored.map((face) =>
    scored.length > 1 ? `${plain(face.score, 4)} (${escapeMarkup(face.encoder)})` : plain(face.score, 4),
  );
  const identity = scores.length === 0 ? '' : `, identity ${scores.join(', ')}`;
  const notes = picturePhrases(picture).map((phrase) => `, ${escapeMarkup(phrase)}`);
  return [
    '<figure>',
    image(picture.pictureUrl, `${name}, ${which}`),
    image(picture.heatMapUrl, `Where ${name} differs from the reference, ${which}`),
    `<figcaption>${which}${difference}${identity}${notes.join('')}</figcaption>`,
    '</figure>',
  ].join('');
}

function section(variant: ReportVariant, prompts: readonly string[]): string {
  const verdict = variantVerdict(variant);
  const pictures = variant.pictures.filter(({ repeat }) => repeat === 0);
  return [
    '<section>',
    `<h2>${escapeMarkup(variantHeading(variant))}</h2>`,
    ...(verdict === null ? [] : [`<p>${escapeMarkup(verdict)}</p>`]),
    `<div class="pictures">${pictures.map((picture) => figure(variant, picture, prompts)).join('\n')}</div>`,
    '</section>',
  ].join('\n');
}

function table({ head, rows }: ReturnType<typeof reportTable>): string {
  const cell = (tag: 'th' | 'td') => (text: string, i: number) =>
    `<${tag}${tag === 'th' ? ' scope="col"' : ''}${i < FIRST_NUMBER ? '' : ' class="number"'}>${escapeMarkup(text)}</${tag}>`;
  return [
    '<div class="wide"><table>',
    `<thead><tr>${head.map(cell('th')).join('')}</tr></thead>`,
    `<tbody>${rows.map((cells) => `<tr>${cells.map(cell('td')).join('')}</tr>`).join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n');
}

/** The report as one self-contained HTML file: its pictures are the `data:` URLs of the input. */
export function reportHtml(input: ReportInput): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(input.title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${escapeMarkup(input.title)}</h1>`,
    `<ul>${input.settings.map(([label, value]) => `<li>${escapeMarkup(label)}: ${escapeMarkup(value)}</li>`).join('')}</ul>`,
    table(reportTable(input)),
    ...reportNotes(input).map((note) => `<p>${escapeMarkup(note)}</p>`),
    '<h2>Memory and time by phase</h2>',
    table(phaseTable(input.variants)),
    `<p>${escapeMarkup(PHASE_NOTE)}</p>`,
    `<p>Made with Likeness Lab ${escapeMarkup(input.appVersion)}.</p>`,
    '<p>Under each picture: where it differs from the reference, FLIP from 0 (black) to 1 (pale yellow).</p>',
    ...input.variants.map((variant) => section(variant, input.prompts)),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
