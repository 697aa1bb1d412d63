import { MeshError } from '@meshferry/core';

/** Other values for some members; `undefined` removes one. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** `object` with other values for some members; the very same object if nothing would differ. Unknown properties stay. */
export function change<T extends object>(object: T, changes: Changes<NoInfer<T>>): T {
  const names = Object.keys(changes) as (keyof T & string)[];
  if (names.every((name) => object[name] === changes[name])) return object;
  const copy = { ...object };
  for (const name of names) {
    const value = changes[name];
    if (value === undefined) delete copy[name];
    else copy[name] = value as T[typeof name];
  }
  return copy;
}

/** The list with `to` of each item; the very same list if all stayed the same. */
export function mapped<T>(items: readonly T[], to: (item: T) => T): readonly T[] {
  const result = items.map(to);
  return result.every((item, i) => item === items[i]) ? items : result;
}

/** The list without those that fail the test; the very same list if none does. */
export function kept<T>(items: readonly T[], test: (item: T) => boolean): readonly T[] {
  const result = items.filter(test);
  return result.length === items.length ? items : result;
}

/** The error for something that the document does not have. */
export function unknown(what: string, which: string, hint: string): MeshError {
  return new MeshError(`unknown-${what.toLowerCase()}`, `the network has no ${what} ${which}`, { hint });
}

/** The error for a value that the profile does not allow. */
export function refused(code: string, message: string, hint: string): MeshError {
  return new MeshError(code, message, { hint });
}
