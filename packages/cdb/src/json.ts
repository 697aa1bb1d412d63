import { fail, ok, type Result } from '@meshferry/core';
import { below, type DocumentIssue } from './report.ts';

/** A value that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Deepest nesting that is read: documents have eleven levels, unknown properties may add theirs. */
export const MAX_DEPTH = 64;
/** Most values, of all kinds, that are read: a network of 32767 elements with all their models has fewer. */
export const MAX_VALUES = 5_000_000;

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Sets a member whatever its name: an assignment to `__proto__` would change the prototype instead. */
export function setMember(object: object, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    (object as Record<string, unknown>)[name] = value;
  }
}

/** Whether both say the same as JSON: the order of members carries no meaning. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equalJson(item, b[i]));
  }
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equalJson(memberOf(a, name), memberOf(b, name)))
  );
}

/**
 * A copy of what a caller hands over as JSON that was parsed already, so that later changes of his do not reach it. What JSON
 * cannot say is an error: NaN, functions, cycles (as too deep), too many values. Members that are `undefined` are left out, as
 * JSON.stringify does. Getters that throw are errors too.
 */
export function copyJson(source: unknown): Result<Json, DocumentIssue> {
  const copier = new Copier();
  try {
    return ok(copier.copy(source, '', 0));
  } catch (thrown) {
    if (thrown instanceof NotJson) return fail(thrown.issue);
    return fail({ pointer: '', code: 'not-json', message: 'this value cannot be read as JSON' });
  }
}

class Copier {
  #values = 0;

  copy(value: unknown, pointer: string, depth: number): Json {
    if (++this.#values > MAX_VALUES) throw new NotJson(pointer, 'too-large', `more than ${MAX_VALUES} values`);
    if (depth > MAX_DEPTH) throw new NotJson(pointer, 'too-deep', `nested deeper than ${MAX_DEPTH} levels`);
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) throw new NotJson(pointer, 'invalid-value', `${value} is not a number of JSON`);
      return value;
    }
    if (Array.isArray(value)) return this.#array(value, pointer, depth);
    if (typeof value === 'object') return this.#object(value, pointer, depth);
    throw new NotJson(pointer, 'wrong-type', `JSON knows no ${typeof value}`);
  }

  #array(source: readonly unknown[], pointer: string, depth: number): Json {
    if (source.length > MAX_VALUES) throw new NotJson(pointer, 'too-large', `more than ${MAX_VALUES} values`);
    const items: Json[] = [];
    for (let i = 0; i < source.length; i++) items.push(this.copy(source[i], below(pointer, i), depth + 1));
    return items;
  }

  #object(source: object, pointer: string, depth: number): Json {
    const object: Record<string, Json> = {};
    for (const name of Object.keys(source)) {
      const value = memberOf(source, name);
      if (value !== undefined) setMember(object, name, this.copy(value, below(pointer, name), depth + 1));
    }
    return object;
  }
}

class NotJson extends Error {
  readonly issue: DocumentIssue;

  constructor(pointer: string, code: string, message: string) {
    super(message);
    this.issue = { pointer: pointer.slice(0, 200), code, message };
  }
}

export function memberOf(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name];
}
