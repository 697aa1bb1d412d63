import { MeshError, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';

import type { ControllerOptions } from '../testing/emulated-controller.ts';
import { GattRig } from '../testing/gatt-rig.ts';

const SMP = {
  uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84',
  dataIn: 'da2e7828-fbce-4e01-ae9e-261174997c48',
  dataOut: 'da2e7828-fbce-4e01-ae9e-261174997c48',
};

const kinds: [string, ControllerOptions][] = [
  ['extended controllers', {}],
  ['extended controllers with one set', { sets: 1 }],
  ['controllers of version 4.0', { version: 6 }],
  ['controllers with one credit after each answer', { creditMs: 3 }],
  ['controllers with large buffers', { aclLength: 251, aclPackets: 8 }],
];

describe.each(kinds)('a link between %s', (_, options) => {
  it('carries values both ways, in order and whole', () => {
    const rig = new GattRig();
    const [central, peripheral] = [rig.end(options), rig.end(options)];
    const [client, server] = rig.linked(central, peripheral);
    expect(client.link.mtu).toBe(498);
    expect(server.link.mtu).toBe(498);
    const sent: string[] = [];
    for (let i = 0; i < 50; i++) {
      const value = new Uint8Array(1 + ((i * 37) % 495)).fill(i);
      sent.push(toHex(value));
      client.link.send(value, () => {});
      server.link.send(value, () => {});
    }
    rig.clock.advance(30_000);
    expect(server.values).toEqual(sent);
    expect(client.values).toEqual(sent);
  });

  it('ends at both ends, and can be made again', () => {
    const rig = new GattRig();
    const [central, peripheral] = [rig.end(options), rig.end(options)];
    const [client, server] = rig.linked(central, peripheral);
    client.link.disconnect();
    expect(client.ended).toBe(0);
    rig.clock.advance(1000);
    expect([client.ended, server.ended]).toEqual([1, 1]);
    const again = rig.connect(central, rig.discover(central).peer);
    expect(again).not.toBeInstanceOf(MeshError);
  });

  it('finds a service of 128-bit UUIDs with one characteristic for both directions', () => {
    const rig = new GattRig();
    const [central, peripheral] = [rig.end(options), rig.end(options)];
    const [client, server] = rig.linked(central, peripheral, SMP);
    client.link.send(Uint8Array.of(1, 2, 3), () => {});
    server.link.send(Uint8Array.of(4, 5), () => {});
    rig.clock.advance(1000);
    expect([server.values, client.values]).toEqual([['010203'], ['0405']]);
  });
});
