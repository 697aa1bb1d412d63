import { basename, extname, resolve } from 'node:path';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  type CompositionData,
  formatVersion,
  type Json,
  makeFirmware,
  parseComposition,
  parseSigningKey,
  type SigningKey,
  startsWithImageMagic,
  type Version,
} from '@meshferry/firmware';
import { badInput, ExitCode, input } from '../shell/exit.ts';
import { readInputFile, readInputText } from '../shell/files.ts';
import { formatSize } from '../shell/format.ts';
import type { Io } from '../shell/io.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { writeWholeFile } from '../shell/write-file.ts';

export interface MakeFlags {
  readonly imageVersion: Version;
  readonly out: string;
  readonly key?: string;
  readonly company: number;
  readonly core: number;
  readonly composition?: string;
}

/** Zephyr leaves so many zero octets for the header in its unsigned .bin. */
const HEADER_SIZE = 512;

/** `fw make RAW --image-version V --out F.zip` */
export async function fwMake(shell: Shell, [path = '']: readonly string[], flags: MakeFlags): Promise<ExitCode> {
  const payload = readApplication(shell.io, path);
  const key = flags.key === undefined ? undefined : readSigningKey(shell.io, flags.key);
  const composition = flags.composition === undefined ? undefined : readComposition(shell.io, flags.composition);
  const made = await makeFirmware({
    payload,
    version: flags.imageVersion,
    company: flags.company,
    crypto: portableCrypto,
    coreType: flags.core,
    headerSize: HEADER_SIZE,
    headerRoom: hasHeaderRoom(payload),
    name: basename(path, extname(path)),
    ...(key === undefined ? {} : { key }),
    ...(composition === undefined ? {} : { composition }),
  });
  write(shell.io, path, flags.out, made.zip);
  const firmwareId = toHex(made.firmwareId);
  const metadata = toHex(made.metadata);
  shell.result({
    file: flags.out,
    size: made.zip.length,
    image: {
      size: made.image.length,
      sha256: toHex(portableCrypto.sha256(made.image)),
      version: formatVersion(flags.imageVersion),
    },
    firmwareId,
    metadata,
    signedBy: key?.publicKey.name ?? 'meshferry-demo',
  });
  const rows = [
    ['wrote', `${flags.out}, ${formatSize(made.zip.length)}`],
    ['image', `${formatVersion(flags.imageVersion)}, ${formatSize(made.image.length)}`],
    ['firmware id', firmwareId],
    ['metadata', metadata],
    ['signed by', key?.publicKey.name ?? 'the demo key: everybody has it, never for a product (--key for your own)'],
  ];
  for (const line of alignColumns(rows)) shell.say(line);
  return ExitCode.done;
}

function readApplication(io: Io, path: string): Uint8Array {
  const payload = readInputFile(io, path, 'application');
  if (payload.length === 0) throw badInput('empty-file', `${path} is empty`, 'Give the raw .bin of the build.');
  if (!startsWithImageMagic(payload)) return payload;
  throw badInput(
    'already-an-image',
    `${path} is an MCUboot image already`,
    'Give the raw .bin of the build, or update with this file as it is.',
  );
}

function hasHeaderRoom(payload: Uint8Array): boolean {
  return payload.length > HEADER_SIZE && payload.subarray(0, HEADER_SIZE).every((octet) => octet === 0);
}

function readSigningKey(io: Io, path: string): SigningKey {
  return input(parseSigningKey(readInputText(io, path, 'key'), path));
}

function readComposition(io: Io, path: string): CompositionData {
  const text = readInputText(io, path, 'composition');
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (thrown) {
    throw badInput(
      'bad-composition',
      `${path} is not JSON: ${(thrown as Error).message}`,
      'Give composition_data as in ble_mesh_metadata.json.',
    );
  }
  return input(parseComposition(json));
}

function write(io: Io, raw: string, out: string, octets: Uint8Array): void {
  const file = resolve(io.cwd, out);
  if (file === resolve(io.cwd, raw)) {
    throw badInput('same-file', `--out ${out} is the application itself`, 'Name another file for the package.');
  }
  try {
    writeWholeFile(file, octets);
  } catch (thrown) {
    throw badInput(
      'cannot-write',
      `cannot write ${out}: ${(thrown as Error).message}`,
      'Check the folder and the rights.',
    );
  }
}
