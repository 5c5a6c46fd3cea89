import { PHASE_NOTE, phaseTable } from './phase-table.js';
import { FIRST_NUMBER, reportNotes, reportTable } from './report-table.js';
import { pictureLabel, variantHeading, variantVerdict, type ReportInput } from './report-data.js';
import { present } from '../statistics/medians.js';

/** Text without markup, on one line. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>#|!]/g, '\\$&');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The report as Markdown; pictures beside it are linked. */
export function reportMarkdown(input: ReportInput): string {
  const { head, rows } = reportTable(input);
  const phases = phaseTable(input.variants);
  const verdicts = present(input.variants.map(variantVerdict)).map((verdict) => `- ${escaped(verdict)}`);
  const pictures = input.variants.map((variant) => {
    const images = variant.pictures
      .filter(({ repeat }) => repeat === 0)
      .map(
        (picture) => `![${escaped(variant.name)}, ${pictureLabel(picture, input.prompts)}](${encodeURI(picture.file)})`,
      );
    return [`### ${escaped(variantHeading(variant))}`, '', images.join(' '), ''].join('\n');
  });
  return [
    `# ${escaped(input.title)}`,
    '',
    ...input.settings.map(([label, value]) => `- ${escaped(label)}: ${escaped(value)}`),
    '',
    line(head),
    line(head.map((_, i) => (i < FIRST_NUMBER ? '---' : '---:'))),
    ...rows.map((cells) => line(cells.map(escaped))),
    '',
    ...verdicts,
    '',
    '## Memory and time by phase',
    '',
    line(phases.head),
    line(phases.head.map((_, i) => (i < FIRST_NUMBER ? '---' : '---:'))),
    ...phases.rows.map((cells) => line(cells.map(escaped))),
    '',
    ...[...reportNotes(input), PHASE_NOTE].map((note) => `${escaped(note)}  `),
    `Made with Likeness Lab ${escaped(input.appVersion)}.`,
    '',
    ...(input.picturesBeside ? ['## Pictures', '', ...pictures] : []),
  ].join('\n');
}
