/** Waits until a page is drawn, so that it is not looked at half done. */
import type { Page } from 'playwright-core';

/** Pictures that are in view (others may never be asked for), and colours that change slowly. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const apart = (a: DOMRect, b: DOMRect): boolean =>
      a.left >= b.right || a.right <= b.left || a.top >= b.bottom || a.bottom <= b.top;
    const inView = (image: Element): boolean => {
      const box = image.getBoundingClientRect();
      for (let node = image.parentElement; node !== null; node = node.parentElement) {
        const clips = getComputedStyle(node).overflow !== 'visible';
        if (clips && apart(box, node.getBoundingClientRect())) return false;
      }
      return true;
    };
    const pending = [...document.images].filter((image) => !image.complete && inView(image));
    await Promise.all(pending.map((image) => image.decode().catch(() => null)));
    const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
    await Promise.all(transitions.map((transition) => transition.finished.catch(() => null)));
  });
}
