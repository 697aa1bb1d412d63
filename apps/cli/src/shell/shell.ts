import { resolve } from 'node:path';
import { type Log, type LogLevel, type MeshError, silent } from '@meshferry/core';
import { printable } from './format.ts';
import type { Io } from './io.ts';
import { type Style, styleOf } from './style.ts';

/** Options that every command has. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly log?: LogLevel;
  readonly state?: string;
  readonly bearer?: readonly string[];
  readonly bearerPlugin?: readonly string[];
  readonly showKeys?: boolean;
  /** Seconds. */
  readonly reconnect?: number;
  /** False with `--no-color`. */
  readonly color?: boolean;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** What a command talks through: text for people or JSON lines for programs, never both. */
export class Shell {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly json: boolean;
  readonly style: Style;
  readonly log: Log;
  readonly bearers: readonly string[];
  /** Packages of bearers, by name or path. */
  readonly bearerPlugins: readonly string[];
  /** Whether keys may be printed. */
  readonly showKeys: boolean;
  /** The folder of `--state`, absolute; undefined without the option. */
  readonly state: string | undefined;

  #ended = false;

  constructor(io: Io, options: GlobalOptions) {
    this.io = io;
    this.options = options;
    this.json = options.json === true;
    const wanted = options.color !== false && (io.env.NO_COLOR ?? '') === '';
    this.style = styleOf(wanted && io.isTTY && !this.json);
    this.log = options.log === undefined ? silent : logTo(io, options.log);
    this.bearers = options.bearer ?? [];
    this.bearerPlugins = options.bearerPlugin ?? [];
    this.showKeys = options.showKeys === true;
    this.state = options.state === undefined ? undefined : resolve(io.cwd, options.state);
  }

  /** The options that name the same network and state again, for a command line to type. */
  get network(): readonly string[] {
    return [
      ...this.bearers.flatMap((uri) => ['--bearer', uri]),
      ...this.bearerPlugins.flatMap((name) => ['--bearer-plugin', name]),
      ...(this.state === undefined ? [] : ['--state', this.state]),
    ];
  }

  /** A line for people; nothing with `--json`. */
  say(text = ''): void {
    if (!this.json && !this.#ended) this.io.stdout.write(`${text}\n`);
  }

  /** A line for programs; nothing without `--json`. */
  event(event: { readonly type: string } & Readonly<Record<string, unknown>>): void {
    if (this.json && !this.#ended) this.io.stdout.write(`${JSON.stringify(event)}\n`);
  }

  /** The last line for programs. */
  result(members: Readonly<Record<string, unknown>>, ok = true): void {
    this.event({ type: 'result', ok, ...members });
  }

  /** A line on standard error for people that is no error, also beside a progress bar; nothing with `--json`. */
  warn(text: string): void {
    if (!this.json && !this.#ended) this.io.stderr.write(`${this.style.yellow(printable(text))}\n`);
  }

  /** The command has ended: work that was interrupted may still hear that its network is gone, and has nothing to say. */
  end(): void {
    this.#ended = true;
  }

  /** Standard error: what went wrong, and below it what to do. */
  complain(error: MeshError): void {
    const { red, dim } = this.style;
    // Names of files and what they hold go into messages: they must not drive the terminal.
    this.io.stderr.write(`${red('error:')} ${printable(error.message)}\n`);
    if (error.hint !== undefined) this.io.stderr.write(`  ${dim(printable(error.hint))}\n`);
  }
}

function logTo(io: Io, least: LogLevel): Log {
  return (level, message, details = {}) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    const members = Object.entries(details).map(([name, value]) => ` ${name}=${textOf(value)}`);
    io.stderr.write(`${level.padEnd(5)} ${message}${members.join('')}\n`);
  };
}

function textOf(value: unknown): string {
  const text = typeof value === 'object' ? (JSON.stringify(value) ?? '') : String(value);
  return /\s/.test(text) ? JSON.stringify(text) : text;
}
