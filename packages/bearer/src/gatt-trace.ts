import type { MeshError } from '@meshferry/core';
import type { GattLink, GattLinkListener } from './gatt.ts';
import type { LinkSide } from './wrap-bearer.ts';

/** One link of a traced bearer. */
export interface TracedLink {
  /** Counted from 0 in the order of opening. */
  readonly number: number;
  readonly side: LinkSide;
  /** Who a client connected to. */
  readonly peer: string | undefined;
}

/** What happens on GATT links. */
export type GattTraceEvent =
  | { readonly kind: 'connected'; readonly link: TracedLink }
  /** A value was taken. */
  | { readonly kind: 'value-sent'; readonly link: TracedLink; readonly value: Uint8Array }
  | { readonly kind: 'value-failed'; readonly link: TracedLink; readonly value: Uint8Array; readonly error: MeshError }
  | { readonly kind: 'value-received'; readonly link: TracedLink; readonly value: Uint8Array }
  | { readonly kind: 'disconnected'; readonly link: TracedLink };

/** A link that tells `listener` of everything on it. */
export function traceLink(inner: GattLink, link: TracedLink, listener: (event: GattTraceEvent) => void): GattLink {
  listener({ kind: 'connected', link });
  return {
    get mtu(): number {
      return inner.mtu;
    },
    send: (value, done) =>
      inner.send(value, (error) => {
        if (error === undefined) listener({ kind: 'value-sent', link, value });
        else listener({ kind: 'value-failed', link, value, error });
        done(error);
      }),
    listen: ({ received, disconnected }: GattLinkListener) =>
      inner.listen({
        received: (value) => {
          listener({ kind: 'value-received', link, value });
          received(value);
        },
        disconnected: () => {
          listener({ kind: 'disconnected', link });
          disconnected();
        },
      }),
    disconnect: () => inner.disconnect(),
  };
}
