/** Suggestions of the search box: fields, then a field's values. */
import { SEARCH_FIELDS, type SearchField } from '$contract/search-language';
import { t } from '../../text/text.svelte';

export interface SearchHint {
  /** The suggested word. */
  readonly text: string;
  readonly help: string;
  /** The line with the word inserted. */
  readonly line: string;
  /** Position after the word. */
  readonly caret: number;
}

const EXAMPLES: Partial<Record<SearchField, string>> = {
  seed: 'seed:42',
  steps: 'steps>=20',
  stars: 'stars>=4',
  id: 'id>0.75',
  peak: 'peak<12',
  load: 'load<10',
  seconds: 'seconds<60',
  size: 'size:864x1152',
  date: 'date:2026-11',
};

/** Examples of whole queries. */
export const SEARCH_EXAMPLES = [
  { line: 'infusenet:nf4 flux:int8', help: 'search.example.formats' },
  { line: 'id>0.75 peak<12', help: 'search.example.likeness' },
  { line: 'stars>=4 "soft light"', help: 'search.example.rated' },
  { line: 'seed:42 -tag:draft', help: 'search.example.seed' },
  { line: 'infusenet:int8,nf4 date:2026-11', help: 'search.example.month' },
] as const;

/** All fields, in the order of the help. */
export const SEARCH_FIELD_NAMES = Object.keys(SEARCH_FIELDS) as SearchField[];

function wordAt(line: string, caret: number): { start: number; end: number; word: string } {
  let start = caret;
  while (start > 0 && !/\s/.test(line.charAt(start - 1))) start -= 1;
  let end = caret;
  while (end < line.length && !/\s/.test(line.charAt(end))) end += 1;
  return { start, end, word: line.slice(start, end) };
}

function isField(name: string): name is SearchField {
  return Object.hasOwn(SEARCH_FIELDS, name);
}

/** At most `limit` suggestions for the word at the caret: fields that begin with it, or values of its field. */
export function searchHints(line: string, caret: number, tags: readonly string[], limit = 16): SearchHint[] {
  const { start, end, word } = wordAt(line, caret);
  const sign = word.startsWith('-') ? '-' : '';
  const bare = word.slice(sign.length);
  const put = (text: string, help: string, space: boolean): SearchHint => {
    const inserted = sign + text + (space ? ' ' : '');
    return {
      text: sign + text,
      help,
      line: line.slice(0, start) + inserted + line.slice(end).replace(/^\s/, space ? '' : '$&'),
      caret: start + inserted.length,
    };
  };

  const typed = /^([A-Za-z0-9]+):(.*)$/.exec(bare);
  const name = typed?.[1]?.toLowerCase();
  if (name !== undefined && isField(name)) {
    const field = SEARCH_FIELDS[name];
    const done = (typed?.[2] ?? '').split(',');
    const last = (done.pop() ?? '').toLowerCase();
    const values: readonly string[] = field.kind === 'choice' ? field.values : name === 'tag' ? tags : [];
    return values
      .filter((value) => value.toLowerCase().startsWith(last) && value.toLowerCase() !== last && !done.includes(value))
      .slice(0, limit)
      .map((value) => put(`${name}:${[...done, value].join(',')}`, t(`search.field.${name}`), true));
  }
  if (bare === '' && word === '' && line.trim() !== '') return [];
  return SEARCH_FIELD_NAMES.filter((field) => field.startsWith(bare.toLowerCase()))
    .slice(0, limit)
    .map((field) => {
      const help = t(`search.field.${field}`);
      const example = EXAMPLES[field];
      return put(`${field}:`, example === undefined ? help : t('search.such-as', { help, example }), false);
    });
}
