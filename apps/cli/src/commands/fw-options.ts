import { fromHex } from '@meshferry/core';
import { decodeFirmwareId } from '@meshferry/firmware';
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
