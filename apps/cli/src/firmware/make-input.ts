import {
  findHexApplication,
  findHexImage,
  looksLikeIntelHex,
  parseIntelHex,
  startsWithImageMagic,
} from '@meshferry/firmware';
import { badInput, input } from '../shell/exit.ts';
import { readInputFile } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';

/** What a package is made of. */
export interface MakeInput {
  /** An MCUboot image already: nothing is put before or behind it. */
  readonly signed: boolean;
  readonly bytes: Uint8Array;
  /** Where it lies in flash, from an Intel HEX. */
  readonly address?: number;
}

/** The raw application of a .bin or .hex, or the image in it when it is signed already. */
export function readMakeInput(io: Io, path: string): MakeInput {
  const bytes = readInputFile(io, path, 'application');
  if (bytes.length === 0) throw badInput('empty-file', `${path} is empty`, 'Give the raw .bin of the build.');
  if (startsWithImageMagic(bytes)) return { signed: true, bytes };
  if (!looksLikeIntelHex(bytes)) {
    const what = NOT_RAW.find(({ magic }) => magic.every((octet, i) => bytes[i] === octet));
    if (what === undefined) return { signed: false, bytes };
    throw badInput('not-raw', `${path} is ${what.name}, no raw application`, 'Give the .bin or .hex of the build.');
  }
  const { segments } = input(parseIntelHex(bytes));
  if (!segments.some((segment) => startsWithImageMagic(segment.bytes))) {
    return { signed: false, ...input(findHexApplication(segments)) };
  }
  const image = findHexImage(segments);
  if (image.ok) return { signed: true, ...image.value };
  const { code, message } = image.error;
  throw badInput(code, `${path}: ${message}`, 'Give the HEX file of the application alone.');
}

/** What people give by mistake; it would become the payload of an image. */
const NOT_RAW = [
  { name: 'a ZIP', magic: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'a gzip', magic: [0x1f, 0x8b] },
  { name: 'an ELF file', magic: [0x7f, 0x45, 0x4c, 0x46] },
];
