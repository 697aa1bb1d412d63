// `pnpm --filter @meshferry/bearer-hci fuzz [STREAMS] [SEED]`: a million random streams, by default.
import { fuzz } from './fuzz.ts';

const [streams = '1000000', seed = String(Date.now())] = process.argv.slice(2);
const began = performance.now();
const { octets, resets, lostAtMost, longestDownMs } = fuzz(Number(streams), seed);
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(
  `${streams} streams of ${octets} octets (seed ${seed}) in ${seconds} s: ${resets} resets, ready again within ` +
    `${longestDownMs.toFixed(0)} ms, ${lostAtMost} valid packets lost afterwards`,
);
