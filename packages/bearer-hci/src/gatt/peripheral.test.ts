import { AD_MESH_MESSAGE, MESH_PROVISIONING_SERVICE, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { OPCODE } from '../codes.ts';
import type { ControllerOptions } from '../testing/emulated-controller.ts';
import { type GattEnd, GattRig, type Watched, watch } from '../testing/gatt-rig.ts';
import { type ScriptedPeer, scriptedCentral } from '../testing/scripted-peer.ts';
import { parsePeerHandle } from './peer.ts';

interface Served {
  readonly rig: GattRig;
  readonly peripheral: GattEnd;
  readonly links: Watched[];
  readonly client: ScriptedPeer;
}

/** A peripheral with the proxy service, and a client that is connected to it. */
function serve(options: ControllerOptions = {}): Served {
  const rig = new GattRig();
  const peripheral = rig.end(options);
  const links = rig.serve(peripheral);
  return { rig, peripheral, links, client: another(rig) };
}

function another(rig: GattRig): ScriptedPeer {
  const scanner = rig.end();
  const client = scriptedCentral(rig, parsePeerHandle(rig.discover(scanner).peer)!);
  client.heard.length = 0;
  return client;
}

/** The answers to requests, one after the other. */
function ask({ rig, client }: Pick<Served, 'rig' | 'client'>, ...requests: string[]): string[] {
  client.heard.length = 0;
  for (const request of requests) {
    client.send(request);
    rig.clock.advance(200);
  }
  return [...client.heard];
}

describe('a GATT server', () => {
  it('answers what a phone asks: ATT_MTU, all services, all characteristics, descriptors, the name', () => {
    const served = serve();
    expect(
      ask(
        served,
        ...['02 0002', '10 0100 ffff 0028', '10 1600 ffff 0028'],
        ...['08 1000 1500 0228', '08 1000 1500 0328', '08 1500 1500 0328', '04 1500 1500', '04 1400 1500'],
        ...['0a 0300', '0c 0300 0400', '0c 0300 0900', '0c 0300 0a00', '08 0100 ffff 002a'],
      ),
    ).toEqual([
      '030502',
      '1106' + '010005000018' + '060009000118' + '100015002818',
      '011016000a',
      '010810000a',
      '0907' + '1100041200dd2a' + '1300101400de2a',
      '010815000a',
      '050115000229',
      '05011400de2a15000229',
      '0b4d6573686665727279',
      '0d6665727279',
      '0d',
      '010c030007',
      '090b03004d6573686665727279',
    ]);
  });

  it('fits its answers into an ATT_MTU of 23', () => {
    const served = serve();
    const answers = ask(served, '04 0100 ffff', '08 0100 ffff 0328', '10 0100 ffff 0028', '06 0100 ffff 0028 2818');
    expect(answers).toEqual([
      '0501' + '01000028' + '02000328' + '0300002a' + '04000328' + '0500012a',
      '0907' + '0200020300002a' + '0400020500012a' + '0700200800052a',
      '1106' + '010005000018' + '060009000118' + '100015002818',
      '0710001500',
    ]);
    for (const answer of answers) expect(answer.length).toBeLessThanOrEqual(46);
  });

  it.each([
    ['a read of no attribute', '0a 7700', '010a770001'],
    ['a read of handle 0', '0a 0000', '010a000001'],
    ['a read of what is only written', '0a 1200', '010a120002'],
    ['a read by type of what is only written', '08 0100 ffff dd2a', '0108120002'],
    ['a range that ends before it begins', '04 0900 0100', '0104090001'],
    ['a range from handle 0', '10 0000 ffff 0028', '0110000001'],
    ['a group that is none', '10 0100 ffff 0328', '0110010010'],
    ['secondary services', '10 0100 ffff 0128', '011001000a'],
    ['a service that it does not have', '06 0100 ffff 0028 2718', '010601000a'],
    ['a request that is cut short', '04 0100', '0104000004'],
    ['a request without a body', '12', '0112000004'],
    ['a number that is cut short', '02 17', '0102000004'],
    ['a request to read several', '0e 0300 0500', '010e000006'],
    ['a prepared write', '16 1200 0000 01', '0116000006'],
    ['a request that there is not', '3c', '013c000006'],
    ['a write with response to what is written without', '12 1200 01', '0112120003'],
    ['a write to no attribute', '12 7700 0100', '0112770001'],
    ['a subscription to indications', '12 1500 0200', '0112150013'],
    ['a subscription to everything', '12 1500 ffff', '0112150013'],
    ['a subscription of one octet', '12 1500 01', '011215000d'],
    ['a subscription of three octets', '12 1500 010000', '011215000d'],
  ])('answers %s with an error', (_, request, answer) => {
    const served = serve();
    expect(ask(served, request)).toEqual([answer]);
    expect(served.links).toEqual([]);
  });

  it.each(['52', '5200', '521200', '520300ff', '52ffff01', 'd20000', '7f', '1e', '01', '0b', '3d', 'ff'])(
    'never answers %s',
    (pdu) => {
      const served = serve();
      expect(ask(served, pdu)).toEqual([]);
      expect(served.peripheral.connections.of('peripheral')).toHaveLength(1);
    },
  );

  it('hands over a link once its client has subscribed, each time', () => {
    const { rig, peripheral, links, client } = serve();
    client.send('52 1200 01');
    expect(ask({ rig, client }, '0a 1500', '12 1500 0100', '12 1500 0100', '0a 1500')).toEqual([
      '0b0000',
      '13',
      '13',
      '0b0100',
    ]);
    expect(links).toHaveLength(1);
    client.send('52 1200 02');
    rig.clock.advance(200);
    expect(links[0]!.values).toEqual(['02']);
    ask({ rig, client }, '12 1500 0000');
    expect(links[0]!.ended).toBe(1);
    ask({ rig, client }, '12 1500 0100');
    expect(links).toHaveLength(2);
    links[1]!.link.disconnect();
    rig.clock.advance(1000);
    expect(links[1]!.ended).toBe(1);
    expect(peripheral.connections.of('peripheral')).toEqual([]);
  });

  it('has subscriptions of each connection on its own', () => {
    const { rig, links, client } = serve();
    const second = another(rig);
    ask({ rig, client }, '12 1500 0100');
    expect(ask({ rig, client: second }, '0a 1500')).toEqual(['0b0000']);
    ask({ rig, client: second }, '12 1500 0100');
    links[1]!.link.send(Uint8Array.of(7), () => {});
    rig.clock.advance(200);
    expect(second.heard.at(-1)).toBe('value 14 07');
    expect(client.heard).toEqual(['13']);
  });

  it('takes values up to ATT_MTU - 3 and sends as long ones', () => {
    for (const mtu of [23, 33, 69, 247, 517]) {
      const { rig, links, client } = serve();
      const mtuRequest = `02 ${(mtu & 0xff).toString(16).padStart(2, '0')}0${mtu >> 8}`;
      ask({ rig, client }, mtuRequest, '12 1500 0100');
      const { link, values } = links[0]!;
      expect(link.mtu).toBe(mtu);
      const value = 'ab'.repeat(mtu - 3);
      client.send(`52 1200 ${value}`);
      link.send(new Uint8Array(mtu - 3).fill(0xab), () => {});
      let refused: MeshError | undefined;
      link.send(new Uint8Array(mtu - 2), (error) => {
        refused = error;
      });
      rig.clock.advance(1000);
      expect(values).toEqual([value]);
      expect(client.heard.at(-1)).toBe(`value 14 ${value}`);
      expect(refused?.code).toBe('value-too-long');
    }
  });

  it('tells who has asked for it when services change, once confirmed again', () => {
    const { rig, peripheral, client } = serve();
    ask({ rig, client }, '12 0900 0200');
    const end = peripheral.peripheral.serve(MESH_PROVISIONING_SERVICE, () => {});
    end();
    rig.clock.advance(200);
    // One for the coming, and one for the going after the first was confirmed.
    expect(client.heard).toEqual(['13', 'value 8 20002500', 'value 8 20002500']);
    expect(ask({ rig, client }, '06 0100 ffff 0028 2718')).toEqual(['010601000a']);
  });

  it('lets go of a client that subscribes to nothing', () => {
    const { rig, peripheral } = serve();
    rig.clock.advance(61_000);
    expect(peripheral.connections.of('peripheral')).toEqual([]);
  });
});

describe('connectable advertising', () => {
  it.each<[string, ControllerOptions]>([
    ['sets', {}],
    ['one set', { sets: 1 }],
    ['legacy commands', { version: 6 }],
  ])('leaves mesh PDUs their turn, with %s', (_, options) => {
    const rig = new GattRig();
    const [a, b] = [rig.end(options), rig.end(options)];
    rig.serve(a);
    rig.clock.advance(500);
    let heard = 0;
    let done = 0;
    b.advertising.receive([AD_MESH_MESSAGE], () => heard++);
    const send = (): void => {
      a.advertising.send(
        { type: AD_MESH_MESSAGE, data: new Uint8Array(20) },
        { count: 1, intervalMs: 20 },
        () => done++,
      );
    };
    for (let i = 0; i < 10; i++) send();
    rig.clock.advance(3000);
    expect(done).toBe(10);
    expect(heard).toBeGreaterThanOrEqual(10);
    expect(rig.discover(b).service).toBe(0x1828);
    for (let i = 0; i < 10; i++) {
      rig.clock.advance(100);
      send();
    }
    rig.clock.advance(3000);
    expect(done).toBe(20);
    expect(rig.connect(b, rig.discover(b).peer)).not.toBeInstanceOf(MeshError);
    send();
    rig.clock.advance(1000);
    expect(done).toBe(21);
  });

  it.each<[string, ControllerOptions]>([
    ['sets', {}],
    ['legacy commands', { version: 6 }],
  ])('has a new address for each private offer, with %s; the old one is of no use', (_, options) => {
    const rig = new GattRig();
    const [central, peripheral] = [rig.end(options), rig.end(options)];
    rig.serve(peripheral, MESH_PROXY_SERVICE, true);
    const first = rig.discover(central).peer;
    peripheral.peripheral.advertise({
      service: 0x1828,
      data: new Uint8Array(17),
      intervalMs: 100,
      privateAddress: true,
    });
    rig.clock.advance(1000);
    const second = rig.discover(central).peer;
    expect(second).not.toBe(first);
    expect(rig.connect(central, first)).toMatchObject({ code: 'connect-failed' });
    expect(rig.connect(central, second)).not.toBeInstanceOf(MeshError);
  });

  it('goes on while connections are free, and again when one becomes free', () => {
    const rig = new GattRig();
    const peripheral = rig.end();
    const links = rig.serve(peripheral);
    const centrals = [0, 1, 2, 3].map(() => rig.end());
    const clients = centrals.map((central) => {
      const outcome = rig.connect(central, rig.discover(central).peer);
      if (outcome instanceof MeshError) throw outcome;
      return watch(outcome);
    });
    rig.clock.advance(500);
    expect(links).toHaveLength(4);
    const fifth = rig.end();
    expect(() => rig.discover(fifth)).toThrow('nothing');
    clients[2]!.link.disconnect();
    rig.clock.advance(2000);
    expect(rig.connect(fifth, rig.discover(fifth).peer)).not.toBeInstanceOf(MeshError);
    for (const [i, { link }] of links.entries()) link.send(Uint8Array.of(i), () => {});
    rig.clock.advance(500);
    expect(clients.map(({ values }) => values)).toEqual([['00'], ['01'], [], ['03']]);
  });

  it('takes one connection on a controller that cannot advertise while it has one', () => {
    const rig = new GattRig();
    const [central, peripheral] = [rig.end(), rig.end({ version: 6 })];
    peripheral.controller.faults.refuse.set(OPCODE.LE_READ_SUPPORTED_STATES, 0x01);
    peripheral.controller.hardwareError();
    rig.clock.advance(2000);
    expect(peripheral.peripheral.connections).toBe(1);
    const [client] = rig.linked(central, peripheral);
    expect(() => rig.discover(rig.end())).toThrow('nothing');
    client.link.disconnect();
    rig.clock.advance(1000);
    expect(rig.discover(central).service).toBe(0x1828);
  });

  it('comes back after the controller was reset, and after a refusal', () => {
    const rig = new GattRig();
    const [central, peripheral] = [rig.end(), rig.end()];
    const [client, server] = rig.linked(central, peripheral);
    peripheral.controller.hardwareError();
    rig.clock.advance(10_000);
    expect([client.ended, server.ended]).toEqual([1, 1]);
    expect(rig.discover(central).service).toBe(0x1828);
    const { refuse } = peripheral.controller.faults;
    refuse.set(OPCODE.LE_SET_EXTENDED_ADVERTISING_DATA, 0x07);
    rig.serve(peripheral);
    rig.clock.advance(5000);
    expect(() => rig.discover(central)).toThrow('nothing');
    refuse.clear();
    expect(rig.discover(central).service).toBe(0x1828);
  });
});

describe('several connections', () => {
  it('are a central’s to several peripherals, each with its own values', () => {
    const rig = new GattRig();
    const central = rig.end();
    const ends = [0, 1, 2].map(() => rig.linked(central, rig.end()));
    for (const [i, [client, server]] of ends.entries()) {
      client.link.send(Uint8Array.of(i), () => {});
      server.link.send(Uint8Array.of(i, i), () => {});
    }
    rig.clock.advance(500);
    expect(ends.map(([client, server]) => [client.values, server.values])).toEqual(
      [0, 1, 2].map((i) => [[`0${i}0${i}`], [`0${i}`]]),
    );
  });
});
