import type { AppIndex, NetIndex } from '@meshferry/core';
import type { FeatureName } from './features.ts';
import type { KeyRefreshPhase } from './key-records.ts';

/** What has changed in the states that all nodes of a network share, or in the keys and features of this one. */
export type NetworkChange =
  | {
      readonly type: 'iv-index';
      /** The current IV Index, 32 bits, and the IV Update Flag, as beacons carry them. */
      readonly ivIndex: number;
      readonly updating: boolean;
      /** This node began or ended an update by itself; it heard of it; IV Index Recovery [Mesh Protocol 1.1, 3.11.6]. */
      readonly cause: 'own' | 'heard' | 'recovery';
    }
  | { readonly type: 'key-refresh'; readonly netIndex: NetIndex; readonly phase: KeyRefreshPhase }
  | { readonly type: 'net-key-added' | 'net-key-removed'; readonly netIndex: NetIndex }
  | { readonly type: 'feature'; readonly feature: FeatureName; readonly inUse: boolean }
  | { readonly type: 'app-key-added' | 'app-key-removed'; readonly appIndex: AppIndex; readonly netIndex: NetIndex };

/** What Secure Network beacons, Mesh Private beacons and Friend Updates tell of a subnet. */
export interface NetworkState {
  /** Key Refresh Flag: Phase 2. */
  readonly keyRefresh: boolean;
  /** IV Update Flag: IV Update in Progress. */
  readonly ivUpdate: boolean;
  /** The current IV Index, 32 bits (the new one while an update is in progress). */
  readonly ivIndex: number;
}

/** Flags octet of beacons and Friend Update: bit 0 Key Refresh, bit 1 IV Update. */
export function encodeFlags({ keyRefresh, ivUpdate }: NetworkState): number {
  return (keyRefresh ? 1 : 0) | (ivUpdate ? 2 : 0);
}

/** The reverse of {@link encodeFlags}; the other bits are ignored. */
export function decodeFlags(flags: number): Pick<NetworkState, 'keyRefresh' | 'ivUpdate'> {
  return { keyRefresh: (flags & 1) === 1, ivUpdate: (flags & 2) === 2 };
}
