import { type AppIndex, equal, MeshError, type NetIndex } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { type AppKeyMaterial, appKeyMaterial, NetKeyMaterial } from './key-material.ts';
import type { AppKeyState, KeyRefreshPhase, NetKeyState } from './key-records.ts';
import { type KeyRefreshEvent, nextPhase } from './key-refresh.ts';
import { type Keys, valuesOf } from './keys.ts';
import type { NetworkChange } from './network-change.ts';
import type { InitialAppKey, InitialNetKey } from './options.ts';

/**
 * NetKeys and AppKeys of a node: added, removed and renewed at run time as a Configuration Server does it
 * [Mesh Protocol 1.1, 3.11.4, 4.4.1.2]. All of it is durable: a node made anew on the same store has its keys and goes on
 * in the same Key Refresh Phase. Errors are thrown as `MeshError`; the code says which, nothing has changed then.
 */
export class KeyManager {
  readonly #provider: CryptoProvider;
  readonly #keys: Keys;
  readonly #changed: (change: NetworkChange) => void;

  /** `changed` is told after each change. */
  constructor(provider: CryptoProvider, keys: Keys, changed: (change: NetworkChange) => void) {
    this.#provider = provider;
    this.#keys = keys;
    this.#changed = changed;
  }

  /** NetKey Indexes, in the order in which they were added. */
  get netIndexes(): NetIndex[] {
    return this.#keys.netIndexes;
  }

  /** AppKey Indexes, of one subnet or of all. */
  appIndexes(netIndex?: NetIndex): AppIndex[] {
    const { appIndexes } = this.#keys;
    return netIndex === undefined ? appIndexes : appIndexes.filter((index) => this.netIndexOf(index) === netIndex);
  }

  /** The subnet that an AppKey is bound to, or undefined when the key is not here. */
  netIndexOf(appIndex: AppIndex): NetIndex | undefined {
    return this.#keys.appKeyState(appIndex)?.current.netIndex;
  }

  /** The Key Refresh Phase of a subnet, or undefined when its NetKey is not here. */
  phase(netIndex: NetIndex): KeyRefreshPhase | undefined {
    return this.#keys.netKeyState(netIndex)?.phase;
  }

  /** Whether `key` is a value of the NetKey, in a Key Refresh the old or the new one. */
  isNetKey(netIndex: NetIndex, key: Uint8Array): boolean {
    const state = this.#keys.netKeyState(netIndex);
    return state !== undefined && hasValue(state, key);
  }

