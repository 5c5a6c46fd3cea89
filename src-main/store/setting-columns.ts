/** The columns of `runs` that hold one setting each. */
import { z } from 'zod';
import { invariant } from '../base/assert.js';
import { anySettingShape, SETTINGS, SETTING_NAMES, type SettingValues } from '../contract/generation-settings.js';
import type { Database } from './database.js';

const COLUMN_TYPES = { integer: 'INTEGER', number: 'REAL', text: 'TEXT' } as const;

export const SETTING_COLUMNS = SETTING_NAMES.map((name) => SETTINGS[name].column);

const rowSchema = z.object(
  Object.fromEntries(SETTING_NAMES.map((name) => [SETTINGS[name].column, anySettingShape[name]])),
);

/** The settings in a row of `runs`. */
export function settingsOfRow(row: unknown): SettingValues {
  const read = rowSchema.parse(row);
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, read[SETTINGS[name].column]])) as SettingValues;
}

export function settingColumns(settings: SettingValues): [column: string, value: string | number][] {
  return SETTING_NAMES.map((name) => [SETTINGS[name].column, settings[name]]);
}

/** Adds missing columns to `runs`; existing runs get the setting's initial value. */
export function addSettingColumns(db: Database): void {
  const columns = db.all(`SELECT name FROM pragma_table_info('runs')`) as { name: string }[];
  for (const name of SETTING_NAMES) {
    const { column, kind, initial } = SETTINGS[name];
    if (columns.some((there) => there.name === column)) continue;
    invariant(initial !== null, `the setting ${name} has an initial value for earlier runs`);
    const value = typeof initial === 'number' ? initial : `'${initial.replaceAll("'", "''")}'`;
    db.run(`ALTER TABLE runs ADD COLUMN ${column} ${COLUMN_TYPES[kind]} NOT NULL DEFAULT ${value}`);
  }
}
