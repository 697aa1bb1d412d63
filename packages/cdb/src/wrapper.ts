import type { JsonObject } from './json.ts';

/** What a document was wrapped in: on the document under a symbol, so that `{ ...document }` keeps it. */
const WRAPPER: unique symbol = Symbol('wrapper');

export function setWrapper<T extends object>(document: T, wrapper: JsonObject): T {
  return { ...document, [WRAPPER]: wrapper };
}

export function wrapperOf(document: object): JsonObject | undefined {
  return (document as { [WRAPPER]?: JsonObject })[WRAPPER];
}
