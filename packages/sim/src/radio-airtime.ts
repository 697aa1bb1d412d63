import { airTimeMicroseconds } from '@meshferry/bearer';

export { airTimeMicroseconds };

/** Advertising channels of Bluetooth LE: 37, 38 and 39. */
export const ADVERTISING_CHANNELS = 3;

/** {@link airTimeMicroseconds} of a whole advertising event: the same packet on three channels, without the gaps between. */
export function eventAirTimeMicroseconds(dataLength: number): number {
  return ADVERTISING_CHANNELS * airTimeMicroseconds(dataLength);
}
