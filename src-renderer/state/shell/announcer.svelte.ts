/** Text of the polite live region, which screen readers read aloud. */
export class Announcer {
  text = $state('');

  say(text: string): void {
    // Screen readers skip a repeated text; a trailing no-break space makes it different.
    this.text = text === this.text ? `${text}\u00a0` : text;
  }
}
