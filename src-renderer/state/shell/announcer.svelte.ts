/** The one polite live region: what a screen reader is told while one works elsewhere. */
export class Announcer {
  text = $state('');

  say(text: string): void {
    // The same words twice would not be read; a trailing no-break space makes them new.
    this.text = text === this.text ? `${text}\u00a0` : text;
  }
}
