import { type Dirent, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { equal, type MeshError, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  compareVersions,
  readFirmwarePackage,
  readVersion,
  type Version,
  writeFirmwareArchive,
} from '@meshferry/firmware';
import { badInput, Stop } from '../shell/exit.ts';
import { readInputFile } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';

/** A firmware that a server can hand out. */
export interface Release {
  /** Where it was found, below the folder. */
  readonly file: string;
  /** Part of the Update URI: empty for files in the folder itself, else the subfolder. */
  readonly product: string;
  readonly firmwareId: Uint8Array;
  readonly version: Version;
  readonly imageSize: number;
  /** The Firmware Archive, as it is sent. */
  readonly archive: Uint8Array;
}

/** The releases of a folder, and why its other files are none. */
export interface Releases {
  readonly releases: readonly Release[];
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/** More than that is no folder of releases. */
const MOST_FILES = 256;
const MOST_OCTETS = 512 * 1024 * 1024;

/** Reads the packages of a folder and, as products of their own, of its subfolders; exit code 2 for a folder that is none. */
export async function readReleases(io: Io, folder: string): Promise<Releases> {
  const releases: Release[] = [];
  const skipped: { file: string; reason: string }[] = [];
  let octets = 0;
  for (const { file, product } of packageFiles(folder)) {
    try {
      const release = await readRelease(io, folder, file, product);
      octets += release.archive.length;
      if (octets > MOST_OCTETS) break;
      const twin = releases.find((other) => other.product === product && equal(other.firmwareId, release.firmwareId));
      if (twin === undefined) releases.push(release);
      else skipped.push({ file, reason: `it is the same Firmware ID as ${twin.file}: ${toHex(release.firmwareId)}` });
    } catch (thrown) {
      if (!(thrown instanceof Stop)) throw thrown;
      skipped.push({ file, reason: thrown.error.message });
    }
  }
  if (octets > MOST_OCTETS) throw tooMuch(folder, `more than ${MOST_OCTETS} octets of firmware`);
  return { releases, skipped };
}

/** The newest release of a product for a device with the Firmware ID `current`; undefined when it is not older. */
export function newestFor(releases: readonly Release[], product: string, current: Uint8Array): Release | undefined {
  if (current.length !== 10) return undefined;
  const company = current.subarray(0, 2);
  let newest: Release | undefined;
  let best = readVersion(current, 2);
  for (const release of releases) {
    if (release.product !== product || !equal(release.firmwareId.subarray(0, 2), company)) continue;
    if (compareVersions(release.version, best) <= 0) continue;
    newest = release;
    best = release.version;
  }
  return newest;
}

async function readRelease(io: Io, folder: string, file: string, product: string): Promise<Release> {
  const read = await readFirmwarePackage(readInputFile(io, join(folder, file), 'firmware'), { crypto: portableCrypto });
  if (!read.ok) throw notServed(read.error);
  const { mesh, images, inconsistencies } = read.value;
  const [contradiction] = inconsistencies;
  if (contradiction !== undefined) throw refuse(`it contradicts itself: ${contradiction.message}`);
  const firmwareId = mesh?.firmwareId;
  if (mesh === null || firmwareId?.length !== 10)
    throw refuse('it has no mesh metadata with a Firmware ID of ten octets');
  const image = images.find(({ size }) => size === mesh.metadata.size) ?? images[0]!;
  const parts = { imageFile: archiveName(image.file), image: image.bytes };
  return {
    file,
    product,
    firmwareId,
    version: readVersion(firmwareId, 2),
    imageSize: image.size,
    archive: writeFirmwareArchive({ ...parts, metadata: mesh.encoded, firmwareId }),
  };
}

/** Names in a package are free, those in an archive are not. */
function archiveName(file: string | null): string {
  const name = basename(file ?? '');
  return /^[\w. -]{1,100}$/.test(name) && !['metadata.bin', 'manifest.json', '.', '..'].includes(name)
    ? name
    : 'firmware.bin';
}

function packageFiles(folder: string): { file: string; product: string }[] {
  const files = listFolder(folder).flatMap((entry) => {
    if (isFile(folder, entry)) return [{ file: entry.name, product: '' }];
    if (!entry.isDirectory()) return [];
    const inside = join(folder, entry.name);
    const below = listFolder(inside).filter((candidate) => isFile(inside, candidate));
    return below.map(({ name }) => ({ file: join(entry.name, name), product: entry.name }));
  });
  if (files.length > MOST_FILES) throw tooMuch(folder, `${files.length} files`);
  return files;
}

/** A file, or a link to one: people link the newest build here. */
function isFile(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Without hidden files, in the order of their names. */
function listFolder(folder: string): Dirent[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (thrown) {
    throw badInput(
      'bad-folder',
      `${folder} cannot be read: ${(thrown as Error).message}`,
      'Name a folder with packages.',
    );
  }
}

function notServed(error: MeshError): Stop {
  return refuse(error.message);
}

function refuse(reason: string): Stop {
  return badInput('not-a-release', reason, 'Serve packages with mesh metadata: meshferry fw make.');
}

function tooMuch(folder: string, what: string): Stop {
  return badInput(
    'folder-too-large',
    `${folder} holds ${what}`,
    'Name a folder that holds the packages to serve alone.',
  );
}
