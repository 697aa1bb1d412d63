import { fail, fromHex, MeshError, ok, type Result, toHex, utf8 } from '@meshferry/core';
import { gzipSync } from 'fflate';
import { ARCHIVE_LIMITS } from './archive-access.ts';
import { gunzip } from './gzip.ts';
import { type Json, members, parseJson } from './json.ts';
import { printable } from './printable.ts';
import { isPlainName, readTar, writeTar } from './tar.ts';

/** A Firmware Archive [spec: firmware-check-https section 4]. */
export interface FirmwareArchive {
  /** Name of the image file. */
  readonly imageFile: string;
  /** What goes on the air as the BLOB. */
  readonly image: Uint8Array;
  /** 0 to 255 octets; empty when the archive has none. */
  readonly metadata: Uint8Array;
  /** What a Target reports once it runs the image, in transmission order. */
  readonly firmwareId: Uint8Array;
}

/** A {@link FirmwareArchive} as it was read. */
export interface ReadArchive extends FirmwareArchive {
  /** `manifest.json` as found. */
  readonly manifest: Json;
}

/**
 * Reads a Firmware Archive (gzip of a tar), all checksums checked. Fails with `archive-damaged`, `archive-too-large`,
 * `archive-entry`, `too-many-entries`, `bad-archive-manifest`, `file-missing` or `bad-metadata`.
 */
export function readFirmwareArchive(
  bytes: Uint8Array,
  most: number = ARCHIVE_LIMITS.unpackedOctets,
): Result<ReadArchive, MeshError> {
  const unpacked = gunzip(bytes, most);
  if (!unpacked.ok) return unpacked;
  const files = readTar(unpacked.value);
  if (!files.ok) return files;
  const find = (name: string): Uint8Array | undefined => files.value.find((file) => file.name === name)?.bytes;
  const json = parseJson(find('manifest.json') ?? new Uint8Array(0));
  const firmware = members(members(members(json)?.manifest)?.firmware);
  if (json === undefined || firmware === undefined) {
    return fail(bad('has no manifest.json with the member manifest.firmware'));
  }
  const { firmware_image_file: imageFile, metadata_file: metadataFile } = firmware;
  const firmwareId = firmwareIdOf(firmware.firmware_id);
  if (typeof imageFile !== 'string' || firmwareId === undefined) {
    return fail(bad('does not say "firmware_image_file" and "firmware_id" (hex of 2 to 108 octets)'));
  }
  const image = find(imageFile);
  if (image === undefined || image.length === 0) return fail(missing(imageFile));
  if (metadataFile !== undefined && typeof metadataFile !== 'string')
    return fail(bad('has a "metadata_file" that is no name'));
  const metadata = metadataFile === undefined ? new Uint8Array(0) : find(metadataFile);
  if (metadata === undefined) return fail(missing(metadataFile ?? ''));
  if (metadata.length > 255) {
    const message = `"${printable(metadataFile ?? '')}" has ${metadata.length} octets, metadata at most 255`;
    return fail(new MeshError('bad-metadata', message, { hint: REMAKE }));
  }
  return ok({ imageFile, image, metadata, firmwareId, manifest: json });
}

/**
 * Writes a Firmware Archive; `time` (Unix seconds) goes into the tar. The same input gives the same octets. Throws
 * `bad-file-name` for an image file with a path, a name over 100 octets, or that of the manifest or metadata.
 */
export function writeFirmwareArchive(archive: FirmwareArchive, time = 0): Uint8Array {
  const { imageFile } = archive;
  const taken = ['manifest.json', 'metadata.bin'].includes(imageFile);
  if (taken || !isPlainName(imageFile) || utf8(imageFile).length > 100) {
    throw new MeshError('bad-file-name', `"${printable(imageFile)}" is no name for the image in a firmware archive`, {
      hint: 'Choose one of at most 100 octets, without a path, such as app.signed.bin.',
    });
  }
  const manifest = {
    manifest: {
      firmware: {
        firmware_image_file: imageFile,
        metadata_file: 'metadata.bin',
        firmware_id: toHex(archive.firmwareId),
      },
    },
  };
  const files = [
    { name: 'manifest.json', bytes: utf8(`${JSON.stringify(manifest)}\n`) },
    { name: 'metadata.bin', bytes: archive.metadata },
    { name: imageFile, bytes: archive.image },
  ];
  return gzipSync(writeTar(files, time), { mtime: new Date(Math.max(time, 0) * 1000) });
}

/** Octets of a Firmware ID written in hex of either case, or undefined for anything else. */
export function firmwareIdOf(json: Json | undefined): Uint8Array | undefined {
  return typeof json === 'string' && /^([0-9a-f]{2}){2,108}$/i.test(json) ? fromHex(json) : undefined;
}

const REMAKE = 'Make the archive again, or tell whoever runs the server.';

function bad(what: string): MeshError {
  return new MeshError('bad-archive-manifest', `the firmware archive ${what}`, { hint: REMAKE });
}

function missing(name: string): MeshError {
  return new MeshError(
    'file-missing',
    `the manifest names "${printable(name)}", which the firmware archive does not hold`,
    {
      hint: REMAKE,
    },
  );
}
