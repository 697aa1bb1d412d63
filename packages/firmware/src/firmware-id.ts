import { concat, fail, MeshError, ok, type Result } from '@meshferry/core';
import { encodeVersion, formatVersion, readVersion, type Version } from './version.ts';

/** A Firmware ID taken apart: company identifier, then octets that belong to the vendor. */
export interface FirmwareId {
  readonly companyId: number;
  /** The octets after the company identifier, 0 to 106. */
  readonly version: Uint8Array;
  /** As phones show it, `2.0.1+1234`; null when the length is not one of the known forms. */
  readonly text: string | null;
}

/** Company identifier and 8 version octets, little-endian: ten octets [spec: firmware-metadata section 4]. */
export function encodeFirmwareId(companyId: number, version: Version): Uint8Array {
  if (!Number.isInteger(companyId) || companyId < 0 || companyId > 0xffff) {
    throw new MeshError('bad-company', `company identifier ${companyId} is not an integer from 0 to 65535`, {
      hint: 'Give the Bluetooth SIG company identifier, for example 0x0059.',
    });
  }
  return concat(Uint8Array.of(companyId & 0xff, companyId >> 8), encodeVersion(version));
}

/** Takes a Firmware ID apart; fails with `bad-firmware-id` for less than 2 or more than 108 octets. */
export function decodeFirmwareId(bytes: Uint8Array): Result<FirmwareId, MeshError> {
  if (bytes.length < 2 || bytes.length > 108) {
    return fail(
      new MeshError('bad-firmware-id', `a Firmware ID has 2 to 108 octets, this one ${bytes.length}`, {
        hint: 'It starts with the company identifier, low octet first.',
      }),
    );
  }
  const version = bytes.slice(2);
  return ok({ companyId: bytes[0]! | (bytes[1]! << 8), version, text: versionText(version) });
}

/** Version octets of 8, 4, 2 or 1 as text, the build number left out when 0. */
function versionText(octets: Uint8Array): string | null {
  if (![1, 2, 4, 8].includes(octets.length)) return null;
  const padded = new Uint8Array(8);
  padded.set(octets);
  const version = readVersion(padded, 0);
  return version.build === 0 ? formatVersion(version).replace('+0', '') : formatVersion(version);
}
