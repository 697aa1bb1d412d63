import { realpath } from 'node:fs/promises';
import type { SerialPace } from './line-sender.ts';

/** For each line of what has no rate of its own: the receiver, a simulated UART, would get all lines of a packet at once. */
const PAUSE_WITHOUT_RATE: SerialPace = { pauseMs: 1.5 };

/**
 * The pace that suits what is at `path` [spec: smp section 7]: the rate of a UART is pace enough, USB holds back by itself, a
 * pseudo-terminal carries anything at once.
 */
export async function usualPace(path: string, baudRate: number): Promise<SerialPace> {
  const name = await realpath(path).catch(() => path);
  if (/^\/dev\/(pts\/|ttys\d)/.test(name)) return PAUSE_WITHOUT_RATE;
  // A CDC ACM port takes no notice of the rate.
  if (/(ttyACM|usbmodem)/.test(name)) return {};
  return { baudRate };
}

/** The pace over TCP, where what is behind the socket is not known. */
export const PACE_OVER_TCP: SerialPace = PAUSE_WITHOUT_RATE;
