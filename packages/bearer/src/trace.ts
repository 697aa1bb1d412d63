import { type Cancel, MeshError, type Unsubscribe } from '@meshferry/core';
import type { AdStructure, Advertising, Bearer, Heard, Sent, Transmit } from './contract.ts';
import { type GattTraceEvent, traceLink } from './gatt-trace.ts';
import { isAdvertising, wrapBearer } from './wrap-bearer.ts';

/** What {@link withTrace} tells. */
export type TraceEvent =
  | { readonly kind: 'sent'; readonly ad: AdStructure; readonly transmit: Transmit; readonly sent: Sent }
  | { readonly kind: 'failed'; readonly ad: AdStructure; readonly transmit: Transmit; readonly error: MeshError }
  | { readonly kind: 'heard'; readonly ad: Heard };

/**
 * Wraps a bearer, or its advertising alone, so that `listener` learns of each structure when its last transmission has
 * left, and of each one heard (once for each subscription that hears it); of a whole bearer also of its GATT links.
 */
export function withTrace(inner: Advertising, listener: (event: TraceEvent) => void): Advertising;
export function withTrace(inner: Bearer, listener: (event: TraceEvent | GattTraceEvent) => void): Bearer;
export function withTrace(inner: Advertising | Bearer, listener: (event: TraceEvent) => void): Advertising | Bearer {
  if (isAdvertising(inner)) return traceAdvertising(inner, listener);
  const all = listener as (event: TraceEvent | GattTraceEvent) => void; // by the overload for bearers
  let links = 0;
  return wrapBearer(inner, {
    advertising: (advertising) => traceAdvertising(advertising, all),
    link: (link, side, peer) => traceLink(link, { number: links++, side, peer }, all),
  });
}

function traceAdvertising(inner: Advertising, listener: (event: TraceEvent) => void): Advertising {
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
