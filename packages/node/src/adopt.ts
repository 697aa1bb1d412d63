import { AD_MESH_BEACON, type Advertising, type GattCentral } from '@meshferry/bearer';
import {
  type Adoption,
  type AdoptionOptions,
  adoptNetwork,
  hexNumber,
  type NetworkDocument,
  octetsOf,
  randomUuid,
  timestampText,
  touch,
} from '@meshferry/cdb';
import { type Cancel, type Clock, MeshError, type Random } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { authenticateBeacon, type NetworkState as BeaconState, decodeBeacon, NetKeyMaterial } from '@meshferry/network';
import { BARE_COMPOSITION } from './network-begin.ts';
import type { NetworkState } from './network-state.ts';
import { listenToProxies } from './proxy-beacons.ts';

/** IV Index and IV Update Flag of a network, as its beacons tell them. */
export type HeardIvIndex = Pick<BeaconState, 'ivIndex' | 'ivUpdate'>;

/** What {@link listenForIvIndex} listens with. */
export interface ListenOptions {
  readonly clock: Clock;
  readonly crypto: CryptoProvider;
  readonly advertising?: Advertising;
  /** Listens through proxies, too: they give a beacon to who connects. */
  readonly central?: GattCentral;
  /** Nodes of a subnet send a beacon every 10 s together, in the worst case every 10 min. Default 60 000 ms. */
  readonly timeoutMs?: number;
}

const LISTEN_MS = 60_000;

/**
 * Waits for a Secure Network or Mesh Private beacon of the network, of the primary subnet if its key is known
 * [Mesh Protocol 1.1, 3.10.3, 3.11.5]. The document does not have the IV Index, and who does not know it neither
 * understands the network nor is understood. `done` is called once: with what the beacon says, or with `no-beacon`.
 */
export function listenForIvIndex(
  document: NetworkDocument,
  options: ListenOptions,
  done: (outcome: HeardIvIndex | MeshError) => void,
): Cancel {
  const { clock, crypto, advertising, central, timeoutMs = LISTEN_MS } = options;
  const keys = beaconKeys(document, crypto);
  const nodes = document.nodes.map(({ unicastAddress }) => hexNumber(unicastAddress));
  const end = (outcome?: HeardIvIndex | MeshError): void => {
    for (const stop of stops.splice(0)) stop();
    timer.cancel();
    if (outcome !== undefined) done(outcome);
  };
  const receive = (octets: Uint8Array): void => {
    const beacon = decodeBeacon(octets);
    if (!beacon.ok || beacon.value.type === 'unprovisioned-device') return;
    for (const key of keys) {
      const heard = authenticateBeacon(beacon.value, key);
      if (heard === undefined) continue;
      end(heard);
      return;
    }
  };
  const stops: Cancel[] = [];
  if (advertising !== undefined) stops.push(advertising.receive([AD_MESH_BEACON], ({ data }) => receive(data)));
  if (central !== undefined) stops.push(listenToProxies({ clock, central, keys, nodes }, receive));
  const timer = clock.after(timeoutMs, () => end(noBeacon(document, timeoutMs)));
  return () => end();
}

/** New and old values of the NetKeys whose beacons count: a member of the primary subnet takes the IV Index from there. */
function beaconKeys({ netKeys }: NetworkDocument, crypto: CryptoProvider): NetKeyMaterial[] {
  const primary = netKeys.filter(({ index }) => index === 0);
  return (primary.length > 0 ? primary : netKeys).flatMap(({ index, key, oldKey }) =>
    [key, oldKey].flatMap((value) => (value === undefined ? [] : new NetKeyMaterial(crypto, index, octetsOf(value)))),
  );
}

function noBeacon({ meshName }: NetworkDocument, timeoutMs: number): MeshError {
  return new MeshError('no-beacon', `no beacon of the network "${meshName}" in ${timeoutMs / 1000} s`, {
    hint: 'Go nearer to a node that sends beacons, or listen longer; who knows the IV Index can give it.',
  });
}

/** How this process becomes a provisioner. */
export interface TakeOverOptions extends Pick<AdoptionOptions, 'avoid' | 'takeRangeFrom' | 'address' | 'sizes'> {
  /** Of the provisioner and its node. */
  readonly name: string;
  readonly iv: HeardIvIndex;
  /** The device key comes from it: must be cryptographic. */
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
}

/**
 * Makes this process a provisioner of a network that others have run so far: with a UUID, address ranges and a node of
 * its own. Its address never belonged to a node as far as the document tells, so that it may begin with sequence number 0;
 * that of another provisioner is not taken over, not even of one that is gone. Throws `already-adopted`, and what
 * `adoptNetwork` of cdb throws.
 */
export function takeOver(state: NetworkState, options: TakeOverOptions): Adoption {
  const { iv, random, wallTime, ...wishes } = options;
  if (state.own !== undefined) throw alreadyAdopted(state.document, state.own.uuid);
  const uuid = randomUuid(random.bytes(16));
  const deviceKey = random.bytes(16);
  const adoption = adoptNetwork(state.document, { ...wishes, uuid, deviceKey, composition: BARE_COMPOSITION });
  const document = touch(adoption.document, timestampText(wallTime()));
  state.adopt(document, { uuid, ivIndex: iv.ivIndex, ivUpdating: iv.ivUpdate });
  return adoption;
}

function alreadyAdopted({ provisioners }: NetworkDocument, uuid: string): MeshError {
  const name = provisioners.find(({ UUID }) => UUID === uuid)?.provisionerName ?? uuid;
  return new MeshError('already-adopted', `this process is a provisioner of the network already: "${name}"`, {
    hint: 'There is nothing to do: see "meshferry net show".',
  });
}
