/**
 * The gallery's search line: `infusenet:nf4 flux:int8 seed:42 id>0.75 peak<12 stars>=4 "soft light" -studio`.
 *
 * Terms are joined by "and". Bare words and quoted phrases search the prompt; `field:a,b` accepts any of the
 * values; a leading `-` negates a term. Parsing never throws; problems have positions, so that an input box can underline
 * them.
 */
import { PROVIDERS, WEIGHT_FORMATS } from './formats.js';
import { RUN_STATUSES } from './run.js';

export const COMPARE_OPERATORS = ['>=', '<=', '>', '<', '=', ':'] as const;
/** `:` and `=` both mean equal. */
export type CompareOperator = Exclude<(typeof COMPARE_OPERATORS)[number], ':'>;

interface ChoiceField {
  readonly kind: 'choice';
  readonly values: readonly string[];
}
interface NumberField {
  readonly kind: 'number';
  /** `bytes`: gibibytes unless the number ends in `m`. */
  readonly unit: 'plain' | 'bytes';
}
interface TextField {
  readonly kind: 'text' | 'size' | 'date';
}

/** `auto` finds mixes of any budget. */
const FORMATS_AND_AUTO = [...WEIGHT_FORMATS, 'auto'] as const;

/** Every field. */
export const SEARCH_FIELDS = {
  flux: { kind: 'choice', values: FORMATS_AND_AUTO },
  t5: { kind: 'choice', values: FORMATS_AND_AUTO },
  infusenet: { kind: 'choice', values: FORMATS_AND_AUTO },
  provider: { kind: 'choice', values: PROVIDERS },
  status: { kind: 'choice', values: RUN_STATUSES },
  seed: { kind: 'number', unit: 'plain' },
  steps: { kind: 'number', unit: 'plain' },
  guidance: { kind: 'number', unit: 'plain' },
  scale: { kind: 'number', unit: 'plain' },
  width: { kind: 'number', unit: 'plain' },
  height: { kind: 'number', unit: 'plain' },
  stars: { kind: 'number', unit: 'plain' },
  id: { kind: 'number', unit: 'plain' },
  seconds: { kind: 'number', unit: 'plain' },
  peak: { kind: 'number', unit: 'bytes' },
  load: { kind: 'number', unit: 'bytes' },
  size: { kind: 'size' },
  date: { kind: 'date' },
  tag: { kind: 'text' },
  identity: { kind: 'text' },
  pack: { kind: 'text' },
  variant: { kind: 'text' },
} as const satisfies Readonly<Record<string, ChoiceField | NumberField | TextField>>;

export type SearchField = keyof typeof SEARCH_FIELDS;
type FieldOfKind<K extends string> = {
  [F in SearchField]: (typeof SEARCH_FIELDS)[F]['kind'] extends K ? F : never;
}[SearchField];

export type SearchTerm = { readonly negated: boolean } & (
  | { readonly kind: 'word' | 'phrase'; readonly text: string }
  | { readonly kind: 'choice'; readonly field: FieldOfKind<'choice'>; readonly values: readonly string[] }
  | {
      readonly kind: 'number';
      readonly field: FieldOfKind<'number'>;
      readonly operator: CompareOperator;
      /** Bytes where the field is in bytes. */
      readonly value: number;
    }
  | { readonly kind: 'text'; readonly field: FieldOfKind<'text'>; readonly values: readonly string[] }
  | { readonly kind: 'size'; readonly width: number; readonly height: number }
  /** Milliseconds UTC, `from` inclusive, `to` exclusive; null is open. */
  | { readonly kind: 'date'; readonly fromMs: number | null; readonly toMs: number | null }
);

/** A problem, for the page to put into its language; `params` fill the sentence. */
export interface SearchComplaint {
  readonly kind: 'open-quote' | 'date' | 'no-field' | 'no-value' | 'number' | 'operator' | 'size' | 'choice';
  readonly params: {
    readonly field: string;
    readonly value: string;
    readonly operator: string;
    readonly allowed: string;
  };
  /** In English. */
  readonly message: string;
}

export interface SearchProblem extends SearchComplaint {
  /** Position in the line, end exclusive. */
  readonly start: number;
  readonly end: number;
}

export interface ParsedSearch {
  readonly terms: readonly SearchTerm[];
  readonly problems: readonly SearchProblem[];
}

interface Token {
  readonly start: number;
  readonly end: number;
  readonly negated: boolean;
  readonly field: string | null;
  readonly operator: string | null;
  readonly value: string;
  readonly quoted: boolean;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Sign, field with operator, then a quoted or a bare value; a quote that never closes runs to the end. */
const TOKEN = /(-?)(?:([A-Za-z][A-Za-z0-9]*)(>=|<=|>|<|=|:))?(?:"([^"]*)("?)|([^\s"]*))/y;

function complain(
  kind: SearchComplaint['kind'],
  message: string,
  params: Partial<SearchComplaint['params']> = {},
): SearchComplaint {
  return { kind, message, params: { field: '', value: '', operator: '', allowed: '', ...params } };
}

function* tokens(line: string): Generator<Token | SearchProblem> {
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line.charAt(at))) {
      at += 1;
      continue;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(line);
    const end = match === null || match[0].length === 0 ? at + 1 : at + match[0].length;
    if (match !== null) {
      const quoted = match[4] !== undefined;
      if (quoted && match[5] === '') yield { ...complain('open-quote', 'The quote is not closed.'), start: at, end };
      yield {
        start: at,
        end,
        negated: match[1] === '-',
        field: match[2]?.toLowerCase() ?? null,
        operator: match[3] ?? null,
        value: match[4] ?? match[6] ?? '',
        quoted,
      };
    }
    at = end;
  }
}

