import { basename, extname, resolve } from 'node:path';
import { MeshError, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  autoSecurityCounter,
  type CompositionData,
  compareVersions,
  formatVersion,
  type HashAlgorithm,
  type ImageDependency,
  type Json,
  type MadeFirmware,
  makeFirmware,
  type PackageOptions,
  packageImage,
  parseComposition,
  parseImage,
  parseSigningKey,
  SAMPLE_KEYS,
  type SigningKey,
  type Version,
  verifySignature,
  writeFirmwareArchive,
} from '@meshferry/firmware';
import { type MakeInput, readMakeInput } from '../firmware/make-input.ts';
import { badInput, ExitCode, input, Stop } from '../shell/exit.ts';
import { readInputText } from '../shell/files.ts';
import { formatSize } from '../shell/format.ts';
import type { Io } from '../shell/io.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { writeWholeFile } from '../shell/write-file.ts';

export interface MakeFlags {
  readonly imageVersion: Version;
  readonly out: string;
  readonly key?: string;
  readonly unsigned?: boolean;
  readonly hash?: HashAlgorithm;
  readonly pure?: boolean;
  readonly securityCounter?: number | 'auto';
  readonly depends?: readonly ImageDependency[];
  readonly headerSize: number;
  readonly company: number;
  readonly core: number;
  readonly composition?: string;
  readonly userData?: Uint8Array;
  readonly metadata?: Uint8Array;
  readonly fwid?: Uint8Array;
  readonly imageIndex?: number;
  readonly board?: string;
  readonly soc?: string;
}

/** `fw make RAW --image-version V --out F.zip` */
export async function fwMake(shell: Shell, [path = '']: readonly string[], flags: MakeFlags): Promise<ExitCode> {
  const kind = kindOf(flags);
  const raw = readMakeInput(shell.io, path);
  const composition = flags.composition === undefined ? undefined : readComposition(shell.io, flags.composition);
  const key = flags.key === undefined ? undefined : readSigningKey(shell.io, flags.key);
  const options = packageOptions(path, flags, composition);
  const made = withGiven(await makeOf(path, raw, flags, options, key).catch(asInputError), flags);
  const octets = octetsOf(kind, made, options);
  write(shell.io, path, flags.out, octets);
  const signedBy = signerOf(made.image, raw, flags, key);
  const [firmwareId, metadata] = [toHex(made.firmwareId), toHex(made.metadata)];
  shell.result({
    file: flags.out,
    size: octets.length,
    kind,
    image: {
      size: made.image.length,
      sha256: toHex(portableCrypto.sha256(made.image)),
      version: formatVersion(flags.imageVersion),
    },
    firmwareId,
    metadata,
    signedBy,
  });
  const rows = [
    ['wrote', `${flags.out}, ${formatSize(octets.length)}`],
    ['image', `${formatVersion(flags.imageVersion)}, ${formatSize(made.image.length)}`],
    ['firmware id', firmwareId],
    ['metadata', metadata],
    ['signed by', signerText(signedBy)],
  ];
  for (const line of alignColumns(rows)) shell.say(line);
  return ExitCode.done;
}

type Kind = 'zip' | 'archive' | 'image';

/** By the name of the file that is asked for. */
function kindOf({ out, metadata, fwid }: MakeFlags): Kind {
  const kind = /\.(tar\.gz|tgz)$/i.test(out) ? 'archive' : /\.bin$/i.test(out) ? 'image' : 'zip';
  if (kind === 'archive' || (metadata === undefined && fwid === undefined)) return kind;
  throw badInput(
    'not-an-archive',
    'metadata and Firmware ID of one’s own stand in a firmware archive only',
    'Write one: --out FILE.tar.gz.',
  );
}

function packageOptions(path: string, flags: MakeFlags, composition: CompositionData | undefined): PackageOptions {
  const { company, core, userData, imageIndex, board, soc } = flags;
  return {
    company,
    crypto: portableCrypto,
    coreType: core,
    name: basename(path, extname(path)).replace(/\.signed$/, ''),
    ...(composition === undefined ? {} : { composition }),
    ...(userData === undefined ? {} : { userData }),
    ...(imageIndex === undefined ? {} : { imageIndex }),
    ...(board === undefined ? {} : { board }),
    ...(soc === undefined ? {} : { soc }),
  };
}

