/**
 * Speed of both crypto providers on what mesh does all day: single blocks, and Network PDUs of 18 octets with a MIC of 4.
 *
 * npx tsx --conditions=@meshferry/source tools/bench/src/crypto.bench.ts
 */
import { performance } from 'node:perf_hooks';
import { type Aes, portableCrypto } from '@meshferry/crypto';
import { nodeCrypto } from '@meshferry/crypto-node';

const ROUNDS = 5;
const ROUND_MS = 200;
const BATCH = 2000;

const key = Uint8Array.from({ length: 16 }, (_, i) => 17 * i);
const nonce = Uint8Array.from({ length: 13 }, (_, i) => i);
const message = Uint8Array.from({ length: 18 }, (_, i) => 255 - i);
const longer = Uint8Array.from({ length: 32 }, (_, i) => i);
const block = new Uint8Array(16);

/** What is measured: one operation with the given cipher; `sealed` is the message sealed. */
const OPERATIONS: Record<string, (aes: Aes, sealed: Uint8Array) => unknown> = {
  block: (aes) => aes.encryptBlock(block, block),
  'seal 18 + 4': (aes) => aes.seal(nonce, message, 4),
  'open 18 + 4': (aes, sealed) => aes.open(nonce, sealed, 4),
  'open, other key': (aes) => aes.open(nonce, foreign, 4),
  'cmac 32': (aes) => aes.cmac(longer),
};
const foreign = portableCrypto.aes(new Uint8Array(16)).seal(nonce, message, 4);

console.log(`${'operation'.padEnd(16)}${'portable/s'.padStart(14)}${'node/s'.padStart(14)}${'ratio'.padStart(8)}`);
for (const [name, operation] of Object.entries(OPERATIONS)) {
  const [portable, native] = [portableCrypto, nodeCrypto].map((provider) => best(provider.aes(key), operation));
  console.log(`${name.padEnd(16)}${count(portable!)}${count(native!)}${(portable! / native!).toFixed(2).padStart(8)}`);
}

/** Operations per second: the best of some rounds, because others use the machine too. The first one warms up. */
function best(aes: Aes, operation: (aes: Aes, sealed: Uint8Array) => unknown): number {
  const sealed = aes.seal(nonce, message, 4);
  let result = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    let done = 0;
    const start = performance.now();
    let elapsed = 0;
    while (elapsed < ROUND_MS) {
      for (let i = 0; i < BATCH; i++) operation(aes, sealed);
      done += BATCH;
      elapsed = performance.now() - start;
    }
    if (round > 0) result = Math.max(result, (1000 * done) / elapsed);
  }
  return result;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en').padStart(14);
}
