/** Reports of compared runs in all forms. */
import { AppError } from '../../base/app-error.js';
import { planContactSheet } from '../../compare/report/contact-sheet.js';
import { reportCsv } from '../../compare/report/report-csv.js';
import { reportHtml } from '../../compare/report/report-html.js';
import { reportMarkdown } from '../../compare/report/report-markdown.js';
import type { ReportInput } from '../../compare/report/report-data.js';
import type { WeightErrors } from '../../compare/statistics/weight-order.js';
import type { Report, ReportFormat } from '../../contract/compare-data.js';
import type { QuantizedComponent } from '../../contract/formats.js';
import type { Store } from '../../store/store.js';
import type { CompareService } from './compare-service.js';
import type { PictureLab } from '../pictures/picture-lab.js';
import type { WeightErrorService } from './weight-error-service.js';
import { reportInput, type InlinePicture, type MeasuredRuns } from './report-input.js';

export interface ReportServiceParts {
  readonly store: Store;
  readonly lab: PictureLab;
  readonly compare: CompareService;
  readonly weightErrors: Pick<WeightErrorService, 'measure'>;
  /** A pack's name, or its id if it is missing. */
  readonly packName: (packId: string) => Promise<string>;
  readonly appVersion: string;
}

interface InputOptions {
  readonly title: string;
  readonly referenceRunId: string;
  readonly runIds: readonly string[];
  /** Whether to embed the pictures, for the self-contained page. */
  readonly withPictures: boolean;
  /** Components with weight errors; default InfuseNet. FLUX and T5 take minutes. */
  readonly components?: readonly QuantizedComponent[];
}

export class ReportService {
  readonly #parts: ReportServiceParts;

  constructor(parts: ReportServiceParts) {
    this.#parts = parts;
  }

  /** @throws AppError run.not-found, image.unreadable */
  async report(
    title: string,
    referenceRunId: string,
    runIds: readonly string[],
    format: ReportFormat,
  ): Promise<Report> {
    const { store, lab } = this.#parts;
    const input = await this.input({ title, referenceRunId, runIds, withPictures: format === 'html' });
    const text = (extension: string, mimeType: string, content: string): Report => ({
      fileName: reportFileName(title, extension),
      mimeType,
      encoding: 'utf8',
      content,
    });
    switch (format) {
      case 'markdown':
        return text('md', 'text/markdown', reportMarkdown(input));
      case 'csv':
        return text('csv', 'text/csv', reportCsv(input));
      case 'html':
        return text('html', 'text/html', reportHtml(input));
      case 'contact-sheet': {
        const sheet = planContactSheet(input);
        const runOf = (file: string): string => file.slice(0, file.lastIndexOf('.'));
        const files = sheet.pictures.map(({ file }): [string, string] => [file, store.files.picture(runOf(file))]);
        const png = await lab.run<'contact-sheet'>({ kind: 'contact-sheet', sheet, files: Object.fromEntries(files) });
        return {
          fileName: reportFileName(title, 'png'),
          mimeType: 'image/png',
          encoding: 'base64',
          content: Buffer.from(png).toString('base64'),
        };
      }
    }
  }

  /** The contents of every form of report. @throws AppError as `report` */
  async input({
    title,
    referenceRunId,
    runIds,
    withPictures,
    components = ['infusenet'],
  }: InputOptions): Promise<ReportInput> {
    const { compare, packName, appVersion } = this.#parts;
    const measured = await compare.measure(referenceRunId, runIds);
    return reportInput(measured, {
      title,
      appVersion,
      packName: await packName(measured.reference.settings.packId),
      inline: withPictures ? await this.#inlinePictures(measured) : new Map<string, InlinePicture>(),
      weightErrors: await this.#weightErrors(measured, components),
    });
  }

  /** Of the components whose format varies; left out where the pack's weights are missing. */
  async #weightErrors(
    { reference, variants }: MeasuredRuns,
    components: readonly QuantizedComponent[],
  ): Promise<WeightErrors[]> {
    const { packId, modelVariant, formats } = reference.settings;
    const out: WeightErrors[] = [];
    for (const component of components) {
      if (variants.every(({ settings }) => settings.formats[component] === formats[component])) continue;
      try {
        const { overall } = await this.#parts.weightErrors.measure({ packId, modelVariant, component });
        out.push({ component, errors: overall });
      } catch (error) {
        if (!(error instanceof AppError && /^(pack|weights|config)\./.test(error.code))) throw error;
      }
    }
    return out;
  }

  async #inlinePictures({ variants, differences, pixelsPerDegree }: MeasuredRuns): Promise<Map<string, InlinePicture>> {
    const { store, lab } = this.#parts;
    const out = new Map<string, InlinePicture>();
    for (const { run, base, role, repeat } of variants.flatMap(({ runs }) => runs)) {
      if (repeat > 0) continue;
      const compared = role === 'variant' && base !== null && differences.has(run.id);
      const made = await lab.run<'inline'>({
        kind: 'inline',
        path: store.files.picture(run.id),
        reference: compared ? store.files.picture(base.id) : null,
        pixelsPerDegree,
      });
      out.set(run.id, {
        pictureUrl: webpUrl(made.picture),
        heatMapUrl: made.heatMap === null ? null : webpUrl(made.heatMap),
      });
    }
    return out;
  }
}

function webpUrl(webp: Uint8Array): string {
  return `data:image/webp;base64,${Buffer.from(webp).toString('base64')}`;
}

/** A file name that every system accepts, from the title's letters and digits. */
function reportFileName(title: string, extension: string): string {
  const stem = title
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50)
    .toLowerCase();
  return `likeness-lab-${stem === '' ? 'report' : stem}.${extension}`;
}
