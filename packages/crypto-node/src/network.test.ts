import { memoryAir } from '@meshferry/bearer';
import { MemoryStore, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { type CryptoProvider, portableCrypto } from '@meshferry/crypto';
import { type AccessReceived, NetworkLayer } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from './node-crypto.ts';

describe('the network layer on node:crypto', () => {
  it('talks with the portable one: short and long messages, AppKey and device key, both directions', () => {
    const clock = new VirtualClock();
    const air = memoryAir(clock, new SeededRandom('air'), { loss: 0.1 });
    const heard: [number, string][] = [];
    const [native, portable] = [nodeCrypto, portableCrypto].map((crypto, i) => layer(crypto, i + 1, clock, heard));
    for (const member of [native, portable]) member!.attach(air.join().advertising);
    const sent: [number, string][] = [];
    for (const [from, src, dst] of [
      [native, 1, 2],
      [portable, 2, 1],
    ] as const) {
      for (const key of [{ kind: 'app', index: 0 } as const, { kind: 'device', node: dst } as const]) {
        for (const length of [1, 11, 12, 380]) {
          const payload = new SeededRandom(`${src}/${key.kind}/${length}`).bytes(length);
          sent.push([dst, toHex(payload)]);
          from!.send({ src, dst, key, payload, segmented: true, ttl: 0 });
        }
      }
    }
    clock.advance(120_000);
    expect(heard.sort()).toEqual(sent.sort());
  });
});

function layer(crypto: CryptoProvider, address: number, clock: VirtualClock, heard: [number, string][]): NetworkLayer {
  const deviceKeyOf = (node: number): Uint8Array => new Uint8Array(16).fill(node);
  return new NetworkLayer({
    clock,
    random: new SeededRandom(`node ${address}`),
    crypto,
    store: new MemoryStore(),
    address,
    elements: 1,
    deviceKey: deviceKeyOf(address),
    netKeys: [{ index: 0, key: new Uint8Array(16).fill(0x11) }],
    appKeys: [{ index: 0, netIndex: 0, key: new Uint8Array(16).fill(0x22) }],
    host: {
      isSubscribed: () => false,
      labelsOf: () => [],
      deviceKeyOf,
      receive: ({ payload }: AccessReceived) => heard.push([address, toHex(payload)]),
    },
  });
}
