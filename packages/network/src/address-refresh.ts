import type { Store, Unicast, Write } from '@meshferry/core';

/** What a node keeps in the network layer when it takes other addresses: keys, IV Index and the replay list. */
const KEPT = ['netkey/', 'appkey/', 'rpl/', 'iv'];

/**
 * What the store of a network layer holds when the node begins a new term at another address, a Node Address Refresh:
 * NetKeys, AppKeys, IV Index and the replay list are kept, but for entries of the node's own addresses; SEQ starts at 0;
 * all other states are at their defaults. To be written when nothing is sent any more; a `NetworkLayer` made anew, with
 * the new address and device key, goes on from there [Mesh Protocol 1.1, 3.11.8.5].
 */
export function addressRefreshWrites(
  store: Store,
  own: readonly { readonly address: Unicast; readonly elements: number }[],
): Write[] {
  const isOwn = (src: number): boolean =>
    own.some(({ address, elements }) => src >= address && src < address + elements);
  return store
    .keys('')
    .filter((key) => {
      if (key.startsWith('rpl/')) return isOwn(Number.parseInt(key.slice('rpl/'.length), 16));
      return !KEPT.some((kept) => (kept.endsWith('/') ? key.startsWith(kept) : key === kept));
    })
    .map((key): Write => [key, null]);
}
