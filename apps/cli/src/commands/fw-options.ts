import { fromHex } from '@meshferry/core';
import { decodeFirmwareId, type HashAlgorithm, type ImageDependency, parseVersion } from '@meshferry/firmware';
import { asInput, badInput, input } from '../shell/exit.ts';

/** A Firmware ID in hex, 2 to 108 octets. */
export function firmwareIdHex(text: string): Uint8Array {
  const octets = asInput(() => fromHex(text));
  input(decodeFirmwareId(octets));
  return octets;
}

/** A host of the allow-list: `NAME`, `NAME:PORT` or `*.NAME`; the option is repeatable. */
export function allowedHost(text: string, before: readonly string[] = []): readonly string[] {
  if (/^(\*\.)?[\w.-]+(:\d{1,5})?$/.test(text) || /^\[[\da-f:.]+\](:\d{1,5})?$/i.test(text)) return [...before, text];
  throw badInput(
    'bad-host',
    `not a host: "${text}"`,
    'Give a name such as fw.example.com, fw.example.com:8443 or *.example.com',
  );
}

/** A file; the option is repeatable. */
export function eachFile(path: string, before: readonly string[] = []): readonly string[] {
  return [...before, path];
}

/** Octets, or with the unit k or M (1024). */
export function sizeInOctets(text: string): number {
  const match = /^(\d{1,9})([kM]?)$/.exec(text);
  const size = match === null ? 0 : Number(match[1]) * { '': 1, k: 1024, M: 1024 * 1024 }[match[2] as '' | 'k' | 'M'];
  if (size > 0 && size <= 1024 * 1024 * 1024) return size;
  throw badInput('bad-size', `not a size: "${text}"`, 'Give octets, such as 500000, 512k or 16M, at most 1024M.');
}

/** A TCP port; 0 means any free one. */
export function tcpPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 0xffff) return Number(text);
  throw badInput('bad-port', `not a port: "${text}"`, 'Give 0 to 65535; 0 takes any free one.');
}

/** `sha256`, `SHA-512`. */
export function hashName(text: string): HashAlgorithm {
  const name = text.toUpperCase().replace('-', '');
  if (name === 'SHA256' || name === 'SHA384' || name === 'SHA512') return name;
  throw badInput('bad-hash', `not a hash of images: "${text}"`, 'Give sha256, sha384 or sha512.');
}

/** A number of 32 bits, or `auto`. */
export function securityCounterOption(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  if (value <= 0xffff_ffff) return value;
  throw badInput('bad-security-counter', `not a security counter: "${text}"`, 'Give 0 to 4294967295, or auto.');
}

/** `1:1.2.0`: image 1 in version 1.2.0 or newer; the option is repeatable. */
export function dependencyOption(text: string, before: readonly ImageDependency[] = []): readonly ImageDependency[] {
  const match = /^(\d{1,3}):(.+)$/.exec(text);
  const image = Number(match?.[1]);
  const minVersion = match === null ? undefined : parseVersion(match[2]!);
  if (minVersion?.ok && image <= 0xff) return [...before, { image, minVersion: minVersion.value }];
  throw badInput('bad-dependency', `not an image and its version: "${text}"`, 'Give both, such as 1:1.2.0.');
}

/** 32 to 65 535 octets. */
export function headerSizeOption(text: string): number {
  const value = /^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) ? Number(text) : 0;
  if (value >= 32 && value <= 0xffff) return value;
  throw badInput('bad-header-size', `not a header size: "${text}"`, 'Give 32 to 65535; usual are 512, 1024 and 2048.');
}
