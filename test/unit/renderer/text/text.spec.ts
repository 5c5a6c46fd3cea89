import { afterEach, describe, expect, it } from 'vitest';
import { chooseLanguage, LANGUAGES, type Language } from '../../../../src-main/contract/languages';
import { english } from '../../../../src-renderer/text/en/catalogue';
import type { Message } from '../../../../src-renderer/text/message';
import {
  CATALOGUES,
  formatDecimal,
  formatMoment,
  pageLanguage,
  t,
  useLanguage,
} from '../../../../src-renderer/text/text.svelte';

const OTHERS = LANGUAGES.filter((language) => language !== 'en');

/** The plural categories that counts below a million need: French has a third one above. */
function categories(language: Language): string[] {
  const rules = new Intl.PluralRules(language);
  const counts = [...Array(200).keys(), 1000, 9999, 123_456, 999_999];
  return [...new Set(counts.map((count) => rules.select(count)))].sort();
}

/** The names of a message's placeholders, sorted, `count` for a plural among them. */
function placeholders(message: Message): string[] {
  const texts = typeof message === 'string' ? [message] : ['{count}', ...Object.values<string>({ ...message })];
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')))].sort();
}

describe('the catalogue', () => {
  it.each(OTHERS)('%s has exactly the texts of English', (language) => {
    expect(Object.keys(CATALOGUES[language]).sort()).toEqual(Object.keys(english).sort());
  });

  it.each(LANGUAGES)('%s takes the placeholders of the English texts', (language) => {
    const wrong = Object.entries<Message>(CATALOGUES[language]).filter(
      ([id, message]) => String(placeholders(message)) !== String(placeholders(english[id as keyof typeof english])),
    );
    expect(wrong).toEqual([]);
  });

  it.each(LANGUAGES)('%s has the plural forms its rules ask for, no more and no fewer', (language) => {
    const wrong = Object.entries<Message>(CATALOGUES[language]).filter(
      ([, message]) =>
        typeof message !== 'string' && String(Object.keys(message).sort()) !== String(categories(language)),
    );
    expect(wrong).toEqual([]);
  });

  it.each(LANGUAGES)('%s has no empty text and none that begins or ends with a space', (language) => {
    const texts = Object.entries<Message>(CATALOGUES[language]).flatMap(([id, message]) =>
      (typeof message === 'string' ? [message] : Object.values<string>({ ...message })).map(
        (text) => [id, text] as const,
      ),
    );
    expect(texts.filter(([, text]) => text === '' || text.trim() !== text)).toEqual([]);
  });
});

describe('speaking', () => {
  afterEach(() => useLanguage('en', []));

  it('changes with the language, by its plural rules and its way to write numbers', () => {
    expect(t('count.pictures', { count: 0 })).toBe('0 pictures');
    expect(t('count.pictures', { count: 1234 })).toBe('1,234 pictures');
    useLanguage('fr', ['en-US']);
    expect(pageLanguage()).toBe('fr');
    expect(t('count.pictures', { count: 0 })).toBe('0 image');
    expect(t('count.pictures', { count: 2 })).toBe('2 images');
    expect(formatDecimal(1234.5, 2)).toBe('1\u202f234,50');
    useLanguage('ja', []);
    expect(t('count.pictures', { count: 1 })).toBe('1 枚');
    expect(formatMoment(Date.UTC(2026, 10, 24, 12), { dateStyle: 'medium', timeZone: 'UTC' })).toBe('2026/11/24');
  });

  it('does not compile with an id or a placeholder that is not there', () => {
    // @ts-expect-error no such text
    expect(() => t('common.nonsense')).toThrow();
    // @ts-expect-error its placeholder is `count`
    expect(t('count.pictures', { number: 1 })).toContain('{count}');
    // @ts-expect-error it needs `count`
    expect(t('count.pictures')).toContain('{count}');
  });

  it('sets French spaces', () => {
    useLanguage('fr', []);
    expect(t('unit.gib', { value: formatDecimal(22.4, 1) })).toBe('22,4\u00a0Gio');
  });

  it('takes the region of the system where it speaks the same language', () => {
    expect(chooseLanguage('system', ['pt-BR', 'de-CH', 'en-US'])).toEqual({ language: 'de', locale: 'de-CH' });
    expect(chooseLanguage('de', ['en-US', 'de-CH'])).toEqual({ language: 'de', locale: 'de-CH' });
    expect(chooseLanguage('de', ['en-US'])).toEqual({ language: 'de', locale: 'de' });
    expect(chooseLanguage('system', ['C', 'pt'])).toEqual({ language: 'en', locale: 'en-GB' });
  });

  it('takes simplified Chinese for simplified only', () => {
    expect(chooseLanguage('system', ['zh-CN']).language).toBe('zh-Hans');
    expect(chooseLanguage('system', ['zh']).language).toBe('zh-Hans');
    expect(chooseLanguage('system', ['zh-TW', 'ja']).language).toBe('ja');
  });
});
