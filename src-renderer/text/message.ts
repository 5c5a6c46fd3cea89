/**
 * Texts of the catalogue: sentences with `{placeholders}`, in as many plural forms as the language has. The types are
 * made from the English texts, so `t('…')` compiles only with a text and placeholders that exist.
 */

/** Forms by the categories of `Intl.PluralRules`; `{count}` chooses. */
export interface PluralForms {
  readonly one?: string;
  readonly other: string;
}
export type Message = string | PluralForms;

/** The names between braces. */
type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

type Texts<M> = M extends string ? M : M extends PluralForms ? Exclude<M[keyof M], undefined> : never;

/** Placeholders of a message. */
export type ParamNames<M> = Names<Texts<M> & string> | (M extends PluralForms ? 'count' : never);

/** A number is written as the language writes numbers; ids, seeds and amounts with a unit come as text. */
export type Param = string | number;

/** Arguments of a message: none without placeholders. */
export type ParamsOf<M> = [ParamNames<M>] extends [never] ? [] : [params: { readonly [Name in ParamNames<M>]: Param }];

/** The translation of a set of English texts. */
export type Translation<English> = {
  readonly [Id in keyof English]?: English[Id] extends string ? string : PluralForms;
};

/** Puts the arguments into a text. A placeholder without an argument stays as it is: the types do not allow it. */
export function fill(text: string, params: Readonly<Record<string, Param>>, number: (value: number) => string): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    return value === undefined ? whole : typeof value === 'number' ? number(value) : value;
  });
}
