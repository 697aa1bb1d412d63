import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Disk, writeWholeFile } from './shell/write-file.ts';
import { temporaryFolder } from './testing/cli.ts';

const OLD = Uint8Array.of(1, 2, 3);
const NEW = new Uint8Array(100_000).fill(7);
const folder = temporaryFolder();
let path = '';

beforeEach(() => {
  path = folder.write('out.zip', OLD);
});
afterAll(() => folder.remove());

/** The disk of this machine, which calls `before` each step; the write of octets has two. */
function disk(before: (step: string) => void): Disk {
  return {
    open: (name, mode) => {
      before('open');
      return openSync(name, 'wx', mode);
    },
    write: (file, octets) => {
      writeFileSync(file, octets.subarray(0, octets.length / 2));
      before('write');
      writeFileSync(file, octets.subarray(octets.length / 2));
    },
    sync: (file) => {
      before('sync');
      fsyncSync(file);
    },
    close: (file) => {
      closeSync(file);
      before('close');
    },
    rename: (from, to) => {
      before('rename');
      renameSync(from, to);
    },
  };
}

describe('a file written whole', () => {
  test('has its octets, and its rights as before', () => {
    writeWholeFile(path, NEW);
    expect(readFileSync(path)).toEqual(Buffer.from(NEW));
    const mode = statSync(path).mode;
    writeWholeFile(path, OLD);
    expect(statSync(path).mode).toBe(mode);
    expect(readdirSync(folder.path)).toEqual(['out.zip']);
  });

  test('stays what it was until it is whole: a process killed at any step leaves the old one', () => {
    const steps: string[] = [];
    writeWholeFile(
      path,
      NEW,
      disk((step) => {
        steps.push(step);
        expect(readFileSync(path)).toEqual(Buffer.from(OLD));
      }),
    );
    expect(steps).toEqual(['open', 'write', 'sync', 'close', 'rename']);
    expect(readFileSync(path)).toEqual(Buffer.from(NEW));
  });

  test.each(['open', 'write', 'sync', 'close', 'rename'])('is the old one when the disk is full at %s', (failing) => {
    const full = disk((step) => {
      if (step === failing) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    expect(() => writeWholeFile(path, NEW, full)).toThrow('no space left');
    expect(readFileSync(path)).toEqual(Buffer.from(OLD));
    expect(readdirSync(folder.path)).toEqual(['out.zip']);
  });

  test('replaces what a link names, not the link', () => {
    const link = join(folder.path, 'link.zip');
    symlinkSync(path, link);
    writeWholeFile(link, NEW);
    expect(readFileSync(path)).toEqual(Buffer.from(NEW));
  });

  test.skipIf(process.platform === 'win32')('may be a device', () => {
    writeWholeFile('/dev/null', NEW);
    expect(statSync('/dev/null').isFile()).toBe(false);
  });
});
