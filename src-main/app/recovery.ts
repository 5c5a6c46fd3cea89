/** A gallery that cannot be opened: what is offered instead of not starting. */
import { toErrorDto } from '../base/app-error.js';
import { intactCopies, isDamage, replaceDamaged } from '../store/copies.js';
import { isUnreleased } from '../store/keep-aside.js';
import { databaseFile } from '../store/store.js';
import type { NativeText } from './native-text.js';

export interface RecoveryQuestion {
  readonly message: string;
  readonly detail: string;
  readonly buttons: string[];
  readonly defaultId: number;
  readonly cancelId: number;
}

/**
 * Opens; where the database is damaged, asks whether to go on with its newest copy, with an empty gallery, or not at
 * all. The damaged file is kept in each case, and so is a gallery from before the first release, of which the person is
 * told.
 *
 * @param locale tag by which moments are written
 * @param ask index of the chosen button
 * @returns null when the person chose to quit
 * @throws AppError every other failure of `open`, and disk.* of restoring
 */
export async function openRecovering<T>(
  dataDir: string,
  open: () => Promise<T>,
  text: NativeText,
  locale: string,
  ask: (question: RecoveryQuestion) => number,
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
