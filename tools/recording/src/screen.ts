/** A run of characters in one look; `style` holds class names of the picture. */
export interface Span {
  readonly text: string;
  readonly style: string;
}

/** A line of the screen from left to right. */
export type Line = readonly Span[];

interface Cell {
  readonly char: string;
  readonly style: string;
}

/** Graphic renditions that the CLI uses; the codes after them switch them off. */
const ON: Readonly<Record<number, string>> = { 1: 'bold', 2: 'dim', 31: 'red', 32: 'green', 33: 'yellow' };
const OFF: Readonly<Record<number, readonly string[]>> = {
  0: Object.values(ON),
  22: ['bold', 'dim'],
  39: ['red', 'green', 'yellow'],
};

/** As much of a terminal as progress bars need: text, colours, carriage return, cursor up, clear to the end of the line. */
export class Screen {
  readonly #rows: Cell[][] = [[]];
  #row = 0;
  #column = 0;
  #styles = new Set<string>();

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what a terminal reads
    for (const [token, digits, command] of text.matchAll(/\u001b\[\??(\d*)([a-zA-Z])|[\s\S]/gu)) {
      if (command !== undefined)
        this.#control(command, digits === undefined || digits === '' ? undefined : Number(digits));
      else this.#put(token);
    }
  }

  lines(): Line[] {
    return this.#rows.map(spans);
  }

  #control(command: string, value: number | undefined): void {
    if (command === 'A') this.#row = Math.max(0, this.#row - (value ?? 1));
    if (command === 'K') this.#current.length = Math.min(this.#current.length, this.#column);
    if (command !== 'm') return;
    const style = ON[value ?? 0];
    if (style !== undefined) this.#styles.add(style);
    for (const off of OFF[value ?? 0] ?? []) this.#styles.delete(off);
  }

  #put(char: string): void {
    if (char === '\r') this.#column = 0;
    else if (char === '\n') {
      this.#row++;
      this.#column = 0;
      this.#rows[this.#row] ??= [];
    } else {
      this.#current[this.#column++] = { char, style: [...this.#styles].sort().join(' ') };
    }
  }

  get #current(): Cell[] {
    return this.#rows[this.#row] as Cell[];
  }
}

function spans(row: readonly (Cell | undefined)[]): Line {
  const line: { text: string; style: string }[] = [];
  for (const cell of row) {
    const { char, style } = cell ?? { char: ' ', style: '' };
    const last = line.at(-1);
    if (last?.style === style) last.text += char;
    else line.push({ text: char, style });
  }
  return line;
}
