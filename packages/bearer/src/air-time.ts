/** Octets of an AD structure before its data: length and type. */
const AD_HEADER = 2;
/** Octets of a legacy advertising PDU besides AdvData: preamble 1, access address 4, header 2, AdvA 6, CRC 3. */
const PDU_OVERHEAD = 16;
const MICROSECONDS_PER_OCTET = 8;

/**
 * Air time of one AD structure on one advertising channel of LE 1M, in whole microseconds: 8·(16 + L) with L = 2 + data.
 * `dataLength`: octets of its data, 0 to 29; a full segment (29) takes 376 µs. An advertising event takes it on each of
 * three channels.
 */
export function airTimeMicroseconds(dataLength: number): number {
  return MICROSECONDS_PER_OCTET * (PDU_OVERHEAD + AD_HEADER + dataLength);
}
