import { type Cancel, MeshError, type Unsubscribe } from '@meshferry/core';
import type { AdStructure, Advertising, Heard, Sent, Transmit } from './contract.ts';

/** What {@link withTrace} tells. */
export type TraceEvent =
  | { readonly kind: 'sent'; readonly ad: AdStructure; readonly transmit: Transmit; readonly sent: Sent }
  | { readonly kind: 'failed'; readonly ad: AdStructure; readonly transmit: Transmit; readonly error: MeshError }
  | { readonly kind: 'heard'; readonly ad: Heard };

/**
 * Wraps an advertising bearer so that `listener` learns of each structure when its last transmission has left, and of
 * each one heard (once for each subscription that hears it).
 */
export function withTrace(inner: Advertising, listener: (event: TraceEvent) => void): Advertising {
  return {
    get sets(): number {
      return inner.sets;
    },
    get minIntervalMs(): number {
      return inner.minIntervalMs;
    },
    send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
      return inner.send(ad, transmit, (outcome) => {
        if (outcome instanceof MeshError) listener({ kind: 'failed', ad, transmit, error: outcome });
        else listener({ kind: 'sent', ad, transmit, sent: outcome });
        done(outcome);
      });
    },
    receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
      return inner.receive(types, (ad) => {
        listener({ kind: 'heard', ad });
        heard(ad);
      });
    },
  };
}
