/**
 * Speed of the network layer on one core, on the PDUs of which a firmware transfer consists: full segments of long
 * messages from many sources. Goals of the first figure: 300 000 PDU/s with the constant-time backend, 900 000 with the
 * portable one in the simulator, where nodes share the outcome of decrypting the same octets.
 *
 * Beside each figure stands what one PDU costs in AES blocks of the portable backend, measured in turn with it: that holds
 * on a machine which has other things to do as well. `pnpm bench network [portable|node|simulator]`, default all three.
 */
import type { Advertising, Heard } from '@meshferry/bearer';
import { MemoryStore, SeededRandom, VirtualClock } from '@meshferry/core';
import { type CryptoProvider, networkCredentials, portableCrypto, sharedCrypto } from '@meshferry/crypto';
import { nodeCrypto } from '@meshferry/crypto-node';
import {
  decodeNetworkPdu,
  encodeLowerTransportPdu,
  encodeNetworkPdu,
  NetworkLayer,
  networkSecurity,
} from '@meshferry/network';
import { blocksOf, cpuSeconds } from './rate.ts';

const ROUNDS = 5;
const SOURCES = 50;
const MESSAGES = 40;
const SEGMENTS = 32;
const GROUP = 0xc000;
/** Nodes of the simulator that hear the same. */
const HEARERS = 20;

const netKey = Uint8Array.from({ length: 16 }, (_, i) => 17 * i);
const security = networkSecurity(portableCrypto, networkCredentials(portableCrypto, netKey));
const wanted = process.argv[2];

/** Full access segments, as a node of `round` hears them: new messages in every round. */
function segments(round: number, dst: number): Uint8Array[] {
  const pdus: Uint8Array[] = [];
  for (let message = 0; message < MESSAGES; message++) {
    const first = (round * MESSAGES + message) * SEGMENTS;
    for (let src = 0x100; src < 0x100 + SOURCES; src++) {
      for (let segO = 0; segO < SEGMENTS; segO++) {
        const transportPdu = encodeLowerTransportPdu({
          format: 'segmented-access',
          akf: true,
          aid: 0x26,
          szmic: false,
          seqZero: first & 0x1fff,
          segO,
          segN: SEGMENTS - 1,
          segment: Uint8Array.from({ length: 12 }, (_, i) => segO * 12 + i),
        });
        const pdu = { ctl: false, ttl: 5, seq: first + segO, src, dst, transportPdu };
        pdus.push(encodeNetworkPdu(pdu, security, 0x12345678));
      }
    }
  }
  return pdus;
}

/** A layer at 0x0001 and a function through which it hears. */
function makeNode(
  crypto: CryptoProvider,
  subscribed: boolean,
): { layer: NetworkLayer; hear: (data: Uint8Array) => void } {
  let heard: (ad: Heard) => void = () => {};
  const bearer: Advertising = {
    sets: 1,
    minIntervalMs: 20,
    send: () => () => {},
    receive: (_types, listener) => {
      heard = listener;
      return () => {};
    },
  };
  const layer = new NetworkLayer({
    clock: new VirtualClock(),
    random: new SeededRandom(1),
    crypto,
    store: new MemoryStore(),
    host: { isSubscribed: () => subscribed, labelsOf: () => [], deviceKeyOf: () => undefined, receive: () => {} },
    address: 1,
    elements: 1,
    deviceKey: netKey,
    ivIndex: 0x12345678,
  });
  layer.addNetKey(0, netKey);
  layer.attach(bearer);
  return { layer, hear: (data) => heard({ type: 0x2a, data, rssi: -50, at: 0 }) };
}

/** Best of some rounds, because others use the machine too; the first one warms up. `run` prepares a round. */
function measure(name: string, run: (round: number) => () => number): void {
  let best = 0;
  const ratios: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const work = run(round);
    let count = 0;
    const seconds = cpuSeconds(() => {
      count = work();
    });
    if (round === 0) continue;
    best = Math.max(best, count / seconds);
    ratios.push(blocksOf(seconds / count));
  }
  const ratio = ratios.sort((a, b) => a - b)[ROUNDS >> 1]!;
  console.log(
    `  ${name.padEnd(64)}${Math.round(best).toLocaleString('en').padStart(12)}/s${ratio.toFixed(1).padStart(8)} blocks`,
  );
}

