import { stripVTControlCharacters } from 'node:util';

/** Paints text for a terminal; the identity where colours are not wanted. */
export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

/** `colours` false: plain text. */
export function styleOf(colours: boolean): Style {
  const paint = (on: number, off: number): Paint => {
    return colours ? (text) => `\u001b[${on}m${text}\u001b[${off}m` : (text) => text;
  };
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39), yellow: paint(33, 39) };
}

/** Characters that show: without the sequences of {@link styleOf}. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