async function makeOf(
  path: string,
  raw: MakeInput,
  flags: MakeFlags,
  options: PackageOptions,
  key: SigningKey | undefined,
): Promise<MadeFirmware> {
  if (raw.signed) {
    refuseSigned(path, raw, flags);
    return packageImage(raw.bytes, options);
  }
  const { imageVersion: version, headerSize, hash, pure, securityCounter, depends } = flags;
  if (flags.unsigned && key !== undefined) {
    throw badInput('bad-signing', '--unsigned is given with a --key', 'Give one of them.');
  }
  const counter = securityCounter === 'auto' ? autoSecurityCounter(version) : securityCounter;
  const headerRoom = raw.bytes.length > headerSize && raw.bytes.subarray(0, headerSize).every((octet) => octet === 0);
  return makeFirmware({
    ...options,
    payload: raw.bytes,
    version,
    headerSize,
    headerRoom,
    ...(flags.unsigned ? { key: null } : key === undefined ? {} : { key }),
    ...(hash === undefined ? {} : { hashAlgorithm: hash }),
    ...(pure ? { pure } : {}),
    ...(counter === undefined ? {} : { securityCounter: counter }),
    ...(depends === undefined ? {} : { dependencies: depends }),
    ...(raw.address === undefined
      ? {}
      : { slotAddress: headerRoom ? raw.address : Math.max(0, raw.address - headerSize) }),
  });
}

/** What is signed already cannot be changed any more. */
function refuseSigned(path: string, { bytes }: MakeInput, flags: MakeFlags): void {
  const image = parseImage(bytes);
  if (image.ok && compareVersions(image.value.version, flags.imageVersion) !== 0) {
    const versions = `of version ${formatVersion(image.value.version)}, not ${formatVersion(flags.imageVersion)}`;
    throw badInput(
      'already-an-image',
      `${path} is an MCUboot image already, ${versions}`,
      'Give its own version to pack it as it is, or the raw .bin of the build.',
    );
  }
  const { key, unsigned, hash, pure, securityCounter, depends } = flags;
  if ([key, unsigned, hash, pure, securityCounter, depends].every((option) => option === undefined)) return;
  throw badInput(
    'already-an-image',
    `${path} is an MCUboot image already: it is packed as it is, and cannot be signed again`,
    'Leave the options of the signature out, or give the raw .bin of the build.',
  );
}

function withGiven(made: MadeFirmware, { metadata, fwid }: MakeFlags): MadeFirmware {
  return { ...made, metadata: metadata ?? made.metadata, firmwareId: fwid ?? made.firmwareId };
}

function octetsOf(kind: Kind, made: MadeFirmware, { name = 'app' }: PackageOptions): Uint8Array {
  if (kind === 'archive') return writeFirmwareArchive({ imageFile: archiveName(name), ...made });
  return kind === 'image' ? made.image : made.zip;
}

/** Names in a tar have at most 100 octets. */
function archiveName(name: string): string {
  const file = `${name}.signed.bin`;
  return new TextEncoder().encode(file).length <= 100 ? file : 'app.signed.bin';
}

/** The name of the key, null for an image without a signature or by a key that is not known. */
function signerOf(image: Uint8Array, raw: MakeInput, flags: MakeFlags, key: SigningKey | undefined): string | null {
  if (!raw.signed) return flags.unsigned ? null : (key?.publicKey.name ?? 'meshferry-demo');
  const parsed = parseImage(image);
  return parsed.ok ? (verifySignature(parsed.value, SAMPLE_KEYS).key?.name ?? null) : null;
}

function signerText(signedBy: string | null): string {
  if (signedBy === null) return 'nobody we know: see "meshferry fw inspect"';
  const everybodys = SAMPLE_KEYS.some(({ name }) => name === signedBy);
  if (signedBy === 'meshferry-demo') return 'the demo key: everybody has it, never for a product (--key for your own)';
  return everybodys ? `the sample key ${signedBy}: everybody has it, never for a product` : signedBy;
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
  return input(parseComposition(insideMetadata(json)));
}

/** A whole `ble_mesh_metadata.json` will do: the composition stands in it. */
function insideMetadata(json: Json): Json {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  return isObject ? (json.composition_data ?? json) : json;
}

/** What cannot be made of the input is an error of the input. */
function asInputError(thrown: unknown): never {
  throw thrown instanceof MeshError ? new Stop(ExitCode.usage, thrown) : thrown;
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
