import { equal, toHex } from '@meshferry/core';
import type { World } from '@meshferry/sim';

/** What is printed on a simulated device, as values of `--oob`; nothing for one that is not simulated. */
export function labelOf({ devices }: World, uuid: Uint8Array): string[] {
  const label = devices.find((device) => equal(device.label.uuid, uuid))?.label;
  return [
    ...(label?.staticOob === undefined ? [] : [`static:${toHex(label.staticOob)}`]),
    ...(label?.keyPair === undefined ? [] : [`publickey:${toHex(label.keyPair.publicKey)}`]),
  ];
}
