/** The languages the app speaks, and which of them a system's list of languages means. */
import { z } from 'zod';

/** BCP 47 tags, English first. */
export const LANGUAGES = ['en', 'de', 'fr', 'ja', 'zh-Hans'] as const;
export type Language = (typeof LANGUAGES)[number];

/** `system`: the first of the system's languages that the app speaks. */
export const languageChoiceSchema = z.enum(['system', ...LANGUAGES]);
export type LanguageChoice = z.infer<typeof languageChoiceSchema>;

/** The language of a tag such as `de-CH` or `zh-CN`; null when the app does not speak it or the tag is none. */
function languageOfTag(tag: string): Language | null {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    // Traditional Chinese is another script, and not spoken here.
    return LANGUAGES.find((own) => own === language || own === `${language}-${script}`) ?? null;
  } catch {
    // A tag that is no BCP 47 tag (`C`, `POSIX`) names no language.
    return null;
  }
}

/**
 * The language to speak and the tag to write numbers and dates by.
 *
 * @param preferred The system's tags, the most wanted first. One of the spoken language keeps its region: `de-CH`
 *   writes numbers as in Switzerland.
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
