/**
 * The Meshferry store on SQLite: small records that survive a power cut, in one file that belongs to one process.
 * Uses `node:sqlite` where Node has it (22.13 and later), else the optional dependency `libsql`.
 *
 * ```ts
 * import { openSqliteStore } from '@meshferry/store-sqlite';
 *
 * const store = openSqliteStore('state/node.db');
 * store.batch([['seq', new Uint8Array([0, 0, 1])], ['ivIndex', null]]); // all of it or nothing, durable on return
 * store.keys('replay/');
 * store.close();
 * ```
 *
 * @packageDocumentation
 */
export { openSqliteStore, type SqliteStoreOptions } from './store.ts';
