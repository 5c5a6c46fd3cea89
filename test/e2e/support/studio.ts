/** What the tests do in the studio again and again. */
import type { Page } from 'playwright-core';

/** The person and the prompt of all tests. */
const SAMPLE = 'Hana';
const PROMPT = 'Laughing';

/** Chooses a sample identity and an example prompt, and few steps so that a picture takes seconds. */
export async function fillStudio(page: Page, steps = 4): Promise<void> {
  await page.getByRole('button', { name: `Sample: ${SAMPLE}` }).click();
  await page.getByRole('button', { name: 'Examples of prompts' }).click();
  await page.getByRole('button', { name: new RegExp(`^${PROMPT}`) }).click();
  await page.getByRole('spinbutton', { name: 'Steps' }).fill(String(steps));
}

/** Puts the form in the queue and waits until nothing of it runs any more. */
export async function runToEnd(page: Page, pictures: number, timeoutMs = 120_000): Promise<void> {
  await page.getByRole('button', { name: /^Make \d/ }).click();
  await page
    .getByText(pictures === 1 ? 'Done' : `All ${pictures} done`)
    .first()
    .waitFor({ timeout: timeoutMs });
}

/** Goes to a screen by its link in the rail. */
export async function goTo(page: Page, screen: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: screen }).click();
  await page.getByRole('heading', { level: 1, name: screen }).waitFor({ state: 'attached' });
}
