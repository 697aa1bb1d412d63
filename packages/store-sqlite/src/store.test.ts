import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { availableEngine } from './engine.ts';
import { openSqliteStore } from './store.ts';
import { temporaryFolder } from './testing/temporary.ts';

const { path, remove } = temporaryFolder();

afterAll(remove);

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);

describe('a store in a file', () => {
  it('still knows everything when it is opened again', () => {
    const file = path('again.db');
    const first = openSqliteStore(file);
    first.batch([
      ['a', one],
      ['b', two],
    ]);
    first.close();
    const second = openSqliteStore(file, { durability: 'process' });
    expect(second.keys('')).toEqual(['a', 'b']);
    expect(second.get('b')).toEqual(two);
    second.close();
  });

  it('is one file after closing, free for others', () => {
    const file = path('tidy.db');
    openSqliteStore(file).close();
    expect(existsSync(`${file}-wal`)).toBe(false);
    expect(readFileSync(file).subarray(68, 72).toString()).toBe('MFRY');
  });

  it.skipIf(process.platform === 'win32')('can be read by its owner only, with its folders and its journal', () => {
    const store = openSqliteStore(path('private/deep/keys.db'));
    store.batch([['key', one]]);
    expect(statSync(path('private')).mode & 0o777).toBe(0o700);
    expect(statSync(path('private/deep')).mode & 0o777).toBe(0o700);
    expect(statSync(path('private/deep/keys.db')).mode & 0o777).toBe(0o600);
    expect(statSync(path('private/deep/keys.db-wal')).mode & 0o777).toBe(0o600);
    store.close();
  });

  it.skipIf(process.platform === 'win32')('closes a file that stood open to others', () => {
    const file = path('open.db');
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    openSqliteStore(file).close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes nothing of a batch that cannot be written whole', () => {
    const store = openSqliteStore(path('whole.db'));
    store.batch([['a', one]]);
    const halfway = [
      ['a', two],
      ['b', two],
      ['nul\0', two],
    ] as const;
    expect(() => store.batch(halfway)).toThrow(expect.objectContaining({ code: 'store-failed' }));
    expect(store.get('a')).toEqual(one);
    expect(store.keys('')).toEqual(['a']);
    store.batch([['b', two]]);
    expect(store.keys('')).toEqual(['a', 'b']);
    store.close();
  });

  it('writes nothing of a batch whose source throws', () => {
    const store = openSqliteStore(path('source.db'));
    const source = function* (): Iterable<[string, Uint8Array]> {
      yield ['a', one];
      throw new RangeError('no more');
    };
    expect(() => store.batch(source())).toThrow(RangeError);
    expect(store.keys('')).toEqual([]);
    store.close();
  });

  it('refuses to be used after closing, and to mind being closed twice', () => {
    const store = openSqliteStore(path('closed.db'));
    store.close();
    store.close();
    const closed = expect.objectContaining({ code: 'store-failed', message: expect.stringContaining('is closed') });
    expect(() => store.get('a')).toThrow(closed);
    expect(() => store.keys('')).toThrow(closed);
    expect(() => store.batch([['a', one]])).toThrow(closed);
  });
});

describe('opening names what is wrong', () => {
  const opening = (name: string) => () => openSqliteStore(path(name));
  const error = (code: string, part: string) =>
    expect.objectContaining({ code, message: expect.stringContaining(part), hint: expect.stringMatching(/\w/) });

  it('a file that is open already, also within this process', () => {
    const store = openSqliteStore(path('twice.db'));
    expect(opening('twice.db')).toThrow(error('store-locked', path('twice.db')));
    expect(opening('twice.db')).toThrow(error('store-locked', path('twice.db')));
    store.batch([['a', one]]);
    store.close();
    openSqliteStore(path('twice.db')).close();
  });

  it('a file that is no database', () => {
    writeFileSync(path('text.db'), 'Lorem ipsum dolor sit amet. '.repeat(200));
    expect(opening('text.db')).toThrow(error('store-corrupt', path('text.db')));
    expect(readFileSync(path('text.db'), 'utf8')).toMatch(/^Lorem/);
  });

  it('a database of another program, which stays as it is', () => {
    writeFileSync(path('other.db'), '');
    const other = availableEngine().open(path('other.db'));
    other.exec('CREATE TABLE record (key TEXT PRIMARY KEY, value BLOB)');
    other.close();
    const before = readFileSync(path('other.db'));
    expect(opening('other.db')).toThrow(error('store-corrupt', 'another program'));
    expect(readFileSync(path('other.db')).equals(before)).toBe(true);
  });

  it('a store of a later layout', () => {
    openSqliteStore(path('later.db')).close();
    const database = availableEngine().open(path('later.db'));
    database.exec('PRAGMA user_version = 2');
    database.close();
    expect(opening('later.db')).toThrow(error('store-newer', 'layout 2'));
  });

  it('a folder', () => {
    mkdirSync(path('folder.db'));
    expect(opening('folder.db')).toThrow(error('store-corrupt', 'not a file'));
  });

  it.skipIf(process.platform !== 'linux')('a folder that takes no other in it', () => {
    expect(() => openSqliteStore('/proc/meshferry/store.db')).toThrow(error('store-failed', 'Cannot open store'));
  });

  it('a path below a file', () => {
    writeFileSync(path('file'), '');
    expect(opening('file/store.db')).toThrow(error('store-failed', 'Cannot open store'));
  });
});

describe('a damaged file', () => {
  const damaged = (name: string): string => {
    const file = path(name);
    const store = openSqliteStore(file);
    store.batch(Array.from({ length: 200 }, (_, i) => [`record/${i}`, new Uint8Array(500).fill(i)]));
    store.close();
    const octets = readFileSync(file);
    octets.fill(0xa5, 4096);
    writeFileSync(file, octets);
    return file;
  };

  it('is refused, and not touched', () => {
    const file = damaged('damaged.db');
    const before = readFileSync(file);
    expect(() => openSqliteStore(file)).toThrow(expect.objectContaining({ code: 'store-corrupt' }));
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(`${file}.pid`)).toBe(false);
  });

  it('is refused when its end is missing', () => {
    const file = damaged('short.db');
    writeFileSync(file, readFileSync(file).subarray(0, 4096 * 3));
    expect(() => openSqliteStore(file)).toThrow(expect.objectContaining({ code: 'store-corrupt' }));
  });
});

describe('who has a store open', () => {
  it('is told to those who come second, and forgotten when it is closed', () => {
    const file = path('holder.db');
    const store = openSqliteStore(file);
    expect(() => openSqliteStore(file)).toThrow(
      expect.objectContaining({ code: 'store-locked', message: expect.stringContaining(`process ${process.pid}`) }),
    );
    expect(readFileSync(`${file}.pid`, 'utf8')).toBe(`${process.pid}\n`);
    store.close();
    expect(existsSync(`${file}.pid`)).toBe(false);
  });

  it('is not believed of a process that is gone: its store opens', () => {
    const file = path('stale.db');
    openSqliteStore(file).close();
    writeFileSync(`${file}.pid`, '4194305\n');
    openSqliteStore(file).close();
  });

  it('is not said when the file beside it says nothing', () => {
    const file = path('mute.db');
    const store = openSqliteStore(file);
    for (const text of ['', '-1', 'me', '4194305']) {
      writeFileSync(`${file}.pid`, text);
      expect(() => openSqliteStore(file)).toThrow(
        expect.objectContaining({ message: expect.stringContaining('another process') }),
      );
    }
    store.close();
  });
});
