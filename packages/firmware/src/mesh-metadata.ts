import { fail, fromHex, MeshError, ok, type Result } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { type CompositionData, compositionHash, encodeCompositionPage0, parseComposition } from './composition.ts';
import { encodeFirmwareId } from './firmware-id.ts';
import { type Json, members, parseJson, uintOf } from './json.ts';
import { decodeFirmwareMetadata, type FirmwareMetadata } from './metadata.ts';
import { readVersion, type Version } from './version.ts';

/** What `ble_mesh_metadata.json` says [spec: firmware-metadata section 5]. Members that are missing there are null. */
export interface MeshMetadata {
  /** As found. */
  readonly json: Json;
  /** The octets that go on the air. */
  readonly encoded: Uint8Array;
  /** {@link encoded} taken apart. */
  readonly metadata: FirmwareMetadata;
  /** `firmware_id`; in older packages built from the company of the composition and the encoded version. */
  readonly firmwareId: Uint8Array | null;
  readonly signVersion: Version | null;
  readonly binarySize: number | null;
  readonly coreType: number | null;
  /** `composition_hash`: a number, in older packages hexadecimal text. */
  readonly compositionHash: number | null;
  readonly composition: CompositionHashes | null;
}

/** The composition of a package and its hash in both byte orders [spec: firmware-metadata section 2]. */
export interface CompositionHashes {
  readonly data: CompositionData;
  /** Page 0 as a node sends it and its hash: what a Target compares. */
  readonly page0: Uint8Array;
  readonly hash: number;
  /** The same with vendor models written model id first, as the SDK's build script hashes it. */
  readonly packagerPage0: Uint8Array;
  readonly packagerHash: number;
}

/** Reads `ble_mesh_metadata.json`; fails with `bad-mesh-metadata`, `bad-metadata` or `bad-composition`. */
export function parseMeshMetadata(bytes: Uint8Array, crypto: CryptoProvider): Result<MeshMetadata, MeshError> {
  const json = parseJson(bytes);
  const object = members(json);
  if (json === undefined || object === undefined) return fail(bad('is not a JSON object'));
  const encoded = hexOf(object.encoded_metadata);
  if (encoded === null) return fail(bad('has no hexadecimal member "encoded_metadata"'));
  const metadata = decodeFirmwareMetadata(encoded);
  if (!metadata.ok) return metadata;
  let composition: CompositionHashes | null = null;
  if (object.composition_data !== undefined) {
    const data = parseComposition(object.composition_data);
    if (!data.ok) return data;
    composition = hashComposition(data.value, crypto);
  }
  const built = composition && encodeFirmwareId(composition.data.cid, readVersion(encoded, 0));
  return ok({
    json,
    encoded,
    metadata: metadata.value,
    firmwareId: hexOf(object.firmware_id) ?? built,
    signVersion: versionOf(object.sign_version),
    binarySize: uintOf(object.binary_size) ?? null,
    coreType: uintOf(object.core_type) ?? null,
    compositionHash: uintOf(object.composition_hash) ?? null,
    composition,
  });
}

/** Both forms of the composition and their hashes. */
export function hashComposition(data: CompositionData, crypto: CryptoProvider): CompositionHashes {
  const page0 = encodeCompositionPage0(data, 'wire');
  const packagerPage0 = encodeCompositionPage0(data, 'packager');
  return {
    data,
    page0,
    hash: compositionHash(page0, crypto),
    packagerPage0,
    packagerHash: compositionHash(packagerPage0, crypto),
  };
}

function versionOf(json: Json | undefined): Version | null {
  const object = members(json);
  const [major, minor, revision, build] = ['major', 'minor', 'revision', 'build_number'].map((m) =>
    uintOf(object?.[m]),
  );
  if (major === undefined || minor === undefined || revision === undefined || build === undefined) return null;
  return { major, minor, revision, build };
}

function hexOf(json: Json | undefined): Uint8Array | null {
  return typeof json === 'string' && /^([0-9a-f]{2})+$/i.test(json) ? fromHex(json) : null;
}

function bad(what: string): MeshError {
  return new MeshError('bad-mesh-metadata', `ble_mesh_metadata.json ${what}`, {
    hint: 'Build the update package again (dfu_application.zip).',
  });
}
