/**
 * Chooses the build of better-sqlite3. Version 13 is a Node-API addon with prebuilt binaries for Electron and Node from
 * 22; Node 20 lacks its Node-API level and takes version 12.
 */
import type Database from 'better-sqlite3';
import { createRequire } from 'node:module';

export type SqliteDatabase = Database.Database;
export type SqliteDriver = typeof Database;

/** better-sqlite3 13 is built against Node-API 10. */
const NODE_API_OF_13 = 10;

/** Loads the driver on first use, so that importing the store costs nothing. */
export function loadSqliteDriver(nodeApiLevel = Number(process.versions.napi)): SqliteDriver {
  const require = createRequire(import.meta.url);
  return (nodeApiLevel >= NODE_API_OF_13 ? require('better-sqlite3-napi') : require('better-sqlite3')) as SqliteDriver;
}
