/**
 * A whole update of simulated nodes: wall time, memory, and simulated transfer time against both bounds. The image has
 * the size of a real one (341 466 octets, the nRF52840 Target sample 2.0); `pnpm bench update [URI]`.
 */
import { oneUpdate, peakMemory } from './one-update.ts';

const IMAGE_KIB = 341_466 / 1024;
const CASES = ['sim:targets=10,radio=ideal', 'sim:targets=10', 'sim:targets=10,loss=0.1', 'sim:targets=100'] as const;

console.log(
  'case                          applied  wall s  peak MiB  transfer s  settings bound s  ratio  air bound s  receptions/s',
);
for (const uri of process.argv[2] === undefined ? CASES : [process.argv[2]]) {
  const { targets, seconds, lost, settingsBound, airBound, radio, wallSeconds } = await oneUpdate(
    { uri: uri.replace(/^sim:/, ''), kib: IMAGE_KIB },
    1,
  );
  console.log(
    [
      uri.padEnd(30),
      `${targets - lost.length}/${targets}`.padStart(6),
      wallSeconds.toFixed(1).padStart(7),
      peakMemory().toFixed(0).padStart(9),
      seconds.toFixed(0).padStart(11),
      settingsBound.toFixed(0).padStart(17),
      (seconds / settingsBound).toFixed(2).padStart(6),
      airBound.toFixed(1).padStart(12),
      (radio.receptions / wallSeconds).toFixed(0).padStart(13),
    ].join(' '),
  );
}
