import { type Address, addressKind } from '@meshferry/core';

/**
 * Whether an address can be the destination of a Network PDU: anything but unassigned, and no virtual address for a
 * control message (CTL 1) [Mesh Protocol 1.1, 3.4.3].
 */
export function isDestination(dst: Address, ctl: boolean): boolean {
  return dst !== 0 && !(ctl && addressKind(dst) === 'virtual');
}

/** The 31-bit number of a (unicast source, destination) pair: a small integer, so a fast key of a Map. */
export function pairKey(src: Address, dst: Address): number {
  return (src << 16) | dst;
}
