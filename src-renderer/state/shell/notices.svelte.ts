/** Short messages at the screen's edge: finished actions with undo, and failures with their remedy. */
import { isAbort, toErrorDto, type ErrorDto } from '$contract/error';
import type { Announcer } from './announcer.svelte';

export interface NoticeAction {
  readonly label: string;
  readonly run: () => void;
}
export interface Notice {
  readonly id: number;
  readonly message: string;
  readonly error: ErrorDto | null;
  readonly action: NoticeAction | null;
}

/** Notices with an action stay long enough to reach them by keyboard; failures stay until dismissed. */
const STAY_MS = 6_000;
const STAY_WITH_ACTION_MS = 12_000;
const MAX_NOTICES = 4;

export class Notices {
  list = $state.raw<readonly Notice[]>([]);
  #next = 1;
  readonly #announcer: Announcer;

  constructor(announcer: Announcer) {
    this.#announcer = announcer;
  }

  say(message: string, action: NoticeAction | null = null): void {
    const id = this.#add({ message, error: null, action });
    this.#announcer.say(message);
    setTimeout(() => this.dismiss(id), action === null ? STAY_MS : STAY_WITH_ACTION_MS);
  }

  /** Shows a failure; a cancellation is not shown. */
  fail(error: unknown): void {
    if (isAbort(error)) return;
    const dto = toErrorDto(error);
    this.#add({ message: dto.message, error: dto, action: null });
  }

  /** The result of the work; null if it failed (the failure is shown). */
  async attempt<T>(work: Promise<T>): Promise<T | null> {
    try {
      return await work;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, 'id'>): number {
    const id = this.#next++;
    const others = this.list.filter((other) => other.message !== notice.message);
    this.list = [...others, { ...notice, id }].slice(-MAX_NOTICES);
    return id;
  }
}
