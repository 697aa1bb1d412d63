import type { SmpClient } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import type { SmpCommand } from '../message.ts';

/** Of the SMP layer: the device has no time. */
const BUSY = 10;
const PAUSE_MS = 300;
const MOST = 20;

/** For an answer, ms. */
export const ASK_MS = 10_000;

/** The answer to a request; while the device is too busy for it, it is asked again, for some seconds. */
export async function askPatiently<Q, A>(
  client: SmpClient,
  command: SmpCommand<Q, A>,
  params: Q,
  options: { readonly timeoutMs?: number; readonly repeat?: boolean } = {},
): Promise<A> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.request(command, params, { timeoutMs: ASK_MS, ...options });
    } catch (error) {
      if (attempt >= MOST || !isRefusal(error, 'smp', BUSY)) throw error;
      await new Promise<void>((resolve) => client.clock.after(PAUSE_MS, resolve));
    }
  }
}
