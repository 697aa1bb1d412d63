import { type Clock, hostClock, hostRandom, type Random } from '@meshferry/core';

/** Time as everybody outside has it. */
export const realClock: Clock = hostClock(globalThis);

/** The chance of this computer: for keys. */
export const realRandom: Random = hostRandom(globalThis.crypto);
