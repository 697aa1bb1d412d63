import { createRequire } from 'node:module';
import { MeshError } from '@meshferry/core';

/** What the store needs of an SQLite library; the APIs of `node:sqlite` and `libsql` have this much in common. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** A prepared statement. Blobs come as Uint8Array, as Buffer or as ArrayBuffer, depending on engine and method. */
export interface Statement {
  run(...parameters: unknown[]): unknown;
  get(...parameters: unknown[]): Row | undefined;
  all(...parameters: unknown[]): Row[];
}

/** One row by column name. */
export type Row = Readonly<Record<string, unknown>>;

/** An SQLite library that this machine offers. */
export interface Engine {
  readonly name: 'node:sqlite' | 'libsql';
  /** Opens an existing file by its absolute path. */
  open(path: string): Database;
}

type Constructor = new (path: string) => Database;

/** The engine to use here: Node's own where it has one. Throws `store-failed` when there is none. */
export function availableEngine(): Engine {
  const engine = nodeEngine() ?? libsqlEngine();
  if (engine !== undefined) return engine;
  throw new MeshError(
    'store-failed',
    `No SQLite for Node ${process.versions.node}: neither node:sqlite nor libsql loads`,
    {
      hint: 'Use Node 22.13 or later, or install the package libsql.',
    },
  );
}

/** `node:sqlite`, or undefined on a Node without it. */
export function nodeEngine(): Engine | undefined {
  const sqlite = quietly(() => process.getBuiltinModule?.('node:sqlite') as { DatabaseSync: Constructor } | undefined);
  if (sqlite === undefined) return undefined;
  return { name: 'node:sqlite', open: (path) => new sqlite.DatabaseSync(path) };
}

/** `libsql`, or undefined where it is not installed or has no prebuilt file for this machine. */
export function libsqlEngine(): Engine | undefined {
  let Libsql: Constructor;
  try {
    Libsql = createRequire(import.meta.url)('libsql');
  } catch {
    return undefined;
  }
  return { name: 'libsql', open: (path) => new Libsql(path) };
}

/** Node announces its SQLite as experimental once a process: not a thing for the user of a command to read. */
function quietly<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
