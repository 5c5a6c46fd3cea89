/** Search terms as SQL over `runs r JOIN variants v`. Values are always parameters. */
import { assertNever } from '../base/assert.js';
import type { SearchTerm } from '../contract/search-language.js';

export interface SqlCondition {
  readonly sql: string;
  readonly params: readonly (string | number)[];
}

const NUMBER_COLUMNS = {
  seed: 'r.seed',
  steps: 'r.steps',
  guidance: 'r.guidance',
  scale: 'r.conditioning_scale',
  width: 'r.width',
  height: 'r.height',
  stars: 'r.stars',
  id: 'r.identity_score',
  seconds: 'r.total_seconds',
  peak: 'r.peak_bytes',
  load: 'r.load_bytes',
} as const;

const VARIANT_COLUMNS = { flux: 'flux', t5: 't5', infusenet: 'infusenet' } as const;

/** Scripts without spaces, where the tokenizer sees a whole sentence as one word. */
const UNSPACED_SCRIPT = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]/;

const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ');

function like(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}

function promptCondition(text: string, prefix: boolean): SqlCondition {
  if (UNSPACED_SCRIPT.test(text)) return { sql: `r.prompt LIKE ? ESCAPE '\\'`, params: [like(text)] };
  const match = `"${text.replaceAll('"', '""')}"${prefix ? ' *' : ''}`;
  return { sql: 'r.id IN (SELECT rowid FROM runs_fts WHERE runs_fts MATCH ?)', params: [match] };
}

function textCondition(field: 'tag' | 'identity' | 'pack' | 'variant', values: readonly string[]): SqlCondition {
  switch (field) {
    case 'tag':
      return {
        sql: `r.id IN (SELECT rt.run_id FROM run_tags rt JOIN tags t ON t.id = rt.tag_id WHERE t.name IN (${marks(values)}))`,
        params: values,
      };
    case 'identity':
      return {
        sql: `r.identity_id IN (SELECT p.public_id FROM photos p WHERE ${values.map(() => `p.name LIKE ? ESCAPE '\\'`).join(' OR ')})`,
        params: values.map(like),
      };
    case 'pack':
      return { sql: `r.pack_id IN (${marks(values)})`, params: values };
    case 'variant':
      return { sql: `r.model_variant IN (${marks(values)})`, params: values };
  }
}

/** The names of mixes contain their budget. */
function variantCondition(column: string, values: readonly string[]): SqlCondition {
  const plain = values.filter((value) => value !== 'auto');
  const auto = plain.length < values.length ? ` OR ${column} LIKE 'auto-%'` : '';
  return {
    sql: `r.variant_id IN (SELECT id FROM variants WHERE ${column} IN (${marks(plain)})${auto})`,
    params: plain,
  };
}

function condition(term: SearchTerm): SqlCondition {
  switch (term.kind) {
    case 'word':
      return promptCondition(term.text, true);
    case 'phrase':
      return promptCondition(term.text, false);
    case 'choice':
      if (term.field === 'provider' || term.field === 'status') {
        return { sql: `r.${term.field} IN (${marks(term.values)})`, params: term.values };
      }
      return variantCondition(VARIANT_COLUMNS[term.field], term.values);
    case 'number':
      return { sql: `${NUMBER_COLUMNS[term.field]} ${term.operator} ?`, params: [term.value] };
    case 'text':
      return textCondition(term.field, term.values);
    case 'size':
      return { sql: '(r.width = ? AND r.height = ?)', params: [term.width, term.height] };
    case 'date': {
      const parts: string[] = [];
      const params: number[] = [];
      if (term.fromMs !== null) {
        parts.push('r.created_at_ms >= ?');
        params.push(term.fromMs);
      }
      if (term.toMs !== null) {
        parts.push('r.created_at_ms < ?');
        params.push(term.toMs);
      }
      return { sql: `(${parts.join(' AND ')})`, params };
    }
    default:
      return assertNever(term);
  }
}

/** All terms joined by "and". Outside the trash only finished runs, unless a term names a status. */
export function searchCondition(terms: readonly SearchTerm[], trashed: boolean): SqlCondition {
  const parts = terms.map((term) => {
    const { sql, params } = condition(term);
    return { sql: term.negated ? `NOT (${sql})` : sql, params };
  });
  const named = terms.some((term) => term.kind === 'choice' && term.field === 'status');
  const fixed = trashed
    ? ['r.trashed_at_ms IS NOT NULL']
    : [...(named ? [] : [`r.status = 'done'`]), 'r.trashed_at_ms IS NULL'];
  return {
    sql: [...fixed, ...parts.map((part) => part.sql)].join(' AND '),
    params: parts.flatMap((part) => part.params),
  };
}
