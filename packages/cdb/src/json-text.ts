import { fail, ok, type Result } from '@meshferry/core';
import { type Json, MAX_DEPTH, MAX_VALUES, setMember } from './json.ts';
import { below, type DocumentIssue } from './report.ts';

/** What a text says, and what of it JSON.parse would have lost without a word. */
export interface ParsedText {
  readonly value: Json;
  /** `duplicate-property` (the last one counts) and `imprecise-number` (more digits than JavaScript keeps). */
  readonly warnings: readonly DocumentIssue[];
}

/** Longest text that is read, in UTF-16 units. */
export const MAX_TEXT: number = 64 * 1024 * 1024;

/**
 * Reads JSON (RFC 8259) from text or UTF-8 octets, with or without byte order mark. In place of JSON.parse, because that
 * drops double members silently, reads 1e400 as infinity and quotes the text in its errors, keys included.
 */
export function parseJsonText(source: string | Uint8Array): Result<ParsedText, DocumentIssue> {
  let text: string;
  try {
    text =
      typeof source === 'string' ? source : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(source);
  } catch {
    return fail(notJson('the file is not UTF-8 text', 'Save it as UTF-8, or export it once more.'));
  }
  if (text.length > MAX_TEXT) {
    return fail({ pointer: '', code: 'too-large', message: `the text is longer than ${MAX_TEXT} characters` });
  }
  const parser = new Parser(text);
  try {
    return ok({ value: parser.parse(), warnings: parser.warnings });
  } catch (thrown) {
    if (thrown instanceof TextFault) return fail(parser.issueOf(thrown));
    return fail(notJson('the text cannot be read as JSON'));
  }
}

const SPACE = /[ \t\n\r]*/y;
/** Without escapes and control characters: from space on, but neither quote nor backslash. */
const PLAIN_STRING = /"[ !#-[\]-\uffff]*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;

/** Most warnings that are kept. */
const LISTED = 100;

class Parser {
  readonly warnings: DocumentIssue[] = [];
  readonly #text: string;
  #at = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\uFEFF')) this.#at = 1;
  }

  parse(): Json {
    this.#space();
    const value = this.#value('', 0);
    this.#space();
    if (this.#at < this.#text.length)
      throw new TextFault(this.#at, 'not-json', 'more text after the end of the document');
    return value;
  }

  issueOf(fault: TextFault): DocumentIssue {
    const before = this.#text.slice(0, fault.offset);
    const line = before.split('\n').length;
    const column = fault.offset - before.lastIndexOf('\n');
    const issue = {
      pointer: fault.pointer,
      code: fault.code,
      message: `line ${line}, column ${column}: ${fault.message}`,
    };
    if (fault.code !== 'not-json') return issue;
    return {
      ...issue,
      hint: 'This is no JSON, or a part of it: choose the exported .json file, or export it once more.',
    };
  }

  #value(pointer: string, depth: number): Json {
    if (depth > MAX_DEPTH) {
      throw new TextFault(this.#at, 'too-deep', `nested deeper than ${MAX_DEPTH} levels`, pointer.slice(0, 200));
    }
    if (++this.#values > MAX_VALUES) throw new TextFault(this.#at, 'too-large', `more than ${MAX_VALUES} values`);
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object(pointer, depth);
      case 0x5b:
        return this.#array(pointer, depth);
      case 0x22:
        return this.#string();
      default:
        return this.#literalOrNumber(pointer);
    }
  }

  #object(pointer: string, depth: number): Json {
    const object: Record<string, Json> = {};
    this.#at++;
    this.#space();
    if (this.#take('}')) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#unexpected('the name of a property');
      const name = this.#string();
      const here = below(pointer, name);
      if (Object.hasOwn(object, name)) {
        this.#warn(here, 'duplicate-property', 'the property stands twice in its object: the last one counts');
      }
      this.#space();
      if (!this.#take(':')) this.#unexpected('a colon');
      this.#space();
      setMember(object, name, this.#value(here, depth + 1));
      this.#space();
    } while (this.#take(','));
    if (!this.#take('}')) this.#unexpected('a comma or }');
    return object;
  }

  #array(pointer: string, depth: number): Json {
    const items: Json[] = [];
    this.#at++;
    this.#space();
    if (this.#take(']')) return items;
    do {
      this.#space();
      items.push(this.#value(below(pointer, items.length), depth + 1));
      this.#space();
    } while (this.#take(','));
    if (!this.#take(']')) this.#unexpected('a comma or ]');
    return items;
  }

  #string(): string {
    const plain = this.#match(PLAIN_STRING);
    if (plain !== undefined) return plain.slice(1, -1);
    const start = this.#at;
    let end = start + 1;
    for (; end < this.#text.length && this.#text[end] !== '"'; end++) if (this.#text[end] === '\\') end++;
    try {
      const text: unknown = JSON.parse(this.#text.slice(start, end + 1));
      this.#at = end + 1;
      return text as string;
    } catch {
      throw new TextFault(start, 'not-json', 'a text that does not end, or with an escape that JSON does not know');
    }
  }

  #number(pointer: string): number {
    const start = this.#at;
    const text = this.#match(NUMBER);
    if (text === undefined) this.#unexpected('a value');
    const value = Number(text);
    if (!Number.isFinite(value)) throw new TextFault(start, 'invalid-value', 'a number that is too large', pointer);
    if (text.length > 15 && !sameDigits(text, value)) {
      this.#warn(pointer, 'imprecise-number', `the number has more digits than can be kept: it becomes ${value}`);
    }
    return value;
  }

  #literalOrNumber(pointer: string): boolean | null | number {
    const word = this.#match(LITERAL);
    if (word === undefined) return this.#number(pointer);
    return word === 'null' ? null : word === 'true';
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    if (text !== undefined) this.#at = pattern.lastIndex;
    return text;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #unexpected(wanted: string): never {
    const found = this.#at < this.#text.length ? 'something else' : 'the end';
    throw new TextFault(this.#at, 'not-json', `expected ${wanted}, found ${found}`);
  }

  #warn(pointer: string, code: string, message: string): void {
    if (this.warnings.length < LISTED) this.warnings.push({ pointer, code, message });
  }
}

/** Where and why a text is not read; made into an issue only when it leaves the parser. */
class TextFault extends Error {
  readonly offset: number;
  readonly code: string;
  readonly pointer: string;

  constructor(offset: number, code: string, message: string, pointer = '') {
    super(message);
    this.offset = offset;
    this.code = code;
    this.pointer = pointer;
  }
}

/** Whether the shortest form of the number has all digits of the text. */
function sameDigits(text: string, value: number): boolean {
  const digits = (form: string): string =>
    form
      .replace(/[eE].*$/, '')
      .replace(/[^0-9]/g, '')
      .replace(/^0+|0+$/g, '');
  return digits(text) === digits(String(value));
}

function notJson(message: string, hint?: string): DocumentIssue {
  return { pointer: '', code: 'not-json', message, ...(hint === undefined ? {} : { hint }) };
}
