import { MeshError } from '@meshferry/core';

/** One `KEY=VALUE` of a URI. */
export interface Pair {
  readonly key: string;
  readonly value: string;
}

/** The pairs between the commas; a comma inside a `fail` list, as in `fail=0x0100@busy,0x0101@full`, is understood too. */
export function pairsOf(body: string, known: readonly string[]): Pair[] {
  const found: Pair[] = [];
  for (const part of body.split(',').map((piece) => piece.trim())) {
    if (part === '' && body.trim() === '') continue;
    const at = part.indexOf('=');
    if (at > 0) {
      found.push({ key: part.slice(0, at).trim(), value: part.slice(at + 1).trim() });
    } else if (found.at(-1)?.key === 'fail' && part.includes('@')) {
      found.push({ key: 'fail', value: part });
    } else {
      throw badUri(`"${part}" is not KEY=VALUE`, `Write KEY=VALUE between the commas. Keys: ${known.join(', ')}.`);
    }
  }
  return found;
}

export function unknownKey(key: string, known: readonly string[]): MeshError {
  return badUri(`unknown key "${key}"`, `Known keys: ${known.join(', ')}.`);
}

export function givenTwice(key: string): MeshError {
  return badUri(`key "${key}" is given twice`, 'Give each key but fail once.');
}

export function badValue(key: string, value: string, allowed: string): MeshError {
  return badUri(`${key}=${value} is not allowed`, `Allowed for ${key}: ${allowed}.`);
}

export function badUri(message: string, hint: string): MeshError {
  return new MeshError('bad-sim-uri', `simulator URI: ${message}`, { hint });
}
