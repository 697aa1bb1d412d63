export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where a package writes what a person may want to read later. Never hand it a key. */
export type Log = (level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void;

/** Keeps nothing. */
export const silent: Log = () => {};
