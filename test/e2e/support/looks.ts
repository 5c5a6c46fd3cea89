/** Pictures of states for people to look at: every size in both themes. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { Language } from '../../../src-main/contract/languages.js';
import { saveScreenshot } from './screenshot';
import { settle } from './settle';

/** The smallest window (`app/window-state.ts`), a laptop's, and a large screen's. */
export const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 700 },
  { width: 1920, height: 1200 },
] as const;
type Size = (typeof SIZES)[number];

/** Asks the host by the page's own session. @throws Error with what the host said when it refuses */
export async function post(page: Page, method: string, input: unknown = {}): Promise<unknown> {
  const answer = await page.evaluate(
    async ({ method, body }) => {
      const response = await fetch(`/api/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      return (await response.json()) as { ok: boolean; value: unknown; error: unknown };
    },
    { method, body: JSON.stringify(input) },
  );
  if (!answer.ok) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
  return answer.value;
}

/** Shows a language at once, as its choice in the settings does. */
export async function speak(page: Page, language: Language): Promise<void> {
  await post(page, 'settings.set', { language });
  await page.locator(`html[lang=${language}]`).waitFor();
}

/** Goes to a screen by its address, which is the same in every language. */
export async function show(page: Page, screen: string): Promise<void> {
  await page.locator(`nav a[href="#/${screen}"]`).first().click();
}

interface Look {
  readonly sizes?: readonly Size[];
  /** A selector of what has to be seen, wherever the page is scrolled. */
  readonly at?: string;
}

/** Takes the page as it is in both themes; it is at the first size and dark afterwards. */
export async function take(page: Page, name: string, { sizes = SIZES, at }: Look = {}): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.evaluate((value) => (document.documentElement.dataset['theme'] = value), theme);
    for (const size of sizes) {
      await page.setViewportSize(size);
      if (at !== undefined) await page.locator(at).first().scrollIntoViewIfNeeded();
      await settle(page);
      await saveScreenshot(page, `state-${name}-${theme}-${size.width}`);
    }
  }
  await page.setViewportSize(SIZES[0]);
}

/**
 * Holds the engines of a host where they are while pictures of a busy screen are taken, and lets them go on. Linux: by
 * `/proc`.
 */
export async function held(hostPid: number, work: () => Promise<void>): Promise<void> {
  const engines = childrenOf(hostPid);
  for (const pid of engines) process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    for (const pid of engines) process.kill(pid, 'SIGCONT');
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        // pid (name) state parent …; the name may hold spaces and brackets.
        const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        return Number(parent) === pid;
      } catch {
        // It ended meanwhile.
        return false;
      }
    })
    .map(Number);
}
