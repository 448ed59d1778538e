import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { GatewayError } from '../errors.ts';

/** One open database. Everything in it is synchronous; keep statements prepared. */
export interface SqliteFile {
  /** Null in memory. */
  readonly path: string | null;
  readonly prepare: (sql: string) => StatementSync;
  /** Runs statements; SQLite's errors come out as GatewayError. `doing` completes "could not …". */
  readonly attempt: <T>(doing: string, act: () => T) => T;
  /** The same, and what was written is on the disk (fsync) when it returns: a power cut loses nothing that was answered. */
  readonly attemptDurably: <T>(doing: string, act: () => T) => T;
  readonly close: () => void;
}

const schemaVersion = 1;
const schema = `
  create table if not exists records (ns text not null, k text not null, v text not null, e integer, primary key (ns, k)) without rowid;
  create index if not exists records_by_end on records (e) where e is not null;
  create table if not exists counters (k text primary key, n integer not null, e integer not null) without rowid;
  create index if not exists counters_by_end on counters (e);
  create table if not exists members (s text not null, m text not null, e integer not null, primary key (s, m)) without rowid;
  create index if not exists members_by_end on members (e);
  create table if not exists events (id integer primary key autoincrement, at integer not null, origin text not null, event text not null);
`;

// Result codes of SQLite (https://sqlite.org/rescode.html); the low byte is the primary code.
const busyCode = 5;
const corruptCode = 11;
const notADatabaseCode = 26;

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

function translate(error: unknown, doing: string, path: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const code = resultCode(error);
  if (code === corruptCode || code === notADatabaseCode) {
    return new GatewayError(
      'store-corrupt',
      `could not ${doing}: ${path} is damaged or not a database; move it away (with its -wal and -shm files), start again, and everyone signs in anew`,
      { cause: error },
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  return new GatewayError('store-unavailable', `could not ${doing} in ${path}: ${why}`, { cause: error });
}

function setUp(db: DatabaseSync): void {
  db.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma trusted_schema = off');
  const found = db.prepare('pragma user_version').get()?.['user_version'];
  if (found === schemaVersion) return;
  if (typeof found === 'number' && found > schemaVersion) {
    throw new GatewayError('store-corrupt', `the database was written by a newer version (schema ${found})`);
  }
  // Several processes may start at once: the first makes the tables, the others wait and find them.
  db.exec(`begin immediate; ${schema} pragma user_version = ${schemaVersion}; commit`);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

/**
 * Opens (or makes) the database; several processes may share it. Directory 0700 when made here, file 0600.
 * Throws `store-corrupt` for a file that is no database, `store-unavailable` when it can't be opened or written.
 */
export async function openSqliteFile(path: string | null): Promise<SqliteFile> {
  const shown = path ?? 'memory';
  if (path !== null) makePrivate(path);
  const db = openDatabase(path ?? ':memory:', shown);
  // Switching to WAL needs the file alone for a moment and does not wait for it by itself.
  for (let attempt = 0; ; attempt += 1) {
    try {
      setUp(db);
      break;
    } catch (error) {
      if (resultCode(error) === busyCode && attempt < 40) {
        if (db.isTransaction) db.exec('rollback');
        await pause();
        continue;
      }
      db.close();
      throw translate(error, 'open the store', shown);
    }
  }

  const attempt = <T>(doing: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw translate(error, doing, shown);
    }
  };
  // WAL with synchronous=normal outlives the end of the process (kill -9): commits stand in the system's page cache. A power
  // cut may take the last ones, so what must not come back or get lost is written with synchronous=full.
  const full = db.prepare('pragma synchronous = full');
  const normal = db.prepare('pragma synchronous = normal');
  return {
    path,
    prepare: (sql) => db.prepare(sql),
    attempt,
    attemptDurably: (doing, act) =>
      attempt(doing, () => {
        if (path === null) return act();
        full.run();
        try {
          return act();
        } finally {
          normal.run();
        }
      }),
    close: () => {
      if (db.isOpen) db.close();
    },
  };
}

function openDatabase(path: string, shown: string): DatabaseSync {
  try {
    // Long enough for a neighbour's commit on a slow disk, short enough that the event loop never stands for long.
    return new DatabaseSync(path, { timeout: 1_000 });
  } catch (error) {
    throw translate(error, 'open the store', shown);
  }
}

function makePrivate(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite gives its -wal and -shm files the mode of the database.
    closeSync(openSync(path, 'a', 0o600));
  } catch (error) {
    throw translate(error, 'open the store', path);
  }
}
