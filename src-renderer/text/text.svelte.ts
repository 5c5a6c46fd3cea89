/**
 * Texts of the page in the chosen language: `t('id')` anywhere in the renderer. A template or a `$derived` that calls
 * it changes with the language, without a reload.
 *
 * To add a text: put it into the English file of its screen (`text/en/<screen>.ts`), and call `t` with its id. Then
 * translate it into the four other languages, in the file of the same name; `docs/languages.md` has the words to use.
 * Numbers go in as numbers (`t('count.pictures', { count })` picks the plural form), amounts with units through
 * `logic/format-amount`. Never put sentences together from pieces: word order differs. A sentence that a state object
 * keeps stays in the language it was made in, so keep the facts and call `t` where it is shown.
 *
 * The one module with state of its own: a page has one language, as it has one `lang` attribute, and pure functions
 * below the components need it too.
 */
import { chooseLanguage, type Language, type LanguageChoice } from '$contract/languages';
import { german } from './de/catalogue';
import { english, type English, type TextId } from './en/catalogue';
import { french } from './fr/catalogue';
import { frenchSpaces } from './french-spaces';
import { japanese } from './ja/catalogue';
import { fill, type Message, type Param, type ParamsOf } from './message';
import { chinese } from './zh-hans/catalogue';

type Catalogue = Readonly<Partial<Record<TextId, Message>>>;

/** Texts of every language by id. */
export const CATALOGUES: Readonly<Record<Language, Catalogue>> = {
  en: english,
  de: german,
  fr: french,
  ja: japanese,
  'zh-Hans': chinese,
};

/** How each language calls itself. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  ja: '日本語',
  'zh-Hans': '简体中文',
};

interface Spoken {
  readonly language: Language;
  /** Locale of numbers and dates, such as `de-CH`. */
  readonly locale: string;
  readonly plural: Intl.PluralRules;
  readonly numbers: Map<string, Intl.NumberFormat>;
}

function spoken(language: Language, locale: string): Spoken {
  return { language, locale, plural: new Intl.PluralRules(locale), numbers: new Map() };
}

let current = $state.raw<Spoken>(spoken('en', 'en-GB'));

/** Changes the language. @param preferred The system's language tags, by preference. */
export function useLanguage(choice: LanguageChoice, preferred: readonly string[]): void {
  const { language, locale } = chooseLanguage(choice, preferred);
  if (language !== current.language || locale !== current.locale) current = spoken(language, locale);
}

/** The current language, for `lang` attributes. */
export function pageLanguage(): Language {
  return current.language;
}

/** A number as the language writes it, with exactly `digits` after the point, or with those it has (at most three). */
export function formatDecimal(value: number, digits?: number): string {
  const key = String(digits);
  let format = current.numbers.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(
      current.locale,
      digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits },
    );
    current.numbers.set(key, format);
  }
  return format.format(value);
}

/** A moment as the language writes it. */
export function formatMoment(atMs: number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(current.locale, options).format(atMs);
}

/** `a and b` as the language joins a list. */
export function formatList(items: readonly string[]): string {
  return new Intl.ListFormat(current.locale).format(items);
}

const COMMAS: Readonly<Record<Language, string>> = { en: ', ', de: ', ', fr: ', ', ja: '、', 'zh-Hans': '，' };

/** `a, b, c` with the language's comma. */
export function commas(items: readonly string[]): string {
  return items.join(COMMAS[current.language]);
}

/** Whole sentences after each other; Japanese and Chinese put no space between them. */
export function sentences(items: readonly string[]): string {
  return items.join(COMMAS[current.language].endsWith(' ') ? ' ' : '');
}

/** Each of the items as a sentence, with its full stop. */
export function stopped(items: readonly string[]): string {
  const stop = COMMAS[current.language].endsWith(' ') ? '.' : '。';
  return sentences(items.map((item) => `${item}${stop}`));
}

/** With its first letter as at the beginning of a line. */
export function capitalised(text: string): string {
  return text.charAt(0).toLocaleUpperCase(current.locale) + text.slice(1);
}

/** The text of an id in the current language; in English where it is not translated yet. */
export function t<Id extends TextId>(id: Id, ...[params]: ParamsOf<English[Id]>): string {
  const own = CATALOGUES[current.language][id];
  const message: Message = own ?? english[id];
  const given: Readonly<Record<string, Param>> = params ?? {};
  const text = typeof message === 'string' ? message : pluralForm(message, given['count']);
  return fill(current.language === 'fr' && own !== undefined ? frenchSpaces(text) : text, given, (value) =>
    formatDecimal(value),
  );
}

function pluralForm(message: Exclude<Message, string>, count: Param | undefined): string {
  const category = current.plural.select(Number(count));
  return (category === 'one' ? message.one : undefined) ?? message.other;
}
