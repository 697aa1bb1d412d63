import type { Address, Cancel, Clock, Log, MeshError, Random, Store } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { AccessSend } from '@meshferry/network';

/** What the models of a node share. */
export interface ModelGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly log: Log;
  readonly crypto: CryptoProvider;
  /** Hands a message to the network layer. Throws `not-attached` before there is one. */
  transmit(message: AccessSend, done: (error?: MeshError) => void): Cancel;
  /** How long the answer to a message to `dst` waits [3.7.3.1]. */
  replyDelayMs(dst: Address): number;
  /** Some Subscription List has changed. */
  subscriptionsChanged(): void;
  /** Entries that a Subscription List can have. */
  readonly subscriptionListSize: number;
  /** Whether the node supports the Low Power feature: without it there are no friendship credentials to publish with. */
  readonly lowPower: boolean;
}
