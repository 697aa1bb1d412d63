import { readFileSync } from 'node:fs';

/** A copy of one of the project's vector files, by its name without the ending. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}
