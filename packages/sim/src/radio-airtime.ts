/** Advertising channels of Bluetooth LE: 37, 38 and 39. */
export const ADVERTISING_CHANNELS = 3;

/** Octets of an AD structure before its data: length and type. */
const AD_HEADER = 2;
/** Octets of a legacy advertising PDU besides AdvData: preamble 1, access address 4, header 2, AdvA 6, CRC 3. */
const PDU_OVERHEAD = 16;
const MICROSECONDS_PER_OCTET = 8;

/**
 * Air time of one AD structure on one channel of LE 1M, in whole microseconds: 8·(16 + L) with L = 2 + data
 * [spec/blob.md 14.1]. `dataLength`: octets of the AD structure's data, 0 to 29; a full segment (29) takes 376 µs.
 */
export function airTimeMicroseconds(dataLength: number): number {
  return MICROSECONDS_PER_OCTET * (PDU_OVERHEAD + AD_HEADER + dataLength);
}

/** {@link airTimeMicroseconds} of a whole advertising event: the same packet on three channels, without the gaps between. */
export function eventAirTimeMicroseconds(dataLength: number): number {
  return ADVERTISING_CHANNELS * airTimeMicroseconds(dataLength);
}
