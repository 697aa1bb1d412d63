import { fail, MeshError, ok, type Random, type Result, utf8 } from '@meshferry/core';
import type { AlgorithmName, InputAction, OutputAction } from './capabilities.ts';

/** A value that a user reads on one side and enters at the other: a number, or text of 0–9 and A–Z. */
export type OobValue = number | string;

const CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Octets below this give each character the same chance. */
const FAIR_OCTETS = 252;

/** Octets of AuthValue, Confirmation and Random [Mesh Protocol 1.1, 5.4.2.4]. */
export function authValueOctets(algorithm: AlgorithmName): 16 | 32 {
  return algorithm === 'hmac' ? 32 : 16;
}

/** AuthValue without authentication: all zero. */
export function noAuthValue(algorithm: AlgorithmName): Uint8Array {
  return new Uint8Array(authValueOctets(algorithm));
}

/** AuthValue of static OOB octets: left-aligned, padded with zeros or cut on the right [5.4.2.4.1]. */
export function staticAuthValue(algorithm: AlgorithmName, octets: Uint8Array): Uint8Array {
  const value = noAuthValue(algorithm);
  value.set(octets.subarray(0, value.length));
  return value;
}

/** AuthValue of a number (right-aligned, big-endian) or of a text (left-aligned ASCII) [5.4.2.4.1]. */
export function oobAuthValue(algorithm: AlgorithmName, value: OobValue): Uint8Array {
  if (typeof value === 'string') return staticAuthValue(algorithm, utf8(value));
  const octets = noAuthValue(algorithm);
  new DataView(octets.buffer).setUint32(octets.length - 4, value);
  return octets;
}

/** Throws `bad-static-oob` for static OOB octets that authenticate nothing: none, or such as give an all-zero AuthValue. */
export function checkStaticOob(octets: Uint8Array): void {
  if (octets.subarray(0, 16).some((octet) => octet !== 0)) return;
  throw new MeshError('bad-static-oob', `static OOB data of ${octets.length} octets without any that is not 0`, {
    hint: 'Give the 16 or 32 random octets that belong to this device.',
  });
}

/** A fresh value for one attempt, each with the same chance; `random` must be cryptographic outside tests. */
export function newOobValue(random: Random, action: OutputAction | InputAction, size: number): OobValue {
  return action === 'alphanumeric' ? newText(random, size) : newNumber(random, 10 ** size);
}

/**
 * What a user entered, as the value that it means: digits for counts and numbers, characters in either case for text.
 * `bad-oob-value` when it cannot be the one that the other side shows.
 */
export function readOobValue(
  entered: OobValue,
  action: OutputAction | InputAction,
  size: number,
): Result<OobValue, MeshError> {
  const text = String(entered).trim().toUpperCase();
  if (action === 'alphanumeric') {
    const isText = text.length === size && [...text].every((character) => CHARACTERS.includes(character));
    return isText ? ok(text) : badValue(`${size} characters of 0–9 and A–Z`);
  }
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  return value >= 1 && value < 10 ** size ? ok(value) : badValue(`a whole number from 1 to ${10 ** size - 1}`);
}

/** 1 to below `end`. */
function newNumber(random: Random, end: number): number {
  const bits = 32 - Math.clz32(end - 1);
  for (;;) {
    const octets = random.bytes(4);
    const drawn = new DataView(octets.buffer, octets.byteOffset).getUint32(0) & (2 ** bits - 1);
    if (drawn >= 1 && drawn < end) return drawn;
  }
}

function newText(random: Random, size: number): string {
  let text = '';
  while (text.length < size) {
    const octet = random.bytes(1)[0]!;
    if (octet < FAIR_OCTETS) text += CHARACTERS[octet % CHARACTERS.length];
  }
  return text;
}

/** The value itself stays out of the message: it is a secret. */
function badValue(expected: string): Result<never, MeshError> {
  return fail(
    new MeshError('bad-oob-value', 'the entered OOB value cannot be the one that is shown', {
      hint: `Enter ${expected}.`,
    }),
  );
}
