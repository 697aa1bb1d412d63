/**
 * How fast an image goes up over SMP, in simulated time: from an `SmpClient` with its window to an `SmpServer` with flash that takes
 * no time. Over Bluetooth by connection events, as a share of packets × (MTU − 3) ÷ interval; over a serial line as the share of time
 * in which the line carries something; and the CPU for a megabyte, all of both ends (framing, CBOR, client, server). Fails below the
 * goals. `pnpm bench smp`.
 */
import { type ConnectionEvents, memoryGattLinks } from '@meshferry/bearer';
import { SeededRandom, VirtualClock } from '@meshferry/core';
import {
  ImageUpload,
  SmpBleTransport,
  SmpClient,
  SmpServer,
  type SmpTransport,
  startImageUpload,
} from '@meshferry/smp';
import { ConsoleReader, encodeConsoleLines, SmpSerialTransport } from '@meshferry/smp-serial';
import { hostOf, IMAGE_MAGIC, MemorySlot } from '../../../packages/smp/src/testing/ideal-host.ts';
import { type LineReceiver, PacedLine, ZEPHYR_RECEIVER } from '../../../packages/smp-serial/src/testing/paced-line.ts';
import { cpuSeconds } from './rate.ts';

/** What a device offers: buf_size and buf_count. */
interface Buffers {
  readonly size: number;
  readonly count: number;
}

const IMAGE = new SeededRandom(8).bytes(200_000);
IMAGE.set(IMAGE_MAGIC);
const EVENTS: ConnectionEvents = { intervalMs: 15, packets: 6 };
/** As the samples of Nordic have it. */
const LARGE: Buffers = { size: 2475, count: 4 };
const USUAL: Buffers = { size: 384, count: 4 };
const MEBI = 1e6;

let isGood = true;

console.log(
  `BLE, 2M PHY, ${EVENTS.packets} packets in each ${EVENTS.intervalMs} ms: share of packets × (MTU − 3) ÷ interval`,
);
await overBluetooth(498, LARGE, 0.85);
await overBluetooth(498, { ...LARGE, count: 8 }, 0.85);
await overBluetooth(247, LARGE, 0.85);
await overBluetooth(23, LARGE, 0.7);
await overBluetooth(23, USUAL, 0.7);
await overBluetooth(498, USUAL);
await overBluetooth(498, { ...LARGE, count: 2 });
console.log('serial line: share of time in which it carries something');
await overSerial(1_000_000, { size: 1024, count: 4 }, undefined, 0.9);
await overSerial(1_000_000, { size: 1024, count: 4 }, { ...ZEPHYR_RECEIVER, lineMs: 0.3 }, 0.9);
await overSerial(1_000_000, LARGE, { ...ZEPHYR_RECEIVER, lineMs: 0.3 }, 0.9);
await overSerial(115_200, USUAL, { ...ZEPHYR_RECEIVER, lineMs: 0.3 }, 0.9);
await overSerial(1_000_000, { size: 1024, count: 4 }, { ...ZEPHYR_RECEIVER, lineMs: 3 });
await overSerial(1_000_000, { size: 1024, count: 2 }, { ...ZEPHYR_RECEIVER, lineMs: 0.3 });
console.log('CPU of both ends together, one core');
codecs(LARGE.size - 4, 5);
codecs(508, 5);
await cpuOfAll({ size: 1024, count: 4 }, 5);
await cpuOfAll(LARGE, 5);
process.exit(isGood ? 0 : 1);

async function overBluetooth(mtu: number, buffers: Buffers, goal?: number): Promise<void> {
  const clock = new VirtualClock();
  const { client, server } = memoryGattLinks(clock, { mtu, events: EVENTS });
  const far = new SmpBleTransport(server, clock, { side: 'server', bufferOctets: buffers.size });
  const ms = await upload(clock, new SmpBleTransport(client, clock, { side: 'client' }), far, buffers);
  const ceiling = (EVENTS.packets * (mtu - 3)) / EVENTS.intervalMs;
  const share = IMAGE.length / ms / ceiling;
  say(`MTU ${mtu}, buffers ${buffers.size} × ${buffers.count}`, `${(IMAGE.length / ms).toFixed(1)} kB/s`, share, goal);
}

