import type { Log, Store } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { PublicKey, Version } from '@meshferry/firmware';

/** What an accepted update does to the node: always the same, or found by comparing composition hashes (`auto`). */
export type TargetEffect = 'auto' | 'none' | 'unprovision' | 'composition' | 'composition-norpr';

/**
 * What an image is for: the core that the mesh runs on, one beside it (both MCUboot images), or a file of octets that are
 * the application's business.
 */
export type TargetCore = 'application' | 'network' | 'blob';

export interface McubootTargetOptions {
  /** A view of its own. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  /** Company Identifier of the firmware id. */
  readonly company: number;
  /** What runs while the store knows of nothing newer. */
  readonly version: Version;
  /** Octets of the slot for new images. */
  readonly slotSize: number;
  /** Of images for the application core; others change nothing. */
  readonly effect: TargetEffect;
  /** Composition Data Page 0 of this node, for `auto`. */
  readonly compositionPage0: () => Uint8Array;
  /** What its metadata must be for. Default `application`. */
  readonly core?: TargetCore;
  /** Where newer firmware is found, without "/check". Default: nobody knows. */
  readonly updateUri?: string;
  /** Signing keys; with any, an MCUboot image must be signed by one of them. */
  readonly trust?: readonly PublicKey[];
  /**
   * Whether an image that is not newer than the running one is taken. Default true. False: the version of the image must be
   * that of its metadata, too, which is what is compared.
   */
  readonly downgrade?: boolean;
  /** What runs as this MCUboot image number, for images that depend on others. Default: nothing that satisfies any. */
  readonly versionOf?: (image: number) => Version | undefined;
  /** Restarts the device: everything but the store is lost, then `boot` of the next instance runs. */
  readonly restart: () => void;
  readonly log?: Log;
}

/** What the bootloader did with the last update. */
export type BootOutcome = 'nothing' | 'swapped' | 'swapped-and-unprovisioned' | 'reverted';
