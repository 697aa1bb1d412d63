import { MeshError, toHex, utf8 } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { CompositionData } from './composition.ts';
import { encodeFirmwareId } from './firmware-id.ts';
import { type HashAlgorithm, type ImageDependency, parseImage } from './image.ts';
import { imageMeshError } from './image-check.ts';
import { verifyImageHash } from './image-hash.ts';
import { buildImage, dependencyTlv, securityCounterTlv } from './image-writer.ts';
import { hashComposition } from './mesh-metadata.ts';
import { CoreType, encodeFirmwareMetadata } from './metadata.ts';
import { demoSigningKey, type SigningKey } from './signing-key.ts';
import { formatVersion, type Version } from './version.ts';
import { writeZip } from './zip-writer.ts';

/** Mesh metadata of an image that comes without any. */
export interface MetadataParts {
  /** Usually that of the image header. */
  readonly version: Version;
  /** Octets of the whole image file. */
  readonly size: number;
  /** Bluetooth SIG company identifier: the first two octets of the Firmware ID. */
  readonly company: number;
  /** Bits as in `CoreType`. Default: application core. */
  readonly coreType?: number;
  /** Composition Data after the update, hashed for the application core. Without it: hash 0 and one element. */
  readonly composition?: CompositionData;
  readonly userData?: Uint8Array;
}

/** What travels beside an image: its metadata and the Firmware ID that a Target reports once it runs. */
export interface BuiltMetadata {
  readonly metadata: Uint8Array;
  readonly firmwareId: Uint8Array;
}

/**
 * Metadata and Firmware ID in Zephyr's form, for a bare .bin or .hex as much as for a package
 * [spec: firmware-metadata sections 1 and 4]. Throws `bad-metadata`, `bad-version` or `bad-company` for values out of range.
 */
export function buildMetadata(parts: MetadataParts, crypto: CryptoProvider): BuiltMetadata {
  const { version, size, company, coreType = CoreType.application, composition, userData = new Uint8Array(0) } = parts;
  const application = {
    compositionHash: composition === undefined ? 0 : hashComposition(composition, crypto).hash,
    elementCount: composition === undefined ? 1 : composition.elements.length,
  };
  const metadata = encodeFirmwareMetadata({
    version,
    size,
    coreType,
    ...((coreType & CoreType.application) === 0 ? {} : application),
    userData,
  });
  return { metadata, firmwareId: encodeFirmwareId(company, version) };
}

/** What is said of an image in a package. */
export interface PackageOptions {
  readonly company: number;
  readonly crypto: CryptoProvider;
  /** Default: application core. */
  readonly coreType?: number;
  /** Default: a Target node of one element, as the SDK's sample. */
  readonly composition?: CompositionData;
  /** Metadata behind those of the SDK. Default none. */
  readonly userData?: Uint8Array;
  /** Number of the image on the device. Default: 1 for the network core alone, else 0. */
  readonly imageIndex?: number;
  /** What the file in the package is called, without `.signed.bin`. Default `app`. */
  readonly name?: string;
  readonly board?: string;
  readonly soc?: string;
  /** Where slot 0 starts in flash. Default 0xC000. */
  readonly slotAddress?: number;
  /** Unix seconds for `time`, `modtime` and the ZIP; the same number gives the same package. Default 0. */
  readonly time?: number;
}

/** What {@link makeFirmware} makes a package of. */
export interface MakeOptions extends PackageOptions {
  /** The raw application. */
  readonly payload: Uint8Array;
  readonly version: Version;
  /** Default: the demo key that everybody has. `null`: the image holds its hash only. */
  readonly key?: SigningKey | null;
  /** Default: the usual one of the key. */
  readonly hashAlgorithm?: HashAlgorithm;
  /** Ed25519 only: signs the image itself instead of its hash. Default false. */
  readonly pure?: boolean;
  /** Default 512. */
  readonly headerSize?: number;
  /** The payload already starts with this many zero octets for the header, as Zephyr's unsigned .bin. Default false. */
  readonly headerRoom?: boolean;
  /** 32 bits; a device with a higher one refuses the image. Default none. */
  readonly securityCounter?: number;
  /** Other images that must be there. Default none. */
  readonly dependencies?: readonly ImageDependency[];
}

/** A firmware package and its parts. */
export interface MadeFirmware extends BuiltMetadata {
  /** The signed MCUboot image. */
  readonly image: Uint8Array;
  /** The `dfu_application.zip`. */
  readonly zip: Uint8Array;
  /** The JSON of `ble_mesh_metadata.json`. */
  readonly meshMetadata: object;
}

