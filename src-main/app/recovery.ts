/** A damaged gallery: what is offered instead of not starting. */
import { toErrorDto } from '../base/app-error.js';
import { intactCopies, isDamage, replaceDamaged } from '../store/copies.js';
import { databaseFile } from '../store/store.js';

export interface RecoveryQuestion {
  readonly message: string;
  readonly detail: string;
  readonly buttons: string[];
  readonly defaultId: number;
  readonly cancelId: number;
}

/**
 * Opens; where the database is damaged, asks whether to go on with its newest copy, with an empty gallery, or not at
 * all. The damaged file is kept in each case.
 *
 * @param ask index of the chosen button
 * @returns null when the person chose to quit
 * @throws AppError every other failure of `open`, and disk.* of restoring
 */
export async function openRecovering<T>(
  dataDir: string,
  open: () => Promise<T>,
  ask: (question: RecoveryQuestion) => number,
): Promise<T | null> {
  try {
    return await open();
  } catch (error) {
    if (!isDamage(error)) throw error;
    const file = databaseFile(dataDir);
    const [copy = null] = intactCopies(file);
    const restore = copy === null ? [] : [`Restore the Copy of ${new Date(copy.savedAtMs).toLocaleString()}`];
    const buttons = [...restore, 'Start a New Gallery', 'Quit'];
    const choice = ask({
      message: toErrorDto(error).message,
      detail: [
        'Your pictures are safe in their folder, and the damaged file is kept.',
        copy === null ? 'There is no copy of the database.' : `The copy knows ${copy.pictures} finished pictures.`,
      ].join(' '),
      buttons,
      defaultId: copy === null ? buttons.length - 1 : 0,
      cancelId: buttons.length - 1,
    });
    if (choice === buttons.length - 1) return null;
    replaceDamaged(file, choice === 0 ? copy : null, Date.now());
    return open();
  }
}
