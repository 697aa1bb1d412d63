import { type NetKeyEntry, type NetworkDocument, octetsOf } from '@meshferry/cdb';
import { MeshError } from '@meshferry/core';
import type { KeyManager } from '@meshferry/network';

/**
 * Brings the keys of the own node to what the document says: keys that came and went, the Key Refresh of each subnet.
 * Where the node is ahead, because it heard the end of a Key Refresh from others, it stays there. Throws `store-failed`.
 */
export function followDocument(keys: KeyManager, { netKeys, appKeys }: NetworkDocument): void {
  for (const entry of netKeys) {
    if (keys.phase(entry.index) === undefined) keys.addNetKey(entry.index, firstValue(entry), joinsIn(entry));
    if (entry.oldKey === undefined || keys.phase(entry.index) !== 0) continue;
    unlessAhead(() => keys.updateNetKey(entry.index, octetsOf(entry.key)));
  }
  for (const entry of appKeys) {
    const { index, boundNetKey } = entry;
    // Bound to another subnet it is another key.
    if (keys.netIndexOf(index) !== undefined && keys.netIndexOf(index) !== boundNetKey) keys.removeAppKey(index);
    if (keys.netIndexOf(index) === undefined) keys.addAppKey(index, boundNetKey, firstValue(entry));
    if (entry.oldKey === undefined || keys.phase(boundNetKey) !== 1) continue;
    unlessAhead(() => keys.updateAppKey(index, boundNetKey, octetsOf(entry.key)));
  }
  for (const { index, phase } of netKeys) {
    if (phase === 2 && keys.phase(index) === 1) keys.setPhase(index, 2);
    if (phase === 0 && keys.phase(index) !== 0) keys.setPhase(index, 3);
  }
  for (const index of keys.appIndexes()) if (appKeys.every((entry) => entry.index !== index)) keys.removeAppKey(index);
  for (const index of keys.netIndexes) if (netKeys.every((entry) => entry.index !== index)) keys.removeNetKey(index);
}

/** The value that a Key Refresh starts from, as far as the document knows it. */
function firstValue({ key, oldKey }: { readonly key: string; readonly oldKey?: string }): Uint8Array {
  return octetsOf(oldKey ?? key);
}

/** Who does not know the old key joins a Key Refresh that is in phase 2. */
function joinsIn({ phase, oldKey }: NetKeyEntry): { readonly keyRefresh: boolean } {
  return { keyRefresh: phase === 2 && oldKey === undefined };
}

function unlessAhead(renew: () => void): void {
  try {
    renew();
  } catch (thrown) {
    if (!(thrown instanceof MeshError && thrown.code === 'key-exists')) throw thrown;
  }
}
