import { PHASE_NOTE, phaseTable } from './phase-table.js';
import { FIRST_NUMBER, reportNotes, reportTable } from './report-table.js';
import { pictureLabel, reportRows, type ReportInput } from './report-data.js';

/** Text that Markdown shows as it is, on one line. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>#|!]/g, '\\$&');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The report as Markdown for an issue or a README; pictures that lie beside it are linked. */
export function reportMarkdown(input: ReportInput): string {
  const { head, rows } = reportTable(input);
  const phases = phaseTable(input.configurations);
  const verdicts = reportRows(input).flatMap((row) => (row.verdict === null ? [] : [`- ${escaped(row.verdict)}`]));
  const pictures = reportRows(input).map((row) => {
    const images = row.configuration.pictures
      .filter(({ repeat }) => repeat === 0)
      .map((picture) => `![${escaped(row.name)}, ${pictureLabel(picture, input.prompts)}](${encodeURI(picture.file)})`);
    return [`### ${escaped(row.name)}`, '', images.join(' '), ''].join('\n');
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
