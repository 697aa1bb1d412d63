/**
 * A process to be killed: opens the store named on the command line and writes batch after batch, in each of which every
 * record holds the number of the batch. Prints the number once the batch has returned; `hold` instead only keeps it open.
 */
import { openSqliteStore } from '../store.ts';

const [file = '', from = '0'] = process.argv.slice(2);
const store = openSqliteStore(file, { durability: 'process' });

if (from === 'hold') {
  process.stdout.write('open\n');
  process.stdin.resume();
} else {
  for (let number = Number(from); ; number++) {
    const value = new Uint8Array(700).fill(number & 0xff);
    new DataView(value.buffer).setUint32(0, number);
    store.batch(Array.from({ length: 40 }, (_, record) => [`record/${record}`, value]));
    process.stdout.write(`${number}\n`);
  }
}
