import { MeshError, toHex, utf8 } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { CompositionData } from './composition.ts';
import { encodeFirmwareId } from './firmware-id.ts';
import { buildImage } from './image-writer.ts';
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

/** What {@link makeFirmware} makes a package of. */
export interface MakeOptions {
  /** The raw application. */
  readonly payload: Uint8Array;
  readonly version: Version;
  readonly company: number;
  readonly crypto: CryptoProvider;
  /** Default: the demo key that everybody has. */
  readonly key?: SigningKey;
  /** Default: application core. */
  readonly coreType?: number;
  /** Default: a Target node of one element, as the SDK's sample. */
  readonly composition?: CompositionData;
  /** Default 512. */
  readonly headerSize?: number;
  /** The payload already starts with this many zero octets for the header, as Zephyr's unsigned .bin. Default false. */
  readonly headerRoom?: boolean;
  /** What the file in the package is called, without `.signed.bin`. Default `app`. */
  readonly name?: string;
  readonly board?: string;
  readonly soc?: string;
  /** Where slot 0 starts in flash. Default 0xC000. */
  readonly slotAddress?: number;
  /** Unix seconds for `time`, `modtime` and the ZIP; the same number gives the same package. Default 0. */
  readonly time?: number;
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
 * Makes a `dfu_application.zip` of a raw application: MCUboot header, hash, ECDSA P-256 signature, mesh metadata and
 * manifest [spec: firmware-packages section 6]. The same input gives the same octets. Rejects with `empty-file`,
 * `no-header-room`, and the errors of {@link buildMetadata}.
 */
export async function makeFirmware(options: MakeOptions): Promise<MadeFirmware> {
  const { version, company, crypto, headerSize = 512, coreType = CoreType.application, time = 0 } = options;
  const composition = options.composition ?? sampleComposition(company);
  const file = `${options.name ?? 'app'}.signed.bin`;
  const image = buildImage({
    payload: applicationOf(options, headerSize),
    version,
    headerSize,
    key: options.key ?? demoSigningKey(),
  });
  const built = buildMetadata({ version, size: image.length, company, coreType, composition }, crypto);
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
  const manifest = {
    'format-version': 1,
    time,
    files: [
      {
        type: 'application',
        board: options.board ?? 'unknown',
        soc: options.soc ?? 'unknown',
        load_address: (options.slotAddress ?? 0xc000) + headerSize,
        image_index: '0',
        slot_index_primary: '1',
        slot_index_secondary: '2',
        version_MCUBOOT: formatVersion(version),
        size: image.length,
        file,
        modtime: time,
      },
    ],
    name: options.name ?? 'app',
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