  /**
   * The keys of a node that has none yet: all of them durably, or none. Throws `bad-key-index`, `bad-key-length`,
   * `unknown-net-key` for an AppKey of another subnet, `store-failed`.
   */
  begin(netKeys: readonly InitialNetKey[], appKeys: readonly InitialAppKey[]): void {
    const subnets = new Map<NetIndex, NetKeyState>();
    for (const { index, key, keyRefresh } of netKeys) {
      checkIndex('NetKey Index', index);
      subnets.set(index, { phase: keyRefresh ? 2 : 0, current: new NetKeyMaterial(this.#provider, index, key) });
    }
    const applications = new Map<AppIndex, AppKeyState>();
    for (const { index, netIndex, key } of appKeys) {
      checkIndex('AppKey Index', index);
      if (!subnets.has(netIndex))
        throw new MeshError('unknown-net-key', `AppKey ${index} is bound to NetKey ${netIndex}, which is not here`, {
          hint: 'Give its NetKey, too.',
        });
      applications.set(index, { current: appKeyMaterial(this.#provider, index, netIndex, key) });
    }
    this.#keys.commit({ netKeys: subnets, appKeys: applications });
    for (const netIndex of subnets.keys()) this.#changed({ type: 'net-key-added', netIndex });
    for (const { index, netIndex } of appKeys) this.#changed({ type: 'app-key-added', appIndex: index, netIndex });
  }

  /**
   * Adds a NetKey; the same once more is harmless. `keyRefresh`: the node joins in the course of a Key Refresh and has
   * the new key only: it is in Phase 2. Throws `bad-key-index`, `bad-key-length`, `key-exists`, `store-failed`.
   */
  addNetKey(index: NetIndex, key: Uint8Array, { keyRefresh = false }: { readonly keyRefresh?: boolean } = {}): void {
    checkIndex('NetKey Index', index);
    const known = this.#keys.netKeyState(index);
    if (known !== undefined) {
      if (hasValue(known, key)) return;
      throw keyExists('NetKey', index);
    }
    const state: NetKeyState = { phase: keyRefresh ? 2 : 0, current: new NetKeyMaterial(this.#provider, index, key) };
    this.#keys.commit({ netKeys: new Map([[index, state]]) });
    this.#changed({ type: 'net-key-added', netIndex: index });
  }

  /**
   * Gives a NetKey its new value: Key Refresh Phase 1. The same new value once more is harmless. Throws
   * `unknown-net-key`, `bad-key-length`, `key-exists` (it is the value in use), `cannot-update` (a Key Refresh with
   * another value is under way), `store-failed`.
   */
  updateNetKey(index: NetIndex, key: Uint8Array): void {
    const state = this.#netKeyState(index);
    if (state.phase === 1 && state.next !== undefined && equal(state.next.key, key)) return;
    const phase = nextPhase(state.phase, 'new-value');
    if (phase === undefined) throw cannotUpdate('NetKey', index, 'a Key Refresh is under way');
    if (equal(state.current.key, key)) throw keyExists('NetKey', index);
    const next = new NetKeyMaterial(this.#provider, index, key);
    this.#enter(index, { ...state, phase, next });
  }

  /** Removes a NetKey and the AppKeys bound to it. Throws `store-failed`. */
  removeNetKey(index: NetIndex): void {
    if (this.phase(index) === undefined) return;
    const bound = this.appIndexes(index);
    this.#keys.commit({
      netKeys: new Map([[index, undefined]]),
      appKeys: new Map(bound.map((appIndex) => [appIndex, undefined])),
    });
    for (const appIndex of bound) this.#changed({ type: 'app-key-removed', appIndex, netIndex: index });
    this.#changed({ type: 'net-key-removed', netIndex: index });
  }

  /**
   * Moves a subnet to Key Refresh Phase 2 (`transition` 2: the new keys are used) or back to 0 (`transition` 3: the old
   * keys are revoked); gives the phase then. Throws `unknown-net-key`, `bad-transition`, `store-failed`.
   */
  setPhase(netIndex: NetIndex, transition: 2 | 3): KeyRefreshPhase {
    const { phase } = this.#netKeyState(netIndex);
    const next = this.refresh(netIndex, transition === 2 ? 'transition-2' : 'transition-3');
    if (next !== undefined) return next;
    throw new MeshError('bad-transition', `Transition ${transition} in Key Refresh Phase ${phase}`, {
      hint: 'Phase 2 follows Phase 1: update the NetKey first.',
    });
  }

  /**
   * Lets something happen to the Key Refresh of a subnet; the phase then, or undefined (and no change) when that is
   * prohibited in its phase or the key is not here. Throws `store-failed`.
   */
  refresh(netIndex: NetIndex, event: Exclude<KeyRefreshEvent, 'new-value'>): KeyRefreshPhase | undefined {
    const state = this.#keys.netKeyState(netIndex);
    const phase = state === undefined ? undefined : nextPhase(state.phase, event);
    if (state === undefined || phase === undefined) return undefined;
    if (phase !== state.phase) this.#enter(netIndex, { ...state, phase });
    return phase;
  }

  /**
   * Adds an AppKey bound to a NetKey; the same once more is harmless. Throws `bad-key-index`, `bad-key-length`,
   * `unknown-net-key`, `key-exists`, `invalid-binding` (it is bound to another NetKey), `store-failed`.
   */
  addAppKey(index: AppIndex, netIndex: NetIndex, key: Uint8Array): void {
    checkIndex('AppKey Index', index);
    this.#netKeyState(netIndex);
    const known = this.#keys.appKeyState(index);
    if (known !== undefined) {
      checkBinding(known, index, netIndex);
      if (hasValue(known, key)) return;
      throw keyExists('AppKey', index);
    }
    const state = { current: appKeyMaterial(this.#provider, index, netIndex, key) };
    this.#keys.commit({ appKeys: new Map([[index, state]]) });
    this.#changed({ type: 'app-key-added', appIndex: index, netIndex });
  }

  /**
   * Gives an AppKey its new value, in Key Refresh Phase 1 of its subnet; the same new value once more is harmless. Throws
   * `unknown-net-key`, `unknown-app-key`, `invalid-binding`, `cannot-update` (other phase), `key-exists` (it has
   * another new value), `bad-key-length`, `store-failed`.
   */
  updateAppKey(index: AppIndex, netIndex: NetIndex, key: Uint8Array): void {
    const { phase } = this.#netKeyState(netIndex);
    const state = this.#keys.appKeyState(index);
    if (state === undefined) {
      throw new MeshError('unknown-app-key', `AppKey ${index} is not here`, { hint: 'Add the AppKey first.' });
    }
    checkBinding(state, index, netIndex);
    if (phase !== 1) throw cannotUpdate('AppKey', index, `its subnet is in Key Refresh Phase ${phase}, not 1`);
    if (state.next !== undefined) {
      if (equal(state.next.key, key)) return;
      throw keyExists('AppKey', index);
    }
    const next = appKeyMaterial(this.#provider, index, netIndex, key);
    this.#keys.commit({ appKeys: new Map([[index, { ...state, next }]]) });
  }

  /** Throws `store-failed`. */
  removeAppKey(index: AppIndex): void {
    const netIndex = this.netIndexOf(index);
    if (netIndex === undefined) return;
    this.#keys.commit({ appKeys: new Map([[index, undefined]]) });
    this.#changed({ type: 'app-key-removed', appIndex: index, netIndex });
  }

  /** Phase 0 has no old keys: they are revoked with the step, those of AppKeys that got a new value as well. */
  #enter(netIndex: NetIndex, state: NetKeyState): void {
    if (state.phase !== 0) this.#keys.commit({ netKeys: new Map([[netIndex, state]]) });
    else {
      const appKeys = new Map<AppIndex, AppKeyState>();
      for (const appIndex of this.appIndexes(netIndex)) {
        const next = this.#keys.appKeyState(appIndex)?.next;
        if (next !== undefined) appKeys.set(appIndex, { current: next });
      }
      const netKeys = new Map([[netIndex, { phase: state.phase, current: state.next ?? state.current }]]);
      this.#keys.commit({ netKeys, appKeys });
    }
    this.#changed({ type: 'key-refresh', netIndex, phase: state.phase });
  }

  #netKeyState(netIndex: NetIndex): NetKeyState {
    const state = this.#keys.netKeyState(netIndex);
    if (state !== undefined) return state;
    throw new MeshError('unknown-net-key', `NetKey ${netIndex} is not here`, { hint: 'Add the NetKey first.' });
  }
}

function hasValue(
  state: { readonly current: NetKeyMaterial | AppKeyMaterial; readonly next?: NetKeyMaterial | AppKeyMaterial },
  key: Uint8Array,
): boolean {
  return valuesOf(state).some((value) => equal(value.key, key));
}

function checkBinding({ current }: AppKeyState, index: AppIndex, netIndex: NetIndex): void {
  if (current.netIndex === netIndex) return;
  throw new MeshError('invalid-binding', `AppKey ${index} is bound to NetKey ${current.netIndex}, not ${netIndex}`, {
    hint: 'Remove the AppKey first, or give the NetKey Index that it is bound to.',
  });
}

function keyExists(kind: string, index: number): MeshError {
  return new MeshError('key-exists', `${kind} ${index} is here already, with another value or as this very one`, {
    hint: 'Remove it first, or give the new one another index.',
  });
}

function cannotUpdate(kind: string, index: number, why: string): MeshError {
  return new MeshError('cannot-update', `${kind} ${index} cannot get a new value: ${why}`, {
    hint: 'End the Key Refresh under way, or update the NetKey of the subnet first.',
  });
}

function checkIndex(field: string, index: number): void {
  if (Number.isInteger(index) && index >= 0 && index <= 0xfff) return;
  throw new MeshError('bad-key-index', `${field} ${index} is not from 0 to 4095`, {
    hint: 'Key indexes have 12 bits.',
  });
}
