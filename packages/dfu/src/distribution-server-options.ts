import type { BlobServer } from '@meshferry/blob';
import type { Clock, Log, Random, Store, Unicast } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { OobRetriever } from './distribution-oob.ts';
import type { SlotStore } from './slot-store.ts';
import type { FirmwareUpdateClient } from './update-client.ts';

/** What a `FirmwareDistributionServer` stands on. */
export interface FirmwareDistributionServerOptions {
  readonly clock: Clock;
  /** Cryptographic: BLOB IDs come from it. */
  readonly random: Random;
  readonly crypto: CryptoProvider;
  /** A view of its own. What a message changes is durable before it is answered. */
  readonly store: Store;
  /** The BLOB Transfer Server of the same element, for uploads. It serves this server alone. */
  readonly blob: BlobServer;
  /** The Firmware Update Client of this node, by which it updates the receivers. */
  readonly updates: FirmwareUpdateClient;
  readonly slots: SlotStore;
  readonly log?: Log;
  /** 1 to 65 535. Default 1024. */
  readonly maxReceivers?: number;
  /** After power-on: go on with a transfer that was active instead of waiting in Transfer Suspended. Default false. */
  readonly resumeAtStart?: boolean;
  /** Whether an address is an element of this node, which is then updated last. Default: only the server's own is. */
  readonly isSelf?: (address: Unicast) => boolean;
  /** For uploads that this node fetches by itself. Default: URI Not Supported is the answer. */
  readonly oob?: OobRetriever;
  /** How BLOBs are sent, see `BlobTransferParameters`. */
  readonly settings?: 'auto' | 'stock';
}
