import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What {@link writeWholeFile} does to the disk; a test puts a full one in its place. */
export interface Disk {
  open(path: string, mode: number): number;
  write(file: number, octets: Uint8Array): void;
  sync(file: number): void;
  close(file: number): void;
  rename(from: string, to: string): void;
}

const NODE: Disk = {
  open: (path, mode) => openSync(path, 'wx', mode),
  write: (file, octets) => writeFileSync(file, octets),
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
};

/** For {@link writeWholeFile}: the file is its owner's alone, whatever stood there before. */
export const PRIVATELY: Disk = { ...NODE, open: (path) => openSync(path, 'wx', 0o600) };

/**
 * Writes a file so that under its name there is at any time what was there before or all of `octets`, also when the disk
 * is full or the process is killed: beside it, to the disk, and renamed. What is no file, such as a pipe, is written
 * directly. Throws the error of the file system, and then leaves nothing beside.
 */
export function writeWholeFile(path: string, octets: Uint8Array, disk: Disk = NODE): void {
  const before = statSync(path, { throwIfNoEntry: false });
  if (before !== undefined && !before.isFile()) {
    writeFileSync(path, octets);
    return;
  }
  // A link stays one: what it names is replaced.
  const target = before === undefined ? path : realpathSync(path);
  const beside = join(dirname(target), `.${basename(target)}.${process.pid}.partial`);
  try {
    // One left by a killed process of the same number.
    rmSync(beside, { force: true });
    const file = disk.open(beside, before === undefined ? 0o666 : before.mode & 0o777);
    try {
      disk.write(file, octets);
      disk.sync(file);
    } finally {
      disk.close(file);
    }
    disk.rename(beside, target);
  } catch (thrown) {
    rmSync(beside, { force: true });
    throw thrown;
  }
}
