import type { Cancel, Clock, NetIndex } from '@meshferry/core';
import type { AccessReceived, AccessSend, NetworkHost } from './contract.ts';

/** Messages to the elements of the same node: no key, SEQ or bearer is involved [Mesh Protocol 1.1, 3.4.5]. */
export class LocalDelivery {
  readonly #clock: Clock;
  readonly #host: NetworkHost;
  #closed = false;

  constructor(clock: Clock, host: NetworkHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** Delivers a message to an own element, or to a group that one is in, and then calls `delivered`. */
  deliver(
    message: AccessSend,
    how: { readonly netIndex: NetIndex; readonly ttl: number; readonly seq: number },
    delivered: () => void,
  ): Cancel {
    const received = receivedLocally(message, how);
    return this.later(() => {
      this.#host.receive(received);
      delivered();
    });
  }

  /** At once, but not before the caller has its answer; unless it cancels or the node is closed. */
  later(run: () => void): Cancel {
    const timer = this.#clock.after(0, () => {
      if (!this.#closed) run();
    });
    return () => timer.cancel();
  }

  close(): void {
    this.#closed = true;
  }
}

function receivedLocally(
  { src, dst, label, key, ttl = 0xff, payload }: AccessSend,
  how: { readonly netIndex: NetIndex; readonly ttl: number; readonly seq: number },
): AccessReceived {
  return {
    src,
    dst,
    ...(label === undefined ? {} : { label }),
    key,
    credentials: 'flooding',
    ...how,
    ttl: ttl === 0xff ? how.ttl : ttl,
    payload: payload.slice(),
  };
}
