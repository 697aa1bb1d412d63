/** One key of a URI: how its value is read and written. */
export interface Key<T> {
  readonly initial: T;
  /** What is allowed, for the error text: `a whole number from 0 to 9`. */
  readonly allowed: string;
  /** The value, or undefined when the text is not allowed. */
  read(text: string): T | undefined;
  /** The text that `read` takes back. */
  write(value: T): string;
}

export function naturalNumber<T extends number | undefined = number>(
  initial: T,
  min: number,
  max: number,
  unit = '',
): Key<T | number> {
  return {
    initial,
    allowed: `a whole number from ${min} to ${max}${unit}`,
    read: (text) => (/^\d+$/.test(text) ? within(Number(text), min, max) : undefined),
    write: String,
  };
}

export function realNumber(initial: number, min: number, max: number, unit = ''): Key<number> {
  return {
    initial,
    allowed: `a number from ${min} to ${max}${unit}`,
    read: (text) => (/^(\d+(\.\d*)?|\.\d+)$/.test(text) ? within(Number(text), min, max) : undefined),
    write: String,
  };
}

export function choice<T extends string>(initial: T, words: readonly T[]): Key<T> {
  return {
    initial,
    allowed: words.join(', '),
    read: (text) => words.find((word) => word === text),
    write: (value) => value,
  };
}

/** One or more of the words, joined by `+`, in any order. */
export function someWords<T extends string>(initial: readonly T[], words: readonly T[]): Key<readonly T[]> {
  const { read, write } = wordList('', words);
  const given = (text: string) => (text === '' ? undefined : read(text));
  return { initial, allowed: `${words.join(', ')}; several joined by +`, read: given, write };
}

/** Several of the words, joined by `+`, in any order; `none` for no one. */
export function wordList<T extends string>(none: string, words: readonly T[]): Key<readonly T[]> {
  return {
    initial: [],
    allowed: `${none}, or ${words.join(', ')}; several joined by +`,
    read: (text) => {
      if (text === none) return [];
      const given = text.split('+');
      const chosen = words.filter((word) => given.includes(word));
      return chosen.length === given.length ? chosen : undefined;
    },
    write: (value) => value.join('+') || none,
  };
}

export function numberOrWord<T extends string>(
  initial: T,
  words: readonly T[],
  min: number,
  max: number,
): Key<T | number> {
  const number = naturalNumber(min, min, max);
  return {
    initial,
    allowed: `${words.join(', ')} or ${number.allowed}`,
    read: (text) => words.find((word) => word === text) ?? number.read(text),
    write: String,
  };
}

/** `8-12`, or `12` for just one. */
export function logRange(
  initial: { readonly min: number; readonly max: number },
  min: number,
  max: number,
): Key<{ readonly min: number; readonly max: number }> {
  return {
    initial,
    allowed: `one block size log or a range such as 8-12, from ${min} to ${max}`,
    read: (text) => {
      const [, low, high = low] = /^(\d{1,2})(?:-(\d{1,2}))?$/.exec(text) ?? [];
      const range = { min: Number(low), max: Number(high) };
      return range.min >= min && range.max <= max && range.min <= range.max ? range : undefined;
    },
    write: (range) => (range.min === range.max ? `${range.min}` : `${range.min}-${range.max}`),
  };
}

/** `1.2.3+4` (build number may be left out) within the widths of an MCUboot version: 8, 8, 16 and 32 bits. */
export function version(initial: string): Key<string> {
  const limits = [0xff, 0xff, 0xffff, 0xffff_ffff];
  return {
    initial,
    allowed: 'a version such as 1.2.3+4, at most 255.255.65535+4294967295',
    read: (text) => {
      const parts = /^(\d+)\.(\d+)\.(\d+)(?:\+(\d+))?$/
        .exec(text)
        ?.slice(1)
        .map((part) => Number(part ?? 0));
      if (parts === undefined || parts.some((part, i) => part > (limits[i] as number))) return undefined;
      return `${parts[0]}.${parts[1]}.${parts[2]}+${parts[3]}`;
    },
    write: (value) => value,
  };
}

/** A 16-bit Company ID, `0x0059` or decimal. */
export function vendorId(initial: number): Key<number> {
  return {
    initial,
    allowed: 'a Company ID from 0x0000 to 0xffff',
    read: (text) => (/^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) ? within(Number(text), 0, 0xffff) : undefined),
    write: (value) => `0x${value.toString(16).padStart(4, '0')}`,
  };
}

export function optionalText(allowed: string): Key<string | undefined> {
  return {
    initial: undefined,
    allowed,
    read: (text) => {
      try {
        return decodeURIComponent(text) || undefined;
      } catch {
        return undefined;
      }
    },
    write: (value = '') => encodeURIComponent(value).replaceAll('%2F', '/'),
  };
}

function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}
