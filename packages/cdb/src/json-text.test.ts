import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalJson, MAX_DEPTH } from './json.ts';
import { parseJsonText } from './json-text.ts';

const value = (text: string | Uint8Array): unknown => {
  const parsed = parseJsonText(text);
  return parsed.ok ? parsed.value.value : parsed.error;
};
const codes = (text: string): unknown => {
  const parsed = parseJsonText(text);
  return parsed.ok ? parsed.value.warnings.map(({ code, pointer }) => [code, pointer]) : parsed.error.code;
};

describe('JSON text', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false } as object), (text) => equalJson(value(text), JSON.parse(text))),
    );
  });

  it('is accepted where JSON.parse accepts it, and nowhere else', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '""',
        '1',
        '-',
        '0',
        '.5',
        'e3',
        'true',
        'null',
        ' ',
        '\n',
        '"\\u00e4"',
        '"\\x"',
        '\t',
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(pieces, (list) => {
        const text = list.join('');
        let accepted = true;
        try {
          JSON.parse(text);
        } catch {
          accepted = false;
        }
        expect(parseJsonText(text).ok).toBe(accepted);
      }),
    );
  });

  it('keeps __proto__ as a property like any other', () => {
    const read = value('{"__proto__": {"polluted": true}, "constructor": 1}') as object;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['__proto__', 'constructor']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('is read with a byte order mark, as text and as octets', () => {
    expect(value('\uFEFF[1]')).toEqual([1]);
    expect(value(new TextEncoder().encode('\uFEFF["ä"]'))).toEqual(['ä']);
  });

  it('that is no UTF-8 is refused', () => {
    expect(value(new Uint8Array([0xff, 0xfe, 0x7b, 0x00]))).toMatchObject({ code: 'not-json' });
  });

  it('tells of a property that stands twice: the last one counts', () => {
    expect(codes('{"a": {"b/c": 1, "b/c": 2}}')).toEqual([['duplicate-property', '/a/b~1c']]);
    expect(value('{"a": 1, "a": 2}')).toEqual({ a: 2 });
  });

  it('tells of numbers with more digits than can be kept, and refuses infinite ones', () => {
    expect(codes('[12345678901234567890]')).toEqual([['imprecise-number', '/0']]);
    expect(codes('[1234567890123456, 1.50000000000000000, 100000000000000000000]')).toEqual([]);
    expect(codes('{"a": 1e400}')).toBe('invalid-value');
    expect(codes('[NaN]')).toBe('not-json');
    expect(codes('[Infinity]')).toBe('not-json');
  });

  it('nested too deeply is refused, however deeply', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(codes(nested(MAX_DEPTH + 1))).toEqual([]);
    expect(codes(nested(MAX_DEPTH + 2))).toBe('too-deep');
    expect(codes('['.repeat(1_000_000))).toBe('too-deep');
    expect(codes('{"a":'.repeat(100_000))).toBe('too-deep');
  });

  it('with more values than any network has is refused', () => {
    expect(codes(`[${'0,'.repeat(5_000_001)}0]`)).toBe('too-large');
  });

  it('says line and column of a fault, and nothing of the text', () => {
    expect(value('{\n  "key": "7B787AE2",\n  "key2" 7B787AE2}')).toMatchObject({
      message: 'line 3, column 10: expected a colon, found something else',
    });
    expect(value('')).toMatchObject({ message: 'line 1, column 1: expected a value, found the end' });
    expect(value('{"a": "7B78')).toMatchObject({ message: expect.not.stringContaining('7B78') });
    expect(value('{} x')).toMatchObject({ message: 'line 1, column 4: more text after the end of the document' });
    expect(value('{a: 1}')).toMatchObject({ message: expect.stringContaining('the name of a property') });
    expect(value('{"a": 1')).toMatchObject({ message: expect.stringContaining('a comma or }') });
    expect(value('[1')).toMatchObject({ message: expect.stringContaining('a comma or ]') });
  });
});