const fewPdus = segments(0, GROUP).slice(0, 10);
measureMemory();
if (wanted === undefined || wanted === 'portable') measureBackend('portable', portableCrypto);
if (wanted === undefined || wanted === 'node') measureBackend('node:crypto, constant-time', nodeCrypto);
if (wanted === undefined || wanted === 'simulator') measureSimulator();

function measureBackend(name: string, crypto: CryptoProvider): void {
  console.log(name);
  const group = makeNode(crypto, true);
  measure('receive: de-obfuscate, authenticate, replay check, reassemble', (round) => {
    const pdus = segments(round, GROUP);
    return () => {
      for (const pdu of pdus) group.hear(pdu);
      return pdus.length;
    };
  });
  check(group.layer.counters.received, (ROUNDS + 1) * SOURCES * MESSAGES * SEGMENTS, 'received');

  const single = makeNode(crypto, true);
  measure('the same, each heard three times (Network Transmit)', (round) => {
    const pdus = segments(round, GROUP);
    return () => {
      for (const pdu of pdus) {
        single.hear(pdu);
        single.hear(pdu);
        single.hear(pdu);
      }
      return 3 * pdus.length;
    };
  });

  const bystander = makeNode(crypto, false);
  measure('receive: for somebody else', (round) => {
    const pdus = segments(round, 0x0002);
    return () => {
      for (const pdu of pdus) bystander.hear(pdu);
      return pdus.length;
    };
  });

  const foreign = makeNode(crypto, true);
  measure('receive: of another network (NID not known)', (round) => {
    const pdus = segments(round, GROUP).map((pdu) => pdu.with(0, pdu[0]! ^ 1));
    return () => {
      for (const pdu of pdus) foreign.hear(pdu);
      return pdus.length;
    };
  });

  const own = networkSecurity(crypto, networkCredentials(crypto, netKey));
  measure('decodeNetworkPdu', (round) => {
    const pdus = segments(round, GROUP);
    return () => {
      for (const pdu of pdus) decodeNetworkPdu(pdu, own, 0x12345678);
      return pdus.length;
    };
  });

  const transportPdu = new Uint8Array(16).fill(0x80);
  measure('encodeNetworkPdu', () => () => {
    for (let seq = 0; seq < 100_000; seq++) {
      encodeNetworkPdu({ ctl: false, ttl: 5, seq, src: 1, dst: GROUP, transportPdu }, own, 0x12345678);
    }
    return 100_000;
  });
}

/** Receptions: each PDU is heard by all nodes before the next one. */
function measureSimulator(): void {
  console.log(`simulator: ${HEARERS} nodes hear the same, portable`);
  for (const [name, dst] of [
    ['receive: de-obfuscate, authenticate, replay check, reassemble', GROUP],
    ['receive: for somebody else', 0x0002],
  ] as const) {
    const crypto = sharedCrypto(portableCrypto);
    const nodes = Array.from({ length: HEARERS }, () => makeNode(crypto, dst === GROUP));
    measure(name, (round) => {
      const pdus = segments(round, dst).slice(0, 16_000);
      return () => {
        for (const pdu of pdus) for (const node of nodes) node.hear(pdu);
        return pdus.length * nodes.length;
      };
    });
  }
}

/** Heap of a node that has keys and a bearer and has heard a few PDUs. */
function measureMemory(): void {
  const gc = globalThis.gc;
  const count = 500;
  for (let i = 0; i < 3; i++) gc?.();
  const before = process.memoryUsage();
  const nodes = Array.from({ length: count }, () => makeNode(portableCrypto, false));
  for (const node of nodes) for (const pdu of fewPdus) node.hear(pdu);
  for (let i = 0; i < 3; i++) gc?.();
  const after = process.memoryUsage();
  const octets = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / count;
  const note = gc === undefined ? ' (without --expose-gc: an upper bound)' : '';
  console.log(`${'memory of an idle node'.padEnd(64)}${(octets / 1024).toFixed(1).padStart(10)} KiB${note}`);
  check(nodes.length, count, 'nodes');
}

function check(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}
