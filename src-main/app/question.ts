/** A question in a dialog of the system. */
export interface Question {
  readonly message: string;
  readonly detail: string;
  readonly buttons: string[];
  /** Indices of buttons: the default, and the one for Escape. */
  readonly defaultId: number;
  readonly cancelId: number;
}
