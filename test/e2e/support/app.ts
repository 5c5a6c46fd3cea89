/** A browser with the app open on a gallery of its own. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser, openPage, type WatchedPage } from './browser';
import { buildRenderer, startHost, temporaryGallery, type Host, type TemporaryGallery } from './host';

export interface OpenApp {
  readonly browser: Browser;
  readonly gallery: TemporaryGallery;
  readonly host: Host;
  readonly watched: WatchedPage;
  readonly page: Page;
}

/** @param makeAssets as in `temporaryGallery` */
export async function openApp(
  options?: BrowserContextOptions,
  makeAssets?: Parameters<typeof temporaryGallery>[0],
): Promise<OpenApp> {
  buildRenderer();
  const gallery = await temporaryGallery(makeAssets);
  const [browser, host] = await Promise.all([launchBrowser(), startHost(gallery)]);
  const watched = await openPage(browser, options);
  await watched.page.goto(host.url);
  return { browser, gallery, host, watched, page: watched.page };
}

export async function closeApp({ browser, host, gallery }: OpenApp): Promise<void> {
  await browser.close();
  await host.stop();
  await gallery.dispose();
}
