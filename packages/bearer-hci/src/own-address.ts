import type { Random } from '@meshferry/core';

/** Own_Address_Type of commands: the public address, or the random one that was set. */
export const OWN_PUBLIC = 0x00;
export const OWN_RANDOM = 0x01;

const LENGTH = 6;

/**
 * A new non-resolvable private address, least significant octet first: two bits 00, then 46 random ones, neither all 0 nor
 * all 1 [Bluetooth Core, Vol 6, Part B, 1.3.2.2].
 */
export function nonResolvableAddress(random: Random): Uint8Array {
  for (;;) {
    const address = random.bytes(LENGTH);
    address[5] = address[5]! & 0x3f;
    const zeros = address.every((octet) => octet === 0);
    const ones = address[5] === 0x3f && address.subarray(0, 5).every((octet) => octet === 0xff);
    if (!zeros && !ones) return address;
  }
}
