/**
 * Screenshots: beside the test results, or with `LIKENESS_SCREENSHOTS=docs` into `docs/screenshots`, and then only those
 * that the documents show.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator, Page } from 'playwright-core';
import sharp from 'sharp';

const FOR_DOCS = process.env['LIKENESS_SCREENSHOTS'] === 'docs';
/**
 * Whether pictures are wanted: then every screen is seen at every size in both themes, with pictures of many steps.
 * `npm test` sees each size and each theme once.
 */
export const COMPLETE = process.env['LIKENESS_SCREENSHOTS'] !== undefined;
const FOLDER = fileURLToPath(
  new URL(FOR_DOCS ? '../../../docs/screenshots' : '../../../test-results/screenshots', import.meta.url),
);
const IN_DOCS =
  /^(studio(-running)?|compare-(slider|grid|flicker|difference)|gallery(-25000)?|models|report|settings)(-1440|-1024|-light-1440)$|^guide-running-1440$|^state-full-disk-dark-1440$|^files-(places|missing|download|complete|studio)$|^gpu-(missing|dialog|ready)$/;

/**
 * Takes the visible page, for the documents with a palette of 192 colours so that the file stays small.
 * @param part of the page instead
 */
export async function saveScreenshot(page: Page, name: string, part?: Locator): Promise<void> {
  if (FOR_DOCS && !IN_DOCS.test(name)) return;
  await mkdir(FOLDER, { recursive: true });
  if (!FOR_DOCS) {
    await (part ?? page).screenshot({ animations: 'disabled', path: join(FOLDER, `${name}.png`) });
    return;
  }
  const png = await (part ?? page).screenshot({ animations: 'disabled' });
  await sharp(png)
    .png({ palette: true, colours: 192, effort: 10 })
    .toFile(join(FOLDER, `${name}.png`));
}

/** What the page showed when a test failed. */
export async function saveFailure(page: Page, name: string): Promise<void> {
  const folder = fileURLToPath(new URL('../../../test-results/failed', import.meta.url));
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.png`) });
}
