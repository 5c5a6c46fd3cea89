/** The app's languages, and the choice of one by the system's list. */
import { z } from 'zod';

/** BCP 47 tags, English first. */
export const LANGUAGES = ['en', 'de', 'fr', 'ja', 'zh-Hans'] as const;
export type Language = (typeof LANGUAGES)[number];

/** `system`: the first of the system's languages that the app has. */
export const languageChoiceSchema = z.enum(['system', ...LANGUAGES]);
export type LanguageChoice = z.infer<typeof languageChoiceSchema>;

/** The language of a tag such as `de-CH` or `zh-CN`; null where the app does not have it or the tag is invalid. */
function languageOfTag(tag: string): Language | null {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    // Traditional Chinese (another script) is not available.
    return LANGUAGES.find((own) => own === language || own === `${language}-${script}`) ?? null;
  } catch {
    // Not a BCP 47 tag (`C`, `POSIX`).
    return null;
  }
}

/**
 * The app's language, and the tag for numbers and dates.
 *
 * @param preferred the system's tags in order of preference. The tag of the chosen language keeps its region: with `de-CH`,
 *   numbers are written as in Switzerland.
 */
export function chooseLanguage(
  choice: LanguageChoice,
  preferred: readonly string[],
): { readonly language: Language; readonly locale: string } {
  const known = preferred.flatMap((tag) => {
    const language = languageOfTag(tag);
    return language === null ? [] : [{ language, locale: tag }];
  });
  if (choice === 'system') return known[0] ?? { language: 'en', locale: 'en-GB' };
  return (
    known.find(({ language }) => language === choice) ?? {
      language: choice,
      locale: choice === 'en' ? 'en-GB' : choice,
    }
  );
}
