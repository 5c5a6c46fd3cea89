/** The gallery: windows over finished runs, and changes to many runs at once. */
import type { GalleryItem, GallerySort } from '../contract/gallery.js';
import { SETTINGS, SETTING_NAMES, settingsOf } from '../contract/generation-settings.js';
import type { SearchTerm } from '../contract/search-language.js';
import type { RunDetail, RunSummary } from '../contract/run.js';
import type { Database } from './database.js';
import type { DeletionsRepo } from './deletions-repo.js';
import { DETAIL_COLUMNS, DETAIL_FROM, parseDetail, parseSummary, SUMMARY_COLUMNS, SUMMARY_FROM } from './run-row.js';
import { searchCondition } from './search-sql.js';

export interface WindowQuery {
  readonly terms: readonly SearchTerm[];
  readonly sort: GallerySort;
  readonly trashed: boolean;
  readonly stacked: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** Unknown figures come last in every order. */
const ORDERS: Readonly<Record<GallerySort, string>> = {
  newest: 'r.created_at_ms DESC, r.id DESC',
  oldest: 'r.created_at_ms, r.id',
  stars: 'r.stars DESC, r.created_at_ms DESC, r.id DESC',
  identity: 'r.identity_score DESC, r.id DESC',
  peak: 'r.peak_bytes NULLS LAST, r.id',
  seconds: 'r.total_seconds NULLS LAST, r.id',
  seed: 'r.seed, r.id',
};

/** Keys of the matching runs in order; exported for tests that check the query plan. */
export function keysSql(query: Pick<WindowQuery, 'terms' | 'trashed' | 'sort'>): {
  readonly sql: string;
  readonly where: string;
  readonly params: readonly (string | number)[];
} {
  const { sql: where, params } = searchCondition(query.terms, query.trashed);
  return {
    sql: `SELECT r.id, r.comparison_id FROM runs r WHERE ${where} ORDER BY ${ORDERS[query.sort]}`,
    where,
    params,
  };
}

/** Summaries of runs by key, in the order of the keys. */
const PAGE = `SELECT ${SUMMARY_COLUMNS} FROM json_each(?) page CROSS JOIN ${SUMMARY_FROM}
  WHERE r.id = page.value ORDER BY page.key`;

/** Number of a run's settings that differ from the parameters of the same names; the size is compared as one. */
const SETTINGS_THAT_DIFFER = SETTING_NAMES.filter((name) => name !== 'width' && name !== 'height')
  .map((name) => `(r.${SETTINGS[name].column} <> :${name})`)
  .join(' + ');

/** A list of ids as one parameter of any length. */
const IDS = '(SELECT value FROM json_each(?))';

export class GalleryRepo {
  readonly #db: Database;
  readonly #deletions: DeletionsRepo;

  constructor(db: Database, deletions: DeletionsRepo) {
    this.#db = db;
    this.#deletions = deletions;
  }

  window(query: WindowQuery): { readonly total: number; readonly items: GalleryItem[] } {
    return query.stacked ? this.#stackedWindow(query) : this.#flatWindow(query);
  }

  #flatWindow(query: WindowQuery): { readonly total: number; readonly items: GalleryItem[] } {
    const { sql, where, params } = keysSql(query);
    const { n } = this.#db.get(`SELECT count(*) AS n FROM runs r WHERE ${where}`, params) as { n: number };
    const rows = this.#db.allRaw(`${sql} LIMIT ? OFFSET ?`, [...params, query.limit, query.offset]);
    const keys = rows.map(([id]) => id);
    const items = this.#summaries(keys).map((run) => ({ run, stackSize: 1 }));
    return { total: n, items };
  }