function isField(name: string): name is SearchField {
  return Object.hasOwn(SEARCH_FIELDS, name);
}

function parseNumber(text: string, unit: 'plain' | 'bytes'): number | null {
  const match = /^(-?\d+(?:\.\d+)?)(g|gb|gib|m|mb|mib)?$/i.exec(text);
  if (match === null || (unit === 'plain' && match[2] !== undefined)) return null;
  const value = Number(match[1]);
  if (unit === 'plain') return value;
  return Math.round(value * (match[2]?.toLowerCase().startsWith('m') === true ? MIB : GIB));
}

/** First and one-past-last millisecond of a year, month or day. */
function parseDate(text: string): { from: number; to: number } | null {
  const match = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/.exec(text);
  if (match === null) return null;
  const year = Number(match[1]);
  const month = match[2] === undefined ? 0 : Number(match[2]) - 1;
  const day = match[3] === undefined ? 1 : Number(match[3]);
  const from = Date.UTC(year, month, day);
  const read = new Date(from);
  if (read.getUTCMonth() !== month || read.getUTCDate() !== day) return null;
  const to =
    match[2] === undefined
      ? Date.UTC(year + 1, 0, 1)
      : match[3] === undefined
        ? Date.UTC(year, month + 1, 1)
        : Date.UTC(year, month, day + 1);
  return { from, to };
}

function dateTerm(text: string, operator: CompareOperator, negated: boolean): SearchTerm | SearchComplaint {
  const date = parseDate(text);
  if (date === null)
    return complain('date', `"${text}" is not a date; write 2026, 2026-11 or 2026-11-24.`, { value: text });
  const { from, to } = date;
  switch (operator) {
    case '=':
      return { kind: 'date', negated, fromMs: from, toMs: to };
    case '>':
      return { kind: 'date', negated, fromMs: to, toMs: null };
    case '>=':
      return { kind: 'date', negated, fromMs: from, toMs: null };
    case '<':
      return { kind: 'date', negated, fromMs: null, toMs: from };
    case '<=':
      return { kind: 'date', negated, fromMs: null, toMs: to };
  }
}

function fieldTerm(name: string, token: Token): SearchTerm | SearchComplaint {
  const { negated, value } = token;
  if (!isField(name)) {
    const allowed = Object.keys(SEARCH_FIELDS).join(', ');
    return complain(
      'no-field',
      `There is no field "${name}". Fields are ${allowed}; put words with a colon in quotes.`,
      { field: name, allowed },
    );
  }
  const noValue = (sign: string): SearchComplaint =>
    complain('no-value', `"${name}${sign}" needs a value.`, { field: name, operator: sign });
  if (value === '') return noValue(token.operator ?? ':');
  const operator = (token.operator === ':' ? '=' : token.operator) as CompareOperator;
  const field = SEARCH_FIELDS[name];
  if (field.kind === 'number') {
    const number = parseNumber(value, field.unit);
    if (number === null) return complain('number', `"${value}" is not a number for ${name}.`, { field: name, value });
    return { kind: 'number', negated, field: name as FieldOfKind<'number'>, operator, value: number };
  }
  if (field.kind === 'date') return dateTerm(value, operator, negated);
  if (operator !== '=') {
    const message = `${name} cannot be compared with "${operator}"; write ${name}:${value}.`;
    return complain('operator', message, { field: name, operator, value });
  }
  if (field.kind === 'size') {
    const match = /^(\d{1,5})[x×](\d{1,5})$/i.exec(value);
    if (match === null) return complain('size', `"${value}" is not a size; write 864x1152.`, { value });
    return { kind: 'size', negated, width: Number(match[1]), height: Number(match[2]) };
  }
  const values = token.quoted ? [value] : value.split(',').filter((part) => part !== '');
  if (values.length === 0) return noValue(':');
  if (field.kind === 'text') return { kind: 'text', negated, field: name as FieldOfKind<'text'>, values };
  const allowed: readonly string[] = field.values;
  const lower = values.map((part) => part.toLowerCase());
  const wrong = lower.find((part) => !allowed.includes(part));
  if (wrong !== undefined) {
    const list = allowed.join(', ');
    const message = `${name} cannot be "${wrong}"; it is one of ${list}.`;
    return complain('choice', message, { field: name, value: wrong, allowed: list });
  }
  return { kind: 'choice', negated, field: name as FieldOfKind<'choice'>, values: lower };
}

/** Reads a search line. Never throws. */
export function parseSearch(line: string): ParsedSearch {
  const terms: SearchTerm[] = [];
  const problems: SearchProblem[] = [];
  for (const token of tokens(line)) {
    if ('message' in token) {
      problems.push(token);
    } else if (token.field !== null) {
      const term = fieldTerm(token.field, token);
      if ('message' in term) problems.push({ ...term, start: token.start, end: token.end });
      else terms.push(term);
    } else if (/[\p{L}\p{N}]/u.test(token.value)) {
      terms.push({ kind: token.quoted ? 'phrase' : 'word', negated: token.negated, text: token.value });
    }
  }
  return { terms, problems };
}
