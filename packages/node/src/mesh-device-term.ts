import type { Store } from '@meshferry/core';
import { storeView, type Unicast } from '@meshferry/core';
import type { NodeGround, NodeKeys } from './mesh-node.ts';
import type { RemoteOptions } from './node-remote.ts';
import { PoweredClock } from './powered-clock.ts';

/** What a device got when it was provisioned, and what it stands on for as long as that lasts: options of its `MeshNode`. */
export interface Membership extends NodeGround {
  /** Of the primary element. */
  readonly address: Unicast;
  readonly keys: NodeKeys;
  readonly ivIndex: number;
  readonly ivUpdating: boolean;
  /** As in `MeshNodeOptions`: the device forgets the network. */
  readonly leave: () => void;
  /** As in `MeshNodeOptions`: the device moves to another address. */
  readonly remote: RemoteOptions;
}

/**
 * What a device is made to forget in the end: its clock rings no more, and its store takes no more writes. Something of a
 * node that is gone must not come into the state of what follows.
 */
export class Term {
  readonly clock: PoweredClock;
  readonly store: Store;
  #ended = false;

  constructor({ clock, store }: Pick<NodeGround, 'clock' | 'store'>, prefix: string) {
    this.clock = new PoweredClock(clock);
    const view = storeView(store, prefix);
    this.store = {
      get: (key) => view.get(key),
      keys: (keyPrefix) => view.keys(keyPrefix),
      close: () => view.close(),
      batch: (writes) => {
        if (!this.#ended) view.batch(writes);
      },
    };
  }

  end(): void {
    this.#ended = true;
    this.clock.cut();
  }
}