  /** Walks all matches once; the first run of each comparison represents it. Faster than SQL's window functions. */
  #stackedWindow(query: WindowQuery): { readonly total: number; readonly items: GalleryItem[] } {
    const { sql, params } = keysSql(query);
    const stacks = new Map<unknown, { readonly key: unknown; size: number }>();
    for (const [key, comparison] of this.#db.allRaw(sql, params)) {
      const stack = stacks.get(comparison);
      if (stack === undefined) stacks.set(comparison, { key, size: 1 });
      else stack.size += 1;
    }
    const page = [...stacks.values()].slice(query.offset, query.offset + query.limit);
    const runs = this.#summaries(page.map((stack) => stack.key));
    return { total: stacks.size, items: runs.map((run, i) => ({ run, stackSize: page[i]?.size ?? 1 })) };
  }

  #summaries(keys: readonly unknown[]): RunSummary[] {
    return this.#db.all(PAGE, [JSON.stringify(keys)]).map(parseSummary);
  }

  counts(): { readonly total: number; readonly trashed: number } {
    return this.#db.get(
      `SELECT (SELECT count(*) FROM runs WHERE status = 'done' AND trashed_at_ms IS NULL) AS total,
         (SELECT count(*) FROM runs WHERE trashed_at_ms IS NOT NULL) AS trashed`,
    ) as { total: number; trashed: number };
  }

  stars(runIds: readonly string[]): ReadonlyMap<string, number> {
    const rows = this.#db.all(`SELECT public_id, stars FROM runs WHERE public_id IN ${IDS}`, [JSON.stringify(runIds)]);
    return new Map((rows as { public_id: string; stars: number }[]).map((row) => [row.public_id, row.stars]));
  }

  rate(runIds: readonly string[], stars: number): number {
    return this.#db.run(`UPDATE runs SET stars = ? WHERE public_id IN ${IDS}`, [stars, JSON.stringify(runIds)]).changes;
  }

  tagged(runIds: readonly string[], tag: string): string[] {
    const rows = this.#db.all(
      `SELECT r.public_id FROM runs r JOIN run_tags rt ON rt.run_id = r.id JOIN tags t ON t.id = rt.tag_id
       WHERE t.name = ? AND r.public_id IN ${IDS}`,
      [tag, JSON.stringify(runIds)],
    );
    return (rows as { public_id: string }[]).map((row) => row.public_id);
  }

  addTag(runIds: readonly string[], tag: string): number {
    return this.#db.transaction(() => {
      this.#db.run('INSERT INTO tags (name) VALUES (?) ON CONFLICT DO NOTHING', [tag]);
      return this.#db.run(
        `INSERT INTO run_tags (run_id, tag_id)
         SELECT r.id, t.id FROM runs r, tags t WHERE t.name = ? AND r.public_id IN ${IDS} ON CONFLICT DO NOTHING`,
        [tag, JSON.stringify(runIds)],
      ).changes;
    });
  }

  removeTag(runIds: readonly string[], tag: string): number {
    return this.#db.transaction(() => {
      const { changes } = this.#db.run(
        `DELETE FROM run_tags WHERE tag_id = (SELECT id FROM tags WHERE name = ?)
           AND run_id IN (SELECT id FROM runs WHERE public_id IN ${IDS})`,
        [tag, JSON.stringify(runIds)],
      );
      this.#db.run('DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM run_tags WHERE tag_id = tags.id)');
      return changes;
    });
  }

  /** Tags of runs outside the trash, most used first. */
  tags(): { tag: string; count: number }[] {
    return this.#db.all(
      `SELECT t.name AS tag, count(*) AS count FROM tags t JOIN run_tags rt ON rt.tag_id = t.id
       JOIN runs r ON r.id = rt.run_id WHERE r.trashed_at_ms IS NULL GROUP BY t.id ORDER BY count(*) DESC, t.name`,
    ) as { tag: string; count: number }[];
  }

  /** Moves runs that are neither queued nor running into the trash; returns the ids of those moved. */
  trash(runIds: readonly string[], atMs: number): string[] {
    const rows = this.#db.all(
      `UPDATE runs SET trashed_at_ms = ? WHERE public_id IN ${IDS} AND trashed_at_ms IS NULL
         AND status NOT IN ('queued', 'running') RETURNING public_id`,
      [atMs, JSON.stringify(runIds)],
    );
    return (rows as { public_id: string }[]).map((row) => row.public_id);
  }

  restore(runIds: readonly string[]): string[] {
    const rows = this.#db.all(
      `UPDATE runs SET trashed_at_ms = NULL WHERE public_id IN ${IDS} AND trashed_at_ms IS NOT NULL RETURNING public_id`,
      [JSON.stringify(runIds)],
    );
    return (rows as { public_id: string }[]).map((row) => row.public_id);
  }

  /** Permanently deletes trashed runs (null: all of them) and comparisons left empty; returns the runs' ids. */
  deleteTrashed(runIds: readonly string[] | null): string[] {
    return this.#db.transaction(() => {
      const rows = (
        runIds === null
          ? this.#db.all('DELETE FROM runs WHERE trashed_at_ms IS NOT NULL RETURNING public_id')
          : this.#db.all(
              `DELETE FROM runs WHERE trashed_at_ms IS NOT NULL AND public_id IN ${IDS} RETURNING public_id`,
              [JSON.stringify(runIds)],
            )
      ) as { public_id: string }[];
      const deleted = rows.map((row) => row.public_id);
      this.#deletions.add('run', deleted);
      this.#db.run(
        'DELETE FROM comparisons WHERE NOT EXISTS (SELECT 1 FROM runs WHERE comparison_id = comparisons.id)',
      );
      this.#db.run('DELETE FROM tags WHERE NOT EXISTS (SELECT 1 FROM run_tags WHERE tag_id = tags.id)');
      return deleted;
    });
  }

  /** Finished runs that differ from the given one in exactly one setting, newest first, at most 500. */
  oneSettingAway(run: RunDetail): { readonly run: RunSummary; readonly detail: RunDetail }[] {
    const s = run.settings;
    const rows = this.#db.all(
      `SELECT ${DETAIL_COLUMNS} FROM ${DETAIL_FROM}
       WHERE r.status = 'done' AND r.trashed_at_ms IS NULL AND r.public_id <> :id
         AND (v.flux <> :flux) + (v.t5 <> :t5) + (v.infusenet <> :infusenet) + ${SETTINGS_THAT_DIFFER}
           + (r.width <> :width OR r.height <> :height)
           + (r.provider <> :provider OR r.device_id IS NOT :deviceId)
           + (r.identity_id IS NOT :identityId OR (r.identity_id IS NOT NULL AND r.face_index <> :faceIndex))
           + (r.pose_id IS NOT :poseId) + (r.pack_id <> :packId)
           + (r.loras_json <> :loras) + (r.decode IS NOT :decode) + (r.memory_limit IS NOT :memoryLimit) = 1
       ORDER BY r.created_at_ms DESC, r.id DESC LIMIT 500`,
      {
        id: run.id,
        flux: s.formats.flux,
        t5: s.formats.t5,
        infusenet: s.formats.infusenet,
        ...settingsOf(s),
        provider: s.provider,
        deviceId: s.deviceId ?? null,
        loras: JSON.stringify(s.loras),
        decode: s.decode ?? null,
        memoryLimit: s.memoryLimit ?? null,
        identityId: s.identityId,
        faceIndex: s.faceIndex,
        poseId: s.poseId,
        packId: s.packId,
      },
    );
    return rows.map((row) => ({ run: parseSummary(row), detail: parseDetail(row, () => []) }));
  }
}
