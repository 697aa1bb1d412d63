import { randomBytes } from 'node:crypto';
import type { Random } from '@meshferry/core';

/** The chance of the operating system: for keys. */
export const systemRandom: Random = {
  bytes: (n) => new Uint8Array(randomBytes(n)),
  uniform: () => randomBytes(4).readUInt32BE() / 0x1_0000_0000,
};