/**
 * Makes a `dfu_application.zip` of a raw application: MCUboot header, hash, signature, mesh metadata and manifest
 * [spec: firmware-packages section 6]. The same input gives the same octets. Rejects with `empty-file`, `no-header-room`,
 * the errors of {@link buildImage} and of {@link buildMetadata}.
 */
export async function makeFirmware(options: MakeOptions): Promise<MadeFirmware> {
  const { version, headerSize = 512, hashAlgorithm, pure, securityCounter, dependencies = [] } = options;
  const key = options.key === undefined ? demoSigningKey() : options.key;
  const counter = securityCounter === undefined ? [] : [securityCounterTlv(securityCounter)];
  const image = buildImage({
    payload: applicationOf(options, headerSize),
    version,
    headerSize,
    ...(key === null ? {} : { key }),
    protectedTlvs: [...counter, ...dependencies.map(dependencyTlv)],
    ...(hashAlgorithm === undefined ? {} : { hashAlgorithm }),
    ...(pure === undefined ? {} : { pure }),
  });
  return packageImage(image, options);
}

/**
 * Packs an MCUboot image as it is, with mesh metadata and manifest; the version is that of its header. The same input gives
 * the same octets. Rejects with the errors of `parseImage`, `hash-mismatch` and those of {@link buildMetadata}.
 */
export async function packageImage(image: Uint8Array, options: PackageOptions): Promise<MadeFirmware> {
  const parsed = parseImage(image);
  if (!parsed.ok) throw imageMeshError(parsed.error, null);
  const hash = verifyImageHash(parsed.value);
  if (!hash.ok) throw imageMeshError(hash.error, null);
  const { version, hdrSize } = parsed.value;
  const { company, crypto, coreType = CoreType.application, userData, name = 'app', time = 0 } = options;
  const composition = options.composition ?? sampleComposition(company);
  const parts = { version, size: image.length, company, coreType, composition };
  const built = buildMetadata({ ...parts, ...(userData === undefined ? {} : { userData }) }, crypto);
  const meshMetadata = {
    sign_version: {
      major: version.major,
      minor: version.minor,
      revision: version.revision,
      build_number: version.build,
    },
    binary_size: image.length,
    core_type: coreType,
    composition_data: composition,
    composition_hash: hashComposition(composition, crypto).hash,
    encoded_metadata: toHex(built.metadata),
    firmware_id: toHex(built.firmwareId),
  };
  const file = `${name}.signed.bin`;
  const index = options.imageIndex ?? (coreType === CoreType.network ? 1 : 0);
  const manifest = {
    'format-version': 1,
    time,
    files: [
      {
        type: 'application',
        board: options.board ?? 'unknown',
        soc: options.soc ?? 'unknown',
        load_address: (options.slotAddress ?? 0xc000) + hdrSize,
        image_index: String(index),
        slot_index_primary: String(2 * index + 1),
        slot_index_secondary: String(2 * index + 2),
        version_MCUBOOT: formatVersion(version),
        size: image.length,
        file,
        modtime: time,
      },
    ],
    name,
  };
  const zip = writeZip(
    [
      { name: file, bytes: image },
      { name: 'manifest.json', bytes: jsonFile(manifest) },
      { name: 'ble_mesh_metadata.json', bytes: jsonFile(meshMetadata) },
    ],
    time,
  );
  return { image, zip, meshMetadata, ...built };
}

/** One element with Configuration and Health Server, BLOB Transfer Server and Firmware Update Server; Relay and Proxy. */
export function sampleComposition(company: number): CompositionData {
  const element = { location: 1, sig_models: [0x0000, 0x0002, 0x1400, 0x1402], vendor_models: [] };
  return { cid: company, pid: 0, vid: 0, crpl: 10, features: 3, elements: [element] };
}

function applicationOf({ payload, headerRoom }: MakeOptions, headerSize: number): Uint8Array {
  if (payload.length === 0)
    throw new MeshError('empty-file', 'the application is empty', { hint: 'Give the raw .bin of the build.' });
  if (!headerRoom) return payload;
  if (payload.length <= headerSize || payload.subarray(0, headerSize).some((octet) => octet !== 0)) {
    throw new MeshError('no-header-room', `the application does not start with ${headerSize} zero octets`, {
      hint: 'It was built without room for a header: make it without headerRoom.',
    });
  }
  return payload.subarray(headerSize);
}

function jsonFile(json: object): Uint8Array {
  return utf8(`${JSON.stringify(json, null, 4)}\n`);
}
