import { toHex } from '@meshferry/core';
import { decodeFirmwareId } from '@meshferry/firmware';

/** `12 s`, `3 min 05 s`, `1 h 02 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** `512 B/s`, `1.2 kB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond < 1000 ? `${Math.round(bytesPerSecond)} B/s` : `${(bytesPerSecond / 1000).toFixed(1)} kB/s`;
}

/** `25 540 octets`. */
export function formatSize(octets: number): string {
  return `${String(octets).replace(/\B(?=(\d{3})+$)/g, ' ')} octets`;
}

/** The version in a Firmware ID as people write it, `2.0.0`; the hex of one in no known form, `?` for none. */
export function formatFirmwareId(firmwareId: Uint8Array | null | undefined): string {
  if (firmwareId === null || firmwareId === undefined) return '?';
  const decoded = decodeFirmwareId(firmwareId);
  return (decoded.ok ? decoded.value.text : null) ?? toHex(firmwareId);
}

/** `1 target`, `3 targets`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A name from a file as a terminal may show it: control characters as \\xNN. */
export function printable(text: string): string {
  return Array.from(text, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20 || (code >= 0x7f && code < 0xa0) ? `\\x${code.toString(16).padStart(2, '0')}` : char;
  }).join('');
}

/** Arguments as they can be typed again. */
export function quoteArguments(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
