/** The forms of a report for people. */
import type { ReportFormat } from '$contract/compare-data';

interface FormName {
  /** Beside others of its kind. */
  readonly short: string;
  /** As a menu item. */
  readonly menu: string;
  /** What it is good for. */
  readonly use: string;
}

export const REPORT_FORM_NAMES: Readonly<Record<ReportFormat, FormName>> = {
  markdown: { short: 'Markdown', menu: 'Report as Markdown', use: 'A table to paste into an issue.' },
  csv: { short: 'CSV', menu: 'Pictures as CSV', use: 'One line per picture, for a spreadsheet.' },
  html: { short: 'HTML', menu: 'Report as HTML', use: 'One page with all pictures inside, to send or to keep.' },
  'contact-sheet': { short: 'Contact sheet', menu: 'Contact sheet as PNG', use: 'One picture, captioned.' },
};
