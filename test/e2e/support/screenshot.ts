/** Screenshots: into `docs/screenshots` when asked for by `LIKENESS_SCREENSHOTS=docs`, else beside the test results. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import sharp from 'sharp';

const FOLDER = fileURLToPath(
  new URL(
    process.env['LIKENESS_SCREENSHOTS'] === 'docs' ? '../../../docs/screenshots' : '../../../test-results/screenshots',
    import.meta.url,
  ),
);

/** Takes the visible page, with a palette of 256 colours so that the file stays small. */
export async function saveScreenshot(page: Page, name: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const png = await page.screenshot({ animations: 'disabled' });
  await sharp(png)
    .png({ palette: true, effort: 8 })
    .toFile(join(FOLDER, `${name}.png`));
}

/** What the page showed when a test failed. */
export async function saveFailure(page: Page, name: string): Promise<void> {
  const folder = fileURLToPath(new URL('../../../test-results/failed', import.meta.url));
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.png`) });
}
