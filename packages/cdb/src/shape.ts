import { isArray, isObject, type Json, type JsonObject, setMember } from './json.ts';
import { type Origin, setOrigin } from './origin.ts';
import { below, type Report } from './report.ts';

/**
 * Reads one value: gives it in the form of the model (the very same value if it has that form already), `LEFT_OUT` where a
 * repair drops it, or reports an error and gives undefined.
 */
export type Read<T> = (source: Json, pointer: string, report: Report) => T | typeof LEFT_OUT | undefined;

export const LEFT_OUT: unique symbol = Symbol('left out');

/** A property of an object. */
export interface Member<T> {
  readonly read: Read<T>;
  readonly required: boolean;
  /** What a missing one is read as: a repair. */
  readonly fallback?: Json;
}

/** Properties of an object by their names; `?:` in the model is `optional` here. */
export type Members<T> = {
  readonly [K in keyof T]-?: Member<Exclude<T[K], undefined>>;
};

export function required<T>(read: Read<T>): Member<T> {
  return { read, required: true };
}

export function optional<T>(read: Read<T>): Member<T> {
  return { read, required: false };
}

/** Required by the profile, but old writers leave it out: read as an empty list. */
export function listOrEmpty<T>(read: Read<T>): Member<T> {
  return { read, required: true, fallback: [] };
}

/**
 * An object. Properties that are not in `members` stay as they are. `former`: names that older versions used, with the present
 * name.
 */
export function object<T>(
  members: Members<T>,
  { former = {}, what = 'an object' }: { former?: Readonly<Record<string, string>>; what?: string } = {},
): Read<T> {
  const known = new Map<string, Member<unknown>>(Object.entries(members));
  return (source, pointer, report) => {
    if (!isObject(source)) return report.error(pointer, 'wrong-type', `must be ${what}, found ${kindOf(source)}`);
    const reading = new ObjectReading(source, pointer, report);
    for (const name of Object.keys(source)) {
      const present = Object.hasOwn(former, name) ? former[name] : undefined;
      if (present !== undefined && !Object.hasOwn(source, present)) {
        report.repair(below(pointer, name), 'former-name', `"${name}" is called "${present}" now`);
        reading.member(name, present, known.get(present));
      } else reading.member(name, name, known.get(name));
    }
    for (const [name, member] of known) if (!reading.seen.has(name)) reading.missing(name, member);
    return reading.finish() as T | undefined;
  };
}

class ObjectReading {
  readonly seen: Set<string> = new Set();
  readonly #object: Record<string, Json> = {};
  readonly #origin: Origin = new Map();
  readonly #source: JsonObject;
  readonly #pointer: string;
  readonly #report: Report;
  #failed = false;

  constructor(source: JsonObject, pointer: string, report: Report) {
    this.#source = source;
    this.#pointer = pointer;
    this.#report = report;
  }

  member(sourceName: string, name: string, member: Member<unknown> | undefined): void {
    const source = this.#source[sourceName] as Json;
    if (member === undefined) {
      setMember(this.#object, name, source);
      return;
    }
    this.seen.add(name);
    const pointer = below(this.#pointer, sourceName);
    const value = source === null && !member.required ? LEFT_OUT : member.read(source, pointer, this.#report);
    if (value === undefined) this.#failed = true;
    else if (value === LEFT_OUT) {
      if (source === null) this.#report.repair(pointer, 'null', 'null is read as absent');
      this.#origin.set(name, { name: sourceName, source, read: undefined });
    } else {
      setMember(this.#object, name, value);
      if (value !== source || name !== sourceName) this.#origin.set(name, { name: sourceName, source, read: value });
    }
  }

  missing(name: string, { required, fallback }: Member<unknown>): void {
    if (!required) return;
    const pointer = below(this.#pointer, name);
    if (fallback === undefined) {
      this.#failed = true;
      this.#report.error(pointer, 'missing', `"${name}" is missing`);
      return;
    }
    this.#report.repair(pointer, 'added', `"${name}" is missing: read as empty`);
    this.#object[name] = fallback;
    this.#origin.set(name, { name: undefined, source: undefined, read: fallback });
  }

  finish(): JsonObject | undefined {
    if (this.#failed) return undefined;
    if (this.#origin.size === 0) return this.#source;
    setOrigin(this.#object, this.#origin);
    return this.#object;
  }
}

/** A list whose items are all read in the same way; `atLeast` items, or it counts as missing. */
export function list<T>(item: Read<T>, { atLeast = 0 }: { atLeast?: number } = {}): Read<readonly T[]> {
  return (source, pointer, report) => {
    if (!isArray(source)) return report.error(pointer, 'wrong-type', `must be a list, found ${kindOf(source)}`);
    if (source.length < atLeast) {
      return report.error(pointer, 'missing', `must have ${atLeast} ${atLeast === 1 ? 'entry' : 'entries'} at least`);
    }
    const items: T[] = [];
    let same = true;
    let failed = false;
    for (let i = 0; i < source.length; i++) {
      const value = item(source[i] as Json, below(pointer, i), report);
      if (value === undefined) failed = true;
      else if (value === LEFT_OUT) same = false;
      else {
        items.push(value);
        if (value !== source[i]) same = false;
      }
    }
    if (failed) return undefined;
    return same ? (source as readonly unknown[] as readonly T[]) : items;
  };
}

/** The kind of a value in words. */
export function kindOf(value: Json): string {
  if (value === null) return 'null';
  if (isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
