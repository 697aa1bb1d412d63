/** A kind of firmware (or of mistake) that is recognised by its first octets, and refused in words. */
export interface ForeignFirmware {
  readonly name: string;
  readonly hint: string;
}

interface Magic extends ForeignFirmware {
  readonly at?: number;
  readonly octets: readonly number[];
}

const SIGNED = 'Give the signed image of the build (*.signed.bin), or make one: meshferry fw make.';
const AGAIN = 'The download went wrong: fetch it again.';

/** By what stands in their first octets [GBL: docs.silabs.com, Gecko Bootloader File Format]. */
const KNOWN: readonly Magic[] = [
  {
    name: 'a GBL image of Silicon Labs',
    octets: [0xeb, 0x17, 0xa6, 0x03],
    hint: 'Only MCUboot images can be looked into: update these devices with the tools of their maker.',
  },
  {
    name: 'a GBL image (version 4) of Silicon Labs',
    octets: [0xeb, 0x17, 0xa6, 0x84],
    hint: 'Only MCUboot images can be looked into: update these devices with the tools of their maker.',
  },
  {
    name: 'an image of ESP-IDF',
    at: 32,
    octets: [0x32, 0x54, 0xcd, 0xab],
    hint: 'Only MCUboot images can be looked into: update these devices with the tools of their maker.',
  },
  {
    name: 'a big-endian MCUboot image',
    octets: [0x96, 0xf3, 0xb8, 0x3d],
    hint: 'Sign it for a little-endian device (image tool: --endian little).',
  },
  { name: 'an ELF file', octets: [0x7f, 0x45, 0x4c, 0x46], hint: SIGNED },
  { name: 'a UF2 file', octets: [0x55, 0x46, 0x32, 0x0a], hint: SIGNED },
  { name: 'a tar that is not packed', at: 257, octets: [...'ustar'].map(code), hint: 'Pack it with gzip (.tar.gz).' },
  { name: 'a web page', octets: [...'<!DOCTYPE'].map(code), hint: AGAIN },
  { name: 'a web page', octets: [...'<!doctype'].map(code), hint: AGAIN },
  { name: 'a web page', octets: [...'<html'].map(code), hint: AGAIN },
  {
    name: 'a key or certificate',
    octets: [...'-----BEGIN '].map(code),
    hint: 'Give the firmware here, the key with --key.',
  },
];

/** What octets are that are no firmware we take; undefined when nothing about them is known. */
export function recogniseForeign(bytes: Uint8Array): ForeignFirmware | undefined {
  return KNOWN.find(({ at = 0, octets }) => octets.every((octet, i) => bytes[at + i] === octet));
}

function code(character: string): number {
  return character.charCodeAt(0);
}
