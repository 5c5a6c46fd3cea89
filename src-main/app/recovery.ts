/** Offers what can be done when the gallery cannot be opened. */
import { toErrorDto } from '../base/app-error.js';
import { intactCopies, isDamage, replaceDamaged } from '../store/copies.js';
import { isUnreleased } from '../store/keep-aside.js';
import { databaseFile } from '../store/store.js';
import type { NativeText } from './native-text.js';
import type { Question } from './question.js';

/**
 * Opens the gallery. Where the database is damaged, asks whether to restore its newest copy, to begin an empty gallery or
 * to quit; the damaged file is kept. A gallery from before the first release is kept aside, and the person is informed.
 *
 * @param locale BCP 47 tag for dates
 * @param ask index of the chosen button
 * @returns null when the person chose to quit
 * @throws AppError every other failure of `open`, and disk.* of restoring
 */
export async function openRecovering<T>(
  dataDir: string,
  open: () => Promise<T>,
  text: NativeText,
  locale: string,
  ask: (question: Question) => number,
): Promise<T | null> {
  try {
    return await open();
  } catch (error) {
    const { message } = toErrorDto(error);
    if (isUnreleased(error)) {
      const buttons = [text.newGallery, text.quit];
      const choice = ask({ message, detail: text.newBegins, buttons, defaultId: 0, cancelId: 1 });
      return choice === 0 ? open() : null;
    }
    if (!isDamage(error)) throw error;
    const file = databaseFile(dataDir);
    const [copy = null] = intactCopies(file);
    const restore = copy === null ? [] : [text.restoreCopy(new Date(copy.savedAtMs).toLocaleString(locale))];
    const buttons = [...restore, text.newGallery, text.quit];
    const choice = ask({
      message,
      detail: [text.picturesSafe, copy === null ? text.noCopy : text.copyKnows(copy.pictures)].join('\n'),
      buttons,
      defaultId: copy === null ? buttons.length - 1 : 0,
      cancelId: buttons.length - 1,
    });
    if (choice === buttons.length - 1) return null;
    replaceDamaged(file, choice === 0 ? copy : null, Date.now());
    return open();
  }
}
