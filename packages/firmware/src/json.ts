/** JSON as it was read: nothing about it is known yet. */
export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

/** A JSON object. */
export type JsonObject = { [member: string]: Json };

/** The members of a JSON object, or undefined for anything else. */
export function members(json: Json | undefined): { [member: string]: Json } | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
}

/** An integer of 0 to 2^53 - 1 written as a number, decimal text or 0x text, as SDK versions differ; else undefined. */
export function uintOf(json: Json | undefined): number | undefined {
  const value =
    typeof json === 'string' && /^\s*(0x[0-9a-f]+|\d+)\s*$/i.test(json)
      ? Number(json)
      : typeof json === 'number'
        ? json
        : Number.NaN;
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Octets of a UTF-8 JSON text (a byte order mark is tolerated), or undefined when they are not one. */
export function parseJson(bytes: Uint8Array, repair: (text: string) => string = (text) => text): Json | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  if (nestsDeeper(text, MAX_DEPTH)) return undefined;
  for (const candidate of [text, repair(text)]) {
    try {
      return JSON.parse(candidate) as Json;
    } catch {
      // Not JSON: the repaired text is tried, then it is given up.
    }
  }
  return undefined;
}

/** Deeper nesting serves only to overflow the stack of whoever walks or prints it. */
const MAX_DEPTH = 64;

/** Counts brackets outside of strings; for text that is not JSON the answer does not matter. */
function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '\\') i++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '[' || char === '{')) depth++;
    else if (!quoted && (char === ']' || char === '}')) depth--;
    if (depth > limit) return true;
  }
  return false;
}
