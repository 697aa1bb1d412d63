import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MeshError, type Store, type Write } from '@meshferry/core';
import { availableEngine, type Database, type Engine, type Statement } from './engine.ts';
import { corruptError, newerError, storeError } from './errors.ts';
import { announceHolder, retractHolder } from './holder.ts';

/** How {@link openSqliteStore} opens its file. */
export interface SqliteStoreOptions {
  /**
   * What a batch survives once it has returned: `power-cut` (the default: SQLite's synchronous=FULL) or only the end of
   * this process (`process`: synchronous=NORMAL, faster, for simulated worlds). Batches are whole either way.
   */
  readonly durability?: 'power-cut' | 'process';
}

/** Marks the file as a store of Meshferry in its header ("MFRY"). */
const applicationId = 0x4d465259;

/** Layout of the table; a file of a later layout is refused. */
const layout = 1;

/**
 * Opens the store in the file `path`, made with its folders when missing (file mode 0600, folders 0700: keys stand in it).
 * The store belongs to one process until `close` or its end, however sudden. Keys are any text without NUL.
 *
 * Throws `store-locked` when another store, here or in another process, has the file open; `store-corrupt` when it is
 * damaged or not a store, `store-newer` when a later version of Meshferry wrote it: such a file is left as it is;
 * `store-failed` when the disk or its rights refuse. The same codes come from its methods.
 */
export function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Store {
  return openWith(availableEngine(), path, options);
}

/** {@link openSqliteStore} by a given engine. */
export function openWith(engine: Engine, path: string, options: SqliteStoreOptions): Store {
  const file = resolve(path);
  let database: Database | undefined;
  try {
    createPrivately(file);
    database = engine.open(file);
    prepare(database, file, options);
    announceHolder(file);
    return new SqliteStore(database, file);
  } catch (thrown) {
    database?.close();
    throw storeError(thrown, 'open', file);
  }
}

class SqliteStore implements Store {
  readonly #file: string;
  readonly #database: Database;
  readonly #get: Statement;
  readonly #keysFrom: Statement;
  readonly #keysBetween: Statement;
  readonly #put: Statement;
  readonly #delete: Statement;
  #open = true;

  constructor(database: Database, file: string) {
    this.#file = file;
    this.#database = database;
    this.#get = database.prepare('SELECT value FROM record WHERE key = ?');
    this.#keysFrom = database.prepare('SELECT key FROM record WHERE key >= ?');
    this.#keysBetween = database.prepare('SELECT key FROM record WHERE key >= ? AND key < ?');
    this.#put = database.prepare('INSERT INTO record VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
    this.#delete = database.prepare('DELETE FROM record WHERE key = ?');
  }

  get(key: string): Uint8Array | undefined {
    const row = this.#guarded('read', () => this.#get.get(key));
    return row === undefined ? undefined : octets(row.value);
  }

  keys(prefix: string): string[] {
    const end = prefixEnd(prefix);
    const rows = this.#guarded('read', () =>
      end === undefined ? this.#keysFrom.all(prefix) : this.#keysBetween.all(prefix, end),
    );
    // SQLite sorts by UTF-8, the contract by the order of strings; they differ beyond the Basic Multilingual Plane.
    return rows.map((row) => row.key as string).sort();
  }

  batch(writes: Iterable<Write>): void {
    // Taken whole first: the source may read this store, or throw, and then nothing has begun.
    const all = Array.from(writes);
    if (all.length === 0) return;
    this.#guarded('write', () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        for (const [key, value] of all) this.#write(key, value);
        this.#database.exec('COMMIT');
      } catch (thrown) {
        rollBack(this.#database);
        throw thrown;
      }
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#guarded('close', () => {
      this.#open = false;
      retractHolder(this.#file);
      try {
        release(this.#database);
      } finally {
        this.#database.close();
      }
    });
  }

  #write(key: string, value: Uint8Array | null): void {
    if (unstorable.test(key)) {
      throw new MeshError('store-failed', `Key ${JSON.stringify(key)} holds a NUL or half a surrogate pair`, {
        hint: 'Use well-formed text without NUL as keys.',
      });
    }
    if (value === null) this.#delete.run(key);
    else this.#put.run(key, value);
  }

  #guarded<T>(action: string, work: () => T): T {
    if (!this.#open) {
      throw new MeshError('store-failed', `Cannot ${action} store ${this.#file}: it is closed`, {
        hint: 'Open it again with openSqliteStore.',
      });
    }
    try {
      return work();
    } catch (thrown) {
      throw storeError(thrown, action, this.#file);
    }
  }
}

/** What SQLite's text would not give back as it was. */
const unstorable = /\0|\p{Surrogate}/u;

/**
 * Makes the file when it is missing, readable by its owner only. It must not be opened and closed here when it exists:
 * that would drop the locks that this very process may hold on it (POSIX locks belong to a process, not to a descriptor).
 */
function createPrivately(file: string): void {
  makeFolder(dirname(file));
  const present = statSync(file, { throwIfNoEntry: false });
  if (present === undefined) closeSync(openSync(file, 'wx', 0o600));
  else if (!present.isFile()) throw corruptError(file, 'it is not a file');
  else if ((present.mode & 0o077) !== 0) chmodSync(file, 0o600);
}

/** As Node does with `recursive`, but that tries for ever where a folder takes no other in it, as /proc does. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (thrown) {
    // Another process may have been quicker.
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

/** Takes the file for this process alone, checks that it is a store, makes the table in a new one. */
function prepare(database: Database, file: string, { durability = 'power-cut' }: SqliteStoreOptions): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  const id = pragma(database, 'application_id');
  const empty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (id !== applicationId && !(id === 0 && empty)) throw corruptError(file, 'it is an SQLite file of another program');
  const version = pragma(database, 'user_version');
  if (Number(version) > layout) throw newerError(file, Number(version), layout);
  // Before anything is written: what is damaged stays as it is, for whoever can mend it.
  const damage = pragma(database, 'quick_check(1)');
  if (damage !== 'ok') throw corruptError(file, `it is damaged (${String(damage).trim()})`);
  pragma(database, 'journal_mode = WAL');
  database.exec(`PRAGMA synchronous = ${durability === 'power-cut' ? 'FULL' : 'NORMAL'}`);
  // Also where nothing is left to create: a write transaction proves that the file is this process's alone.
  database.exec(`
    BEGIN EXCLUSIVE;
    CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${layout};
    COMMIT`);
}

/**
 * Gives the lock back before closing: libsql keeps a connection, and with it the lock, until its statements are collected
 * as garbage. The journal has to leave WAL first, because a file that entered it in exclusive mode cannot leave that mode.
 */
function release(database: Database): void {
  pragma(database, 'journal_mode = DELETE');
  database.exec('PRAGMA locking_mode = NORMAL');
  pragma(database, 'user_version');
}

function rollBack(database: Database): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // SQLite has rolled back by itself already, as it does when the disk is full; the first error is the one to report.
  }
}

function pragma(database: Database, text: string): unknown {
  const row = database.prepare(`PRAGMA ${text}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

function octets(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  const view = value as Uint8Array;
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** The smallest text after all that start with `prefix`, by code points; undefined when there is none. */
function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) as number);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
