import { formatAddress, fromHex, isUnicast, MeshError, parseAddress, type Unicast } from '@meshferry/core';
import { parseCoreType, parseVersion, type Version } from '@meshferry/firmware';
import { asInput, badInput, input } from './exit.ts';

/** Values of options; what cannot be read ends the command with exit code 2 and the reason. */

/** A folder; an empty name, as of a variable that is not set, is none. */
export function folder(text: string): string {
  if (text !== '') return text;
  throw badInput('bad-folder', '--state is given without a folder', 'Give its name, such as --state ./state');
}

/** `0x0100,0x0101`. */
export function addressList(text: string): Unicast[] {
  return text.split(',').map(address);
}

export function address(text: string): number {
  return asInput(() => parseAddress(text));
}

/** `self` or an address. */
export function distributor(text: string): 'self' | Unicast {
  return text === 'self' ? text : address(text);
}

/** Of a firmware archive; which kinds a Distributor can fetch from it says itself. */
export function archiveUri(text: string): string {
  if (URL.canParse(text)) return text;
  throw badInput('bad-uri', `not a URI: "${text}"`, 'Give it with its scheme, such as https://example.com/fw.');
}

/** `0x0059` or decimal. */
export function companyId(text: string): number {
  const value = /^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text) ? Number(text) : Number.NaN;
  return asInput(() => {
    if (value >= 0 && value <= 0xffff) return value;
    throw new MeshError('bad-company', `not a company identifier: "${text}"`, {
      hint: 'Give the one of the Bluetooth SIG, 0x0000 to 0xFFFF, such as 0x0059.',
    });
  });
}

/** 0 to 255 octets in hex. */
export function metadataHex(text: string): Uint8Array {
  return asInput(() => {
    const octets = fromHex(text);
    if (octets.length <= 255) return octets;
    throw new MeshError('bad-metadata', `firmware metadata of ${octets.length} octets, at most 255 can be sent`, {
      hint: 'Give --metadata in hex, as the devices check it.',
    });
  });
}

export function firmwareVersion(text: string): Version {
  return input(parseVersion(text));
}

export function coreType(text: string): number {
  return input(parseCoreType(text));
}

/** A small number such as an image number. */
export function imageIndex(text: string): number {
  return asInput(() => {
    if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text);
    throw new MeshError('bad-image-index', `not an image number: "${text}"`, { hint: 'Give 0 to 255, such as 0.' });
  });
}

/** A time in seconds, above 0. */
export function secondsOption(text: string): number {
  return asInput(() => {
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (seconds > 0) return seconds;
    throw new MeshError('bad-seconds', `not a time in seconds: "${text}"`, {
      hint: 'Give a number above 0, such as 10.',
    });
  });
}

/** A time in seconds, also none. */
export function reconnectOption(text: string): number {
  return /^0+(\.0+)?$/.test(text) ? 0 : secondsOption(text);
}

/** `0,1,5`: key indexes. */
export function keyIndexList(text: string): number[] {
  return text.split(',').map(keyIndex);
}

/** 0 to 4095. */
export function keyIndex(text: string): number {
  return wholeNumber(text, 0xfff, 'bad-key-index', 'a key index');
}

/** 0 to 0xFFFFFFFF. */
export function uint32(text: string): number {
  return wholeNumber(text, 0xffff_ffff, 'bad-number', 'a number of 32 bits');
}

/** A unicast address. */
export function unicastAddress(text: string): Unicast {
  const value = address(text);
  if (isUnicast(value)) return value;
  throw badInput(
    'bad-address',
    `${formatAddress(value)} is not the address of a node`,
    'Give 0x0001 to 0x7FFF: see "meshferry node list".',
  );
}

/** 32 hex digits, with dashes or without. */
export function deviceUuid(text: string): Uint8Array {
  const digits = text.replaceAll('-', '').toLowerCase();
  if (/^[0-9a-f]{32}$/.test(digits)) return fromHex(digits);
  throw badInput('bad-uuid', `not a device UUID: "${text}"`, 'Give its 32 hex digits, as "meshferry scan" shows them.');
}

function wholeNumber(text: string, most: number, code: string, what: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw badInput(code, `not ${what}: "${text}"`, `Give 0 to ${most}.`);
}

/** 0 to 100. */
export function times(text: string): number {
  return wholeNumber(text, 100, 'bad-number', 'a number of times');
}

/** A share of the air from 1 % to 100 %: `30%` or `0.3`. */
export function airtimeShare(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?) ?(%?)$/.exec(text) ?? [];
  const share = Number(digits) / (percent === '%' ? 100 : 1);
  if (share >= 0.01 && share <= 1) return share;
  throw badInput(
    'bad-airtime',
    `not a share of the air: "${text}"`,
    'Give 1% to 100%, such as 30%, or the same as 0.01 to 1.',
  );
}

/** 0 to 255. */
export function octet(text: string): number {
  return wholeNumber(text, 0xff, 'bad-number', 'a number from 0 to 255');
}
