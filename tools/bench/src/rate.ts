import { portableCrypto } from '@meshferry/crypto';

/** CPU seconds of this process while `work` runs: what others do on the machine costs it little. */
export function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const aes = portableCrypto.aes(new Uint8Array(16));
const block = new Uint8Array(16);
const BLOCKS = 300_000;

/** A time in AES blocks of the portable backend, measured now: the yardstick of machines. */
export function blocksOf(seconds: number): number {
  const yardstick = cpuSeconds(() => {
    for (let i = 0; i < BLOCKS; i++) aes.encryptBlock(block, block);
  });
  return (seconds * BLOCKS) / yardstick;
}
