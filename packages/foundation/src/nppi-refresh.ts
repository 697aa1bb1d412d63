import type { AccessLayer } from '@meshferry/access';
import { type Store, storeView, type Write } from '@meshferry/core';
import { addressRefreshWrites, type NetworkLayer } from '@meshferry/network';
import type { NodeRefresh } from './nppi-server.ts';

/** Where a node keeps its states: the store that holds them all, and the views that its parts have of it. */
export interface RefreshPlace {
  readonly access: AccessLayer;
  readonly network: NetworkLayer;
  readonly store: Store;
  /** Prefixes of the views of both layers, and of what else belongs to one term on the network. */
  readonly prefixes: { readonly access: string; readonly network: string; readonly others: readonly string[] };
}

/**
 * Makes a refresh of a node durable, all of it or (throws `store-failed`) nothing. After a Device Key or Composition
 * Refresh the node goes on. After an Address Refresh it must not send anything any more: what its store holds then is the
 * next term, which begins with layers made anew with the new address and device key. `also` is written with it: where the
 * node keeps its address and device key.
 */
export function commitRefresh(place: RefreshPlace, refresh: NodeRefresh, also: readonly Write[] = []): void {
  if (refresh.procedure === 'address') place.store.batch([...addressWrites(place, refresh), ...also]);
  else offerCandidate(place, refresh, also);
}

function offerCandidate(
  { access, network, store, prefixes }: RefreshPlace,
  { procedure, deviceKey }: NodeRefresh,
  also: readonly Write[],
): void {
  network.offerDeviceKey(deviceKey, (write) => {
    const writes = [...prefixed([write], prefixes.network), ...also];
    if (procedure === 'device-key') store.batch(writes);
    else access.refreshComposition((pages) => store.batch([...writes, ...prefixed(pages, prefixes.access)]));
  });
}

/** Keys, IV Index and the replay list stay; all else is at its defaults, the composition that of the software. */
function addressWrites({ access, network, store, prefixes }: RefreshPlace, { address }: NodeRefresh): Write[] {
  const own = [
    { address: access.address, elements: Math.max(network.elements, access.elementCount) },
    { address, elements: access.elementCount },
  ];
  return [
    ...prefixed(addressRefreshWrites(storeView(store, prefixes.network), own), prefixes.network),
    ...[prefixes.access, ...prefixes.others].flatMap((prefix) => store.keys(prefix).map((key): Write => [key, null])),
  ];
}

function prefixed(writes: readonly Write[], prefix: string): Write[] {
  return writes.map(([key, value]): Write => [prefix + key, value]);
}
