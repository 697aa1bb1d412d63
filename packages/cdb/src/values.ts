import type { Json } from './json.ts';
import type { Hex4, KeyHex, Timestamp, Uuid } from './model.ts';
import type { Report } from './report.ts';
import { kindOf, type Read } from './shape.ts';

/** Any text. */
export const text: Read<string> = (source, pointer, report) =>
  typeof source === 'string' ? source : report.error(pointer, 'wrong-type', `must be a text, found ${kindOf(source)}`);

export const flag: Read<boolean> = (source, pointer, report) =>
  typeof source === 'boolean'
    ? source
    : report.error(pointer, 'wrong-type', `must be true or false, found ${kindOf(source)}`);

/** A whole number from `low` to `high`, in steps of `step` from 0. */
export function whole(low: number, high: number, step = 1): Read<number> {
  const rule = step === 1 ? `${low} to ${high}` : `a multiple of ${step} from ${low} to ${high}`;
  return (source, pointer, report) => {
    if (typeof source !== 'number') return wrongKind(source, 'a number', pointer, report);
    if (Number.isInteger(source) && source >= low && source <= high && source % step === 0) return source;
    return report.error(pointer, 'invalid-value', `must be ${rule}, found ${source}`);
  };
}

/** One of a few numbers. */
export function oneOf<T extends number>(...values: readonly T[]): Read<T> {
  return (source, pointer, report) => {
    if (typeof source !== 'number') return wrongKind(source, 'a number', pointer, report);
    const found = values.find((value) => value === source);
    return found ?? report.error(pointer, 'invalid-value', `must be ${values.join(', ')}, found ${source}`);
  };
}

/** One of a few words; `former` says words of older versions with the present one. */
export function word<T extends string>(values: readonly T[], former: Readonly<Record<string, T>> = {}): Read<T> {
  return (source, pointer, report) => {
    if (typeof source !== 'string') return wrongKind(source, 'a text', pointer, report);
    const found = values.find((value) => value === source);
    if (found !== undefined) return found;
    const present = Object.hasOwn(former, source) ? former[source] : undefined;
    if (present !== undefined) report.repair(pointer, 'former-word', `"${source}" is called "${present}" now`);
    return present ?? report.error(pointer, 'invalid-value', `must be ${values.join(' or ')}, found ${shown(source)}`);
  };
}

/** Four hex digits of either case, whose number `fits`; `what` says so in words. */
export function hex(what: string, fits: (value: number) => boolean = () => true): Read<Hex4> {
  return (source, pointer, report) => {
    if (typeof source !== 'string') return wrongKind(source, 'a text of four hex digits', pointer, report);
    if (/^[0-9a-fA-F]{4}$/.test(source) && fits(Number.parseInt(source, 16))) return source.toUpperCase();
    return report.error(pointer, 'invalid-value', `must be ${what} of four hex digits, found ${shown(source)}`);
  };
}

/** Four hex digits as {@link hex}, or the 32 of a label, with or without dashes. */
export function hexOrLabel(what: string, fits: (value: number) => boolean): Read<string> {
  const short = hex(`${what}, or a label of 32 digits,`, fits);
  return (source, pointer, report) => {
    const digits = typeof source === 'string' ? uuidDigits(source) : undefined;
    return digits ?? short(source, pointer, report);
  };
}

export const modelId: Read<string> = (source, pointer, report) => {
  if (typeof source !== 'string') return wrongKind(source, 'a text of hex digits', pointer, report);
  if (/^([0-9a-fA-F]{4}|[0-9a-fA-F]{8})$/.test(source)) return source.toUpperCase();
  return report.error(
    pointer,
    'invalid-value',
    `must be four hex digits, or eight of a vendor, found ${shown(source)}`,
  );
};

/** 32 hex digits; the error never shows them. */
export const key: Read<KeyHex> = (source, pointer, report) => {
  if (typeof source !== 'string') return wrongKind(source, 'a text of 32 hex digits', pointer, report);
  if (/^[0-9a-fA-F]{32}$/.test(source)) return source.toUpperCase();
  const fault = source.length === 32 ? 'other characters' : `${source.length} characters`;
  return report.error(pointer, 'invalid-value', `must be 32 hex digits (16 octets), found ${fault}`);
};

/** With dashes, or without as version 1.0.0 has it. */
export const uuid: Read<Uuid> = (source, pointer, report) => {
  if (typeof source !== 'string') return wrongKind(source, 'a UUID', pointer, report);
  const digits = uuidDigits(source);
  if (digits === undefined) return report.error(pointer, 'invalid-value', `must be a UUID, found ${shown(source)}`);
  const dashed = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return dashed;
};

/** Any text: one that is no date is only warned about, as nRF Mesh does. */
export const timestamp: Read<Timestamp> = (source, pointer, report) => {
  if (typeof source !== 'string') return wrongKind(source, 'a date and time', pointer, report);
  if (!isDate(source)) {
    report.warn(pointer, 'bad-timestamp', `not a date and time by ISO 8601: ${shown(source)}`);
  }
  return source;
};

/** A value that is not secret, short enough for a message. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
}

const DATE = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}(:?\d{2})?)?$/;

function isDate(source: string): boolean {
  return DATE.test(source) && !Number.isNaN(Date.parse(source.slice(0, 10)));
}

function uuidDigits(source: string): string | undefined {
  const dashed = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
  if (!dashed.test(source) && !/^[0-9a-fA-F]{32}$/.test(source)) return undefined;
  return source.replaceAll('-', '').toUpperCase();
}

function wrongKind(source: Json, wanted: string, pointer: string, report: Report): undefined {
  return report.error(pointer, 'wrong-type', `must be ${wanted}, found ${kindOf(source)}`);
}
