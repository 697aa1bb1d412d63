import type { CryptoProvider } from '@meshferry/crypto';
import type { McubootImage } from './image.ts';
import type { IntelHex } from './intel-hex.ts';
import type { Json } from './json.ts';
import type { ImageTarget } from './manifest.ts';
import type { MeshMetadata } from './mesh-metadata.ts';
import type { PublicKey } from './public-key.ts';
import type { SignatureState } from './signature.ts';
import type { ZipEntry } from './zip-directory.ts';

/** An image of a package: parsed, its hash and signature checked. */
export interface FirmwareImage {
  /** Name of the ZIP entry, null for an image that came alone. */
  readonly file: string | null;
  readonly target: ImageTarget;
  /** The whole file: what is uploaded, or sent as the BLOB. */
  readonly bytes: Uint8Array;
  /** Octets of {@link bytes}, and their SHA-256. */
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly image: McubootImage;
  /** False only for an encrypted image: a wrong hash is an error. */
  readonly hashVerified: boolean;
  readonly signature: SignatureState;
  /** The mesh metadata that describe this image, or null. */
  readonly mesh: MeshMetadata | null;
}

/** A file with firmware: an update package, a Firmware Archive, one MCUboot image, or an Intel HEX. */
export interface FirmwarePackage {
  /** By content, not by name. `archive`: a Firmware Archive (gzip of a tar). `unsigned`: an application without MCUboot header (only with `acceptUnsigned`). */
  readonly kind: 'zip' | 'archive' | 'image' | 'hex' | 'unsigned';
  /** Octets of the file and their SHA-256. */
  readonly size: number;
  readonly sha256: Uint8Array;
  /** In the order of the manifest; send them by image number ascending. */
  readonly images: readonly FirmwareImage[];
  /** ZIP only: its entries, `manifest.json` as found, and whether there is one build for each slot. */
  readonly entries: readonly ZipEntry[];
  readonly manifest: Json | null;
  readonly directXip: boolean;
  /**
   * ZIP: `ble_mesh_metadata.json` (of several those of the application core); archive: its encoded metadata and Firmware ID, all
   * else null. Null when there is none, or when nobody said which of several is meant.
   */
  readonly mesh: MeshMetadata | null;
  /** HEX only: its contents, and where its image lies. */
  readonly hex: IntelHex | null;
  readonly hexAddress: number | null;
  /** Where the package contradicts itself; not empty means that nobody should send it without thinking. */
  readonly inconsistencies: readonly Inconsistency[];
  /** Everything a user should know: the messages of all {@link inconsistencies} first, then the rest. */
  readonly warnings: readonly string[];
}

/** How {@link readFirmwarePackage} reads. */
export interface ReadOptions {
  /** For the composition hash. */
  readonly crypto: CryptoProvider;
  /** Keys that images may be signed with, beside the sample keys. */
  readonly publicKeys?: readonly PublicKey[];
  /** Whether every image must be signed by one of `publicKeys`. Default: when there are any. */
  readonly requireSignature?: boolean;
  /** Where a bare image goes. Default: image 0, slot 1. */
  readonly target?: ImageTarget;
  /** Which image of a HEX with several is meant. */
  readonly hexAddress?: number;
  /** Which metadata file of a package with several is meant, where they do not tell by the sizes of the images. */
  readonly metadataFile?: string;
  /** Describe an application without MCUboot header (no images) instead of refusing it: to inspect, never to send. */
  readonly acceptUnsigned?: boolean;
}

/** Two statements of a package that cannot both be true. */
export interface Inconsistency {
  readonly code: InconsistencyCode;
  readonly message: string;
}

/** What contradicts what: `manifest-version` the manifest and the image header, `metadata-…` the encoded metadata and the rest. */
export type InconsistencyCode =
  | 'manifest-version'
  | 'metadata-version'
  | 'metadata-size'
  | 'metadata-core-type'
  | 'metadata-composition-hash'
  | 'metadata-elements'
  | 'metadata-ambiguous'
  | 'firmware-id'
  | 'dependency';
