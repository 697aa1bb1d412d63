import { concat, fail, MeshError, ok, type Result } from '@meshferry/core';
import { encodeVersion, readVersion, type Version } from './version.ts';

/** Bits of the core type octet; the others are reserved [spec: firmware-metadata section 1]. */
export const CoreType = { application: 1, network: 2, blob: 4 } as const;

/** Firmware metadata in the form of Zephyr and the nRF Connect SDK [spec: firmware-metadata section 1]. */
export interface FirmwareMetadata {
  readonly version: Version;
  /** Octets of the whole image file, up to 16 777 215. */
  readonly size: number;
  /** One octet, bits as in {@link CoreType}. */
  readonly coreType: number;
  /** Hash of the Composition Data after the update, 32 bits; there if and only if the application bit is set. */
  readonly compositionHash?: number;
  /** Number of elements after the update; there if and only if the application bit is set. */
  readonly elementCount?: number;
  /** What follows; may be empty. */
  readonly userData: Uint8Array;
}

/** Metadata is at most 255 octets: it travels in one field of the BLOB and update messages. */
export const MAX_METADATA_LENGTH = 255;

const FIXED_LENGTH = 12;
const APPLICATION_LENGTH = 18;

/** Little-endian octets of `metadata`; throws `bad-metadata` for a value out of range or 255 octets exceeded. */
export function encodeFirmwareMetadata(metadata: FirmwareMetadata): Uint8Array {
  const { size, coreType, compositionHash, elementCount, userData } = metadata;
  requireUint('size', size, 0xff_ffff);
  requireUint('coreType', coreType, 0xff);
  const application = (coreType & CoreType.application) !== 0;
  const fixed = new Uint8Array(application ? APPLICATION_LENGTH : FIXED_LENGTH);
  const view = new DataView(fixed.buffer);
  fixed.set(encodeVersion(metadata.version));
  view.setUint16(8, size & 0xffff, true);
  view.setUint8(10, size >>> 16);
  view.setUint8(11, coreType);
  if (application) {
    requireUint('compositionHash', compositionHash, 0xffff_ffff);
    requireUint('elementCount', elementCount, 0xffff);
    view.setUint32(12, compositionHash as number, true);
    view.setUint16(16, elementCount as number, true);
  } else if (compositionHash !== undefined || elementCount !== undefined) {
    throw bad(`coreType ${coreType} has no application bit, so compositionHash and elementCount must be left out`);
  }
  const bytes = concat(fixed, userData);
  if (bytes.length > MAX_METADATA_LENGTH) throw bad(`${bytes.length} octets, more than ${MAX_METADATA_LENGTH}`);
  return bytes;
}

/** Reads metadata; fails with `bad-metadata` when it is shorter than its core type says or longer than 255 octets. */
export function decodeFirmwareMetadata(bytes: Uint8Array): Result<FirmwareMetadata, MeshError> {
  if (bytes.length > MAX_METADATA_LENGTH) return fail(bad(`${bytes.length} octets, more than ${MAX_METADATA_LENGTH}`));
  if (bytes.length < FIXED_LENGTH) return fail(bad(`${bytes.length} octets, less than ${FIXED_LENGTH}`));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = readVersion(bytes, 0);
  const size = view.getUint16(8, true) | (view.getUint8(10) << 16);
  const coreType = view.getUint8(11);
  if ((coreType & CoreType.application) === 0) {
    return ok({ version, size, coreType, userData: bytes.slice(FIXED_LENGTH) });
  }
  if (bytes.length < APPLICATION_LENGTH) {
    return fail(
      bad(`${bytes.length} octets, less than ${APPLICATION_LENGTH} although coreType ${coreType} asks for them`),
    );
  }
  return ok({
    version,
    size,
    coreType,
    compositionHash: view.getUint32(12, true),
    elementCount: view.getUint16(16, true),
    userData: bytes.slice(APPLICATION_LENGTH),
  });
}

/** Core type from what a person types: `app`, `net`, `blob` (joined by `+`) or a number; fails with `bad-core-type`. */
export function parseCoreType(text: string): Result<number, MeshError> {
  const names: Record<string, number> = { app: CoreType.application, net: CoreType.network, blob: CoreType.blob };
  let coreType = 0;
  for (const part of text.split('+')) {
    const value = names[part] ?? (/^(0x[0-9a-f]+|\d+)$/i.test(part) ? Number(part) : -1);
    if (value < 0 || value > 0xff) {
      return fail(
        new MeshError('bad-core-type', `not a core type: "${text.slice(0, 40)}"`, {
          hint: 'Give app, net, blob, a sum such as app+net, or a number up to 255.',
        }),
      );
    }
    coreType |= value;
  }
  return ok(coreType);
}

function requireUint(field: string, value: number | undefined, max: number): void {
  if (value === undefined || !Number.isInteger(value) || value < 0 || value > max) {
    throw bad(`${field} is ${value}, not an integer from 0 to ${max}`);
  }
}

function bad(what: string): MeshError {
  return new MeshError('bad-metadata', `firmware metadata: ${what}`, {
    hint: 'This is the metadata format of Zephyr and the nRF Connect SDK; other vendors use other forms.',
  });
}
