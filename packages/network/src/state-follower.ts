import { type Log, toMeshError } from '@meshferry/core';
import type { IvUpdate } from './iv-update.ts';
import type { KeyManager } from './key-manager.ts';
import type { NetKeyMaterial } from './key-material.ts';
import type { Keys } from './keys.ts';
import type { NetworkState } from './network-change.ts';

/**
 * Makes a node follow what authentic beacons and Friend Updates tell of its subnets: Key Refresh Phase, IV Index
 * [Mesh Protocol 1.1, 3.10.3, 3.11.4, 3.11.5].
 */
export class StateFollower {
  readonly #keys: Keys;
  readonly #manager: KeyManager;
  readonly #ivUpdate: IvUpdate;
  readonly #log: Log;

  constructor(keys: Keys, manager: KeyManager, ivUpdate: IvUpdate, log: Log) {
    this.#keys = keys;
    this.#manager = manager;
    this.#ivUpdate = ivUpdate;
    this.#log = log;
  }

  /** `netKey`: the value of the NetKey that secured it. False when it does not count. */
  heard(netKey: NetKeyMaterial, state: NetworkState): boolean {
    const subnet = this.#keys.netKeyState(netKey.index);
    if (subnet === undefined || (netKey !== subnet.current && netKey !== subnet.next)) return false;
    const isNew = netKey === (subnet.next ?? (subnet.phase === 2 ? subnet.current : undefined));
    if (subnet.phase === 2 && !isNew) return false; // in Phase 2 only the new key counts
    if (isNew) this.#refresh(netKey, state.keyRefresh);
    // A member of the primary subnet takes the IV Index from there only [3.11.5].
    if (netKey.index === 0 || this.#keys.netKeyState(0) === undefined) this.#ivUpdate.heard(state);
    return true;
  }

  #refresh(netKey: NetKeyMaterial, flag: boolean): void {
    try {
      this.#manager.refresh(netKey.index, flag ? 'flag-1' : 'flag-0');
    } catch (thrown) {
      const code = toMeshError(thrown).code;
      this.#log('error', 'the Key Refresh Phase could not be written: it stays', { code }); // until the next beacon
    }
  }
}
