import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { concat, utf8 } from '@meshferry/core';
import type { Identity } from './server.ts';

const DAY_MS = 86_400_000;
const Tag = {
  boolean: 1,
  integer: 2,
  bits: 3,
  octets: 4,
  oid: 6,
  utf8: 12,
  utcTime: 23,
  sequence: 0x30,
  set: 0x31,
} as const;
const Oid = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
  commonName: [0x55, 4, 3],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
};

/**
 * A new P-256 key with a certificate that it signs itself, for one host name or IP address: X.509 version 3 [RFC 5280,
 * section 4.1]. Valid from a day before `now` (ms since 1970) for `days`; for trials, and only for who is given it to trust.
 */
export function makeSelfSigned(host: string, now: number, days = 30): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(Oid.ecdsaWithSha256));
  const name = sequence(der(Tag.set, sequence(oid(Oid.commonName), der(Tag.utf8, utf8('Meshferry fw serve')))));
  const validity = sequence(utcTime(now - DAY_MS), utcTime(now + days * DAY_MS));
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const extensions = sequence(
    extension(Oid.basicConstraints, sequence(der(Tag.boolean, Uint8Array.of(0xff)))),
    extension(Oid.subjectAltName, sequence(alternativeName(host))),
  );
  const body = sequence(
    der(0xa0, der(Tag.integer, Uint8Array.of(2))),
    der(Tag.integer, serial),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signature = concat(Uint8Array.of(0), sign('sha256', body, privateKey));
  const certificate = Buffer.from(sequence(body, algorithm, der(Tag.bits, signature)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function alternativeName(host: string): Uint8Array {
  if (isIP(host) === 4) return der(0x87, Uint8Array.from(host.split('.'), Number));
  if (isIP(host) === 6) return der(0x87, octetsOfIpv6(host));
  return der(0x82, utf8(host));
}

function octetsOfIpv6(host: string): Uint8Array {
  // The URL parser writes every form in one: groups in hex, the longest run of zeros as "::".
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function extension(id: readonly number[], value: Uint8Array): Uint8Array {
  return sequence(oid(id), der(Tag.octets, value));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(Tag.sequence, ...parts);
}

function oid(octets: readonly number[]): Uint8Array {
  return der(Tag.oid, Uint8Array.from(octets));
}

/** YYMMDDHHMMSSZ, for years up to 2049. */
function utcTime(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/\D/g, '');
  return der(Tag.utcTime, utf8(`${digits.slice(2, 14)}Z`));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concat(...parts);
  const { length } = value;
  if (length < 0x80) return concat(Uint8Array.of(tag, length), value);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...size), value);
}