async function overSerial(baud: number, buffers: Buffers, receiver?: LineReceiver, goal?: number): Promise<void> {
  const clock = new VirtualClock();
  const line = new PacedLine(clock, { baudRate: baud, ...(receiver && { receiver }) }, { baudRate: baud });
  const near = new SmpSerialTransport(line.near, clock, { side: 'client', pace: { baudRate: baud } });
  const far = new SmpSerialTransport(line.far, clock, { side: 'server' });
  const ms = await upload(clock, near, far, buffers);
  const behind = receiver === undefined ? '' : `, ${receiver.buffers} line buffers, ${receiver.lineMs} ms for a line`;
  const rate = `${(IMAGE.length / ms).toFixed(1)} kB/s, ${line.out.lost} lines lost`;
  say(`${baud} baud, buffers ${buffers.size} × ${buffers.count}${behind}`, rate, line.out.busyShare, goal);
}

/** Uploads the image; the ms it took, in simulated time, with what comes before. */
async function upload(clock: VirtualClock, near: SmpTransport, far: SmpTransport, buffers: Buffers): Promise<number> {
  const slot = new MemorySlot(IMAGE.length + 8192);
  const server = new SmpServer({ clock, buffers, images: hostOf(slot) });
  server.attach(far);
  const client = new SmpClient(near, clock);
  const start = clock.now;
  const { moved } = await settled(clock, startImageUpload(client, IMAGE).finished);
  const ms = clock.now - start;
  if (moved !== IMAGE.length || Buffer.compare(slot.octets.subarray(0, IMAGE.length), IMAGE) !== 0) {
    throw new Error('the slot does not hold the image');
  }
  client.close();
  return ms;
}

/** Encoding, framing, reading and decoding of chunks and of their answers, and nothing else. */
function codecs(packetOctets: number, goal: number): void {
  const data = IMAGE.subarray(0, packetOctets - 25);
  const rounds = Math.ceil((20 * MEBI) / data.length);
  let octets = 0;
  const atServer = new ConsoleReader({
    packet: (packet) => {
      const request = ImageUpload.decodeRequest(packet.subarray(8));
      if (!request.ok) throw new Error(request.error.reason);
      const { off = 0, data: chunk } = request.value;
      octets += chunk?.length ?? 0;
      const response = ImageUpload.encodeResponse({ off }, { op: 3, version: 1, sequence: 0 });
      for (const line of encodeConsoleLines(response)) atClient.push(line);
    },
  });
  const atClient = new ConsoleReader({
    packet: (packet) => {
      if (!ImageUpload.decodeResponse(packet.subarray(8)).ok) throw new Error('no answer');
    },
  });
  const round = (i: number): void => {
    const packet = ImageUpload.encodeRequest({ off: i * data.length, data }, { version: 1, sequence: i & 0xff });
    for (const line of encodeConsoleLines(packet, { isEven: true })) atServer.push(line);
  };
  for (let i = 0; i < 2000; i++) round(i);
  octets = 0;
  const seconds = cpuSeconds(() => {
    for (let i = 0; i < rounds; i++) round(i);
  });
  sayRate(`CBOR and framing alone, packets of ${packetOctets}`, octets / MEBI / seconds, goal);
}

/** A whole upload over a line that carries everything at once. */
async function cpuOfAll(buffers: Buffers, goal: number): Promise<void> {
  const once = async () => {
    const clock = new VirtualClock();
    const line = new PacedLine(clock, { baudRate: Number.POSITIVE_INFINITY });
    const near = new SmpSerialTransport(line.near, clock, { side: 'client' });
    const far = new SmpSerialTransport(line.far, clock, { side: 'server' });
    await upload(clock, near, far, buffers);
  };
  for (let i = 0; i < 10; i++) await once();
  const before = process.cpuUsage();
  for (let i = 0; i < 50; i++) await once();
  const { user, system } = process.cpuUsage(before);
  const rate = (50 * IMAGE.length) / MEBI / ((user + system) / 1e6);
  sayRate(`whole upload, client and server, buffers ${buffers.size} × ${buffers.count}`, rate, goal);
}

function say(what: string, rate: string, share: number, goal: number | undefined): void {
  const isMet = goal === undefined || share >= goal;
  isGood &&= isMet;
  const verdict = goal === undefined ? '' : ` (goal ${(100 * goal).toFixed(0)} %${isMet ? '' : ': MISSED'})`;
  console.log(`  ${what}: ${(100 * share).toFixed(1)} %${verdict}, ${rate}`);
}

function sayRate(what: string, rate: number, goal: number): void {
  isGood &&= rate >= goal;
  console.log(`  ${what}: ${rate.toFixed(1)} MB/s (goal ${goal}${rate >= goal ? '' : ': MISSED'})`);
}

/** Runs the clock until a promise is settled. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  promise.then(end, end);
  for (;;) {
    for (let i = 0; i < 10 && !isOver; i++) await Promise.resolve();
    if (isOver) return promise;
    if (!clock.step()) throw new Error('nothing more happens');
  }
}
