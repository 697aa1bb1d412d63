import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/*
 * Who has a store open: its process id, in a file beside it. The lock itself is the operating system's, which ends with
 * the process however sudden; this file only lets the error of those who come second name the one to look for.
 */

/** Says that this process has `file` open. That it cannot be said is no reason not to open the store. */
export function announceHolder(file: string): void {
  try {
    writeFileSync(nameOf(file), `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // Who is locked out then reads "another process".
  }
}

/** The process that has `file` open; undefined when it did not say so, or is gone: what it left says nothing. */
export function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(nameOf(file), 'utf8'));
    return Number.isInteger(pid) && pid > 0 && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** This process has `file` open no more. */
export function retractHolder(file: string): void {
  rmSync(nameOf(file), { force: true });
}

function nameOf(file: string): string {
  return `${file}.pid`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // Somebody else's process is alive, and refuses to be signalled.
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}
