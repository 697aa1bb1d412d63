import { type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { OPCODE } from '../codes.ts';
import { type GattEnd, GattRig, watch } from '../testing/gatt-rig.ts';
import { type Script, type ScriptedPeer, scriptedPeripheral } from '../testing/scripted-peer.ts';

/** What a Zephyr node with the proxy service answers, by the start of the request. */
const ANSWERS: [request: string, ...answers: string[]][] = [
  ['02', '03 4500'],
  ['06 0100 ffff 0028 2818', '07 0a00 0f00'],
  ['08 0a00 0f00 0328', '09 07 0b00 04 0c00 dd2a 0d00 10 0e00 de2a'],
  ['08 0f00 0f00 0328', '01 08 0f00 0a'],
  ['04 0f00 0f00', '05 01 0f00 0229'],
  ['12 0f00 0100', '13'],
];

/** The node, with other answers where a test wants them. */
function node(...others: [request: string, ...answers: string[]][]): Script {
  return (pdu) => {
    for (const [request, ...answers] of [...others, ...ANSWERS])
      if (pdu.startsWith(request.replaceAll(' ', ''))) return answers;
    return [];
  };
}

function setUp(script: Script): { rig: GattRig; central: GattEnd; peer: ScriptedPeer } {
  const rig = new GattRig();
  return { rig, central: rig.end(), peer: scriptedPeripheral(rig, script) };
}

function connect(script: Script): {
  rig: GattRig;
  central: GattEnd;
  peer: ScriptedPeer;
  outcome: GattLink | MeshError;
} {
  const made = setUp(script);
  const { peer } = made.rig.discover(made.central);
  return { ...made, outcome: made.rig.connect(made.central, peer) };
}

describe('a GATT central', () => {
  it('asks for what the specification says, in this order, and has a link', () => {
    const { peer, outcome } = connect(node());
    expect(peer.heard).toEqual([
      '02f201',
      '060100ffff00282818',
      '080a000f000328',
      '080f000f000328',
      '040f000f00',
      '120f000100',
    ]);
    expect(outcome).not.toBeInstanceOf(MeshError);
    expect((outcome as GattLink).mtu).toBe(69);
  });

  it('writes without response to the one, and takes the values of the other characteristic', () => {
    const { rig, peer, outcome } = connect(node());
    const client = watch(outcome as GattLink);
    client.link.send(Uint8Array.of(0, 1, 2), () => {});
    peer.send('1b 0e00 aabb');
    peer.send('1b 0c00 ff');
    rig.clock.advance(1000);
    expect(peer.heard.at(-1)).toBe('520c00000102');
    expect(client.values).toEqual(['aabb']);
  });

  it('keeps values that come before the subscription is answered', () => {
    const { rig, outcome } = connect(node(['12', '1b 0e00 01', '1b 0e00 02', '13', '1b 0e00 03']));
    const client = watch(outcome as GattLink);
    rig.clock.advance(1000);
    expect(client.values).toEqual(['01', '02', '03']);
  });

  it('ends a link whose values nobody takes before they are too many', () => {
    const { rig, central, peer, outcome } = connect(node());
    for (let i = 0; i < 70; i++) peer.send('1b 0e00 01');
    rig.clock.advance(5000);
    expect(central.connections.of('central')).toEqual([]);
    expect(watch(outcome as GattLink).values).toHaveLength(64);
  });

  it('subscribes to indications where there are no notifications, and confirms them', () => {
    const { rig, peer, outcome } = connect(
      node(['08 0a00', '09 07 0b00 04 0c00 dd2a 0d00 20 0e00 de2a'], ['12 0f00 0200', '13']),
    );
    const client = watch(outcome as GattLink);
    peer.send('1d 0e00 0102');
    rig.clock.advance(1000);
    expect(client.values).toEqual(['0102']);
    expect(peer.heard.at(-1)).toBe('1e');
  });

  it.each([
    ['is smaller than there can be', '03 0500', 23],
    ['is larger than what was asked for', '03 ffff', 498],
    ['is refused', '01 02 0000 06', 23],
    ['is no number', '03 45', 23],
  ])('goes on when the ATT_MTU %s', (_, answer, mtu) => {
    expect((connect(node(['02', answer])).outcome as GattLink).mtu).toBe(mtu);
  });

  it('looks through all services where they cannot be found by their UUID', () => {
    const { peer, outcome } = connect(
      node(['06', '01 06 0100 06'], ['10 0100', '11 06 0100 0900 0018 0a00 0f00 2818']),
    );
    expect(outcome).not.toBeInstanceOf(MeshError);
    expect(peer.heard).toContain('100100ffff0028');
  });

  it('understands a 16-bit UUID in 16 octets', () => {
    const base = '0010 8000 00805f9b34fb'.split(' ');
    expect(base).toHaveLength(3);
    const long = (uuid: string) => `fb349b5f80000080001000 00${uuid}0000`.replaceAll(' ', '');
    const { outcome } = connect(
      node(
        ['08 0a00', `09 15 0b00 04 0c00 ${long('dd2a')}`],
        ['08 0d00', `09 15 0d00 10 0e00 ${long('de2a')}`],
        ['04 0f00', `05 02 0f00 ${long('0229')}`],
      ),
    );
    expect(outcome).not.toBeInstanceOf(MeshError);
  });

  it('answers a request for other connection parameters, and asks the controller for them', () => {
    const { rig, central, peer } = connect(node());
    peer.frame('0c00 0500 12 07 0800 1800 2800 0000 9001');
    rig.clock.advance(1000);
    const updates = central.controller.commands.filter(({ opcode }) => opcode === OPCODE.LE_CONNECTION_UPDATE);
    expect(updates.map(({ parameters }) => [...parameters.slice(2)])).toEqual([
      [0x18, 0, 0x28, 0, 0, 0, 0x90, 1, 0, 0, 0, 0],
    ]);
    expect(central.connections.of('central')).toHaveLength(1);
  });
});

/** What can be wrong with the answer to each request of the setup. */
const STEPS: [step: string, request: string][] = [
  ['ATT_MTU', '02'],
  ['the service', '06'],
  ['the characteristics', '08'],
  ['the descriptors', '04'],
  ['the subscription', '12'],
];
const LIES: [lie: string, request: string, answer: string][] = [
  ['a service that ends before it begins', '06', '07 0f00 0a00'],
  ['a service at handle 0', '06', '07 0000 0a00'],
  ['half a service', '06', '07 0a00 0f'],
  ['no service in the answer', '06', '07'],
  ['a characteristic ahead of the service', '08', '09 07 0100 04 0200 dd2a'],
  ['a characteristic behind the service', '08', '09 07 0b00 04 1c00 dd2a'],
  ['a value ahead of its declaration', '08', '09 07 0b00 04 0b00 dd2a'],
  ['characteristics that go round in circles', '08', '09 07 0b00 04 0c00 dd2a 0b00 04 0c00 dd2a'],
  ['characteristics of no length', '08', '09 00'],
  ['characteristics of an odd length', '08', '09 07 0b00 04 0c00 dd'],
  ['characteristics without the ability to write', '08 0a00', '09 07 0b00 02 0c00 dd2a 0d00 10 0e00 de2a'],
  ['characteristics without the ability to notify', '08 0a00', '09 07 0b00 04 0c00 dd2a 0d00 02 0e00 de2a'],
  ['descriptors that were not asked for', '04', '05 01 0100 0229'],
  ['descriptors of no format', '04', '05 07 0f00 0229'],
  ['other descriptors only', '04', '05 01 0f00 0129'],
];

describe('a peripheral that does not do as it should', () => {
  /** The outcome of connecting is an error, told once; the connection is over, and there can be another one. */
  function expectFailure(made: ReturnType<typeof connect>, pattern: RegExp, code = 'connect-failed'): void {
    const { rig, central, outcome, peer } = made;
    expect(outcome).toBeInstanceOf(MeshError);
    expect((outcome as MeshError).code).toBe(code);
    expect((outcome as MeshError).message).toMatch(pattern);
    expect(central.connections.of('central')).toEqual([]);
    expect(central.controller.connections.handles).toEqual([]);
    peer.script = node();
    const again = rig.connect(central, rig.discover(central).peer);
    expect(again).not.toBeInstanceOf(MeshError);
  }

  it.each(LIES)('names %s', (_, request, answer) => {
    expectFailure(connect(node([request, answer])), /Attribute Protocol|the service has|subscribed to/);
  });

  it.each(STEPS.slice(1))('refuses %s', (_, request) => {
    expectFailure(connect(node([request, `01 ${request} 0000 03`])), /write not permitted/);
    for (const [error, name] of [
      ['05', /insufficient authentication/],
      ['0c', /insufficient encryption key size/],
      ['0f', /insufficient encryption/],
    ] as const)
      expectFailure(connect(node([request, `01 ${request} 0000 ${error}`])), name, 'pairing-needed');
  });

  it.each(STEPS.slice(1))('does not have %s', (_, request) => {
    expectFailure(connect(node([request, `01 ${request} 0100 0a`])), /does not have|has no|refused|not found/);
  });

  it.each(STEPS)('says nothing when asked for %s', (_, request) => {
    expectFailure(connect(node([request])), /in time|took too long/);
  });

  it.each(STEPS)('answers with something else when asked for %s', (_, request) => {
    expectFailure(connect(node([request, '0b 01', '01 0a 0000 05', '15', '01', '0102', '0d'])), /./);
  });

  it.each(STEPS)('disconnects when asked for %s', (_, request) => {
    const made = setUp(node());
    const { script } = made.peer;
    made.peer.script = (pdu) => {
      if (!pdu.startsWith(request)) return script(pdu);
      made.peer.disconnect();
      return [];
    };
    const { peer } = made.rig.discover(made.central);
    expectFailure({ ...made, outcome: made.rig.connect(made.central, peer) }, /the other end disconnected/);
  });

  it.each(STEPS)('is switched off when asked for %s', (_, request) => {
    const made = setUp(node());
    made.peer.script = (pdu) => {
      if (!pdu.startsWith(request)) return node()(pdu);
      made.peer.controller.reset();
      return [];
    };
    const { peer } = made.rig.discover(made.central);
    const outcome = made.rig.connect(made.central, peer);
    expect(outcome).toBeInstanceOf(MeshError);
    expect((outcome as MeshError).message).toMatch(/not heard any more/);
  });

  it.each([
    ['a frame longer than a value can be', 'ffff0400'],
    ['a frame that is cut short', '050004001b0e00', '010004000b'],
    ['a value without a handle', '010004001b'],
  ])('sends %s', (_, ...frames) => {
    const { rig, central, peer, outcome } = connect(node());
    const client = watch(outcome as GattLink);
    for (const frame of frames) peer.frame(frame);
    rig.clock.advance(2000);
    expect(client.ended).toBe(1);
    expect(central.connections.of('central')).toEqual([]);
  });

  it('asks for pairing, security and things unknown', () => {
    const { rig, central, peer, outcome } = connect(node());
    const client = watch(outcome as GattLink);
    const connection = peer.connections[0]!;
    const got: string[] = [];
    connection.host.acl.open(connection.handle, (_first, data) => void got.push(Buffer.from(data).toString('hex')));
    peer.frame('0700 0600 01 03 00 01 10 00 00');
    peer.frame('0200 0600 0b 01');
    peer.frame('0600 0500 14 09 0200 0000');
    peer.frame('0c00 0500 12 07 0800 0000 0000 0000 0000');
    peer.frame('0300 0500 12 07 08');
    peer.frame('0300 4000 12 07 08');
    rig.clock.advance(2000);
    expect(got).toEqual(['020006000505', '060005000109020000' + '00', '0600050013070200' + '0100']);
    expect(client.ended).toBe(0);
    expect(central.connections.of('central')).toHaveLength(1);
  });
});

describe('connecting', () => {
  it('has no outcome and leaves nothing once cancelled, whenever that is', () => {
    for (let after = 0; after < 600; after += 7) {
      const { rig, central, peer } = setUp(node());
      const found = rig.discover(central).peer;
      let outcomes = 0;
      const cancel = central.central.connect(found, MESH_PROXY_SERVICE, () => outcomes++);
      rig.clock.advance(after);
      const before = outcomes;
      cancel();
      rig.clock.advance(5000);
      expect(outcomes).toBe(before);
      if (before === 1) continue;
      expect(central.connections.of('central')).toEqual([]);
      expect(central.controller.connections.handles).toEqual([]);
      expect(peer.controller.connections.handles).toEqual([]);
      expect(rig.discover(central).peer).toBe(found);
    }
  });

  it('fails after a while with an advertiser that is not there, and later ones wait for it', () => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    let second: GattLink | MeshError | undefined;
    central.central.connect('11:22:33:44:55:66/random', MESH_PROXY_SERVICE, () => {});
    central.central.connect(found, MESH_PROXY_SERVICE, (outcome) => {
      second = outcome;
    });
    rig.clock.advance(7000);
    expect(second).toBeUndefined();
    rig.clock.advance(4000);
    expect(second).toBeDefined();
    expect(second).not.toBeInstanceOf(MeshError);
  });

  it('fails at once with a handle that is none, and with a peer that is connected already', () => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    expect(rig.connect(central, 'nonsense')).toMatchObject({ code: 'connect-failed' });
    expect(rig.connect(central, found)).not.toBeInstanceOf(MeshError);
    expect(rig.connect(central, found)).toMatchObject({ code: 'connect-failed' });
  });

  it('is tried again when the other end did not take the connection up', () => {
    const { rig, central, peer } = setUp(node());
    const found = rig.discover(central).peer;
    let times = 0;
    peer.script = (pdu) => {
      if (times++ < 2) {
        const handle = central.controller.connections.handles.at(-1);
        central.controller.event(0x05, [0, handle!, 0, 0x3e]);
        return [];
      }
      return node()(pdu);
    };
    expect(rig.connect(central, found)).not.toBeInstanceOf(MeshError);
    expect(times).toBeGreaterThan(2);
  });

  it.each([
    ['0x0C while it cannot', 0x0c],
    ['0x0D while it cannot', 0x0d],
  ])('waits while the controller refuses with %s', (_, status) => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    central.controller.faults.refuse.set(OPCODE.LE_EXTENDED_CREATE_CONNECTION, status);
    rig.clock.after(1000, () => central.controller.faults.refuse.clear());
    expect(rig.connect(central, found)).not.toBeInstanceOf(MeshError);
  });

  it.each([0x0c, 0x0d])('says what the controller refused it with all the time, %i', (status) => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    central.controller.faults.refuse.set(OPCODE.LE_EXTENDED_CREATE_CONNECTION, status);
    const { message } = rig.connect(central, found) as MeshError;
    expect(message).toMatch(`refused to connect for 8 s, with status 0x0${status.toString(16).toUpperCase()}`);
  });

  it('names the need for pairing where the other end disconnects for the lack of it', () => {
    const { rig, central, peer } = setUp(node());
    const found = rig.discover(central).peer;
    peer.script = (pdu) => {
      if (!pdu.startsWith('12')) return node()(pdu);
      const handle = central.controller.connections.handles.at(-1)!;
      central.controller.event(0x05, [0, handle, 0, 0x05]);
      return [];
    };
    const address = found.slice(0, 17);
    const message = expect.stringMatching(new RegExp(`^${address} must`)) as string;
    expect(rig.connect(central, found)).toMatchObject({ code: 'pairing-needed', message });
  });

  it('looks for a device that is named by its address', () => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    const address = found.slice(0, 17).toLowerCase();
    const link = rig.connect(central, address);
    expect(link).not.toBeInstanceOf(MeshError);
    expect(rig.connect(central, address)).toMatchObject({ message: expect.stringMatching(/connected already/) });
    const start = rig.clock.now;
    expect(rig.connect(central, '11:22:33:44:55:66')).toMatchObject({ message: expect.stringMatching(/show itself/) });
    expect(rig.clock.now - start).toBeLessThan(11_000);
    let outcomes = 0;
    const other = setUp(node());
    const peer = other.rig.discover(other.central).peer.slice(0, 17);
    for (const ms of [0, 5, 50, 120]) {
      const cancel = other.central.central.connect(peer, MESH_PROXY_SERVICE, () => outcomes++);
      other.rig.clock.advance(ms);
      cancel();
      cancel();
    }
    other.rig.clock.advance(20_000);
    expect([outcomes, other.central.controller.scanning.enabled]).toEqual([0, false]);
  });

  it('fails when the controller refuses for good', () => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    central.controller.faults.refuse.set(OPCODE.LE_EXTENDED_CREATE_CONNECTION, 0x11);
    expect(rig.connect(central, found)).toMatchObject({ code: 'connect-failed' });
    central.controller.faults.refuse.clear();
    expect(rig.connect(central, found)).not.toBeInstanceOf(MeshError);
  });

  it('uses the public address where there is no random one', () => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    central.controller.randomAddress = undefined;
    expect(rig.connect(central, found)).not.toBeInstanceOf(MeshError);
  });

  it('goes on with a controller that refuses longer packets and the faster PHY', () => {
    const { rig, central } = setUp(node());
    const found = rig.discover(central).peer;
    central.controller.faults.refuse.set(OPCODE.LE_SET_DATA_LENGTH, 0x01);
    central.controller.faults.refuse.set(OPCODE.LE_SET_PHY, 0x01);
    expect(rig.connect(central, found)).not.toBeInstanceOf(MeshError);
  });

  it('fails when the controller is reset meanwhile, and works again after that', () => {
    for (const after of [1, 50, 120, 200, 300]) {
      const { rig, central, peer } = setUp(node());
      const found = rig.discover(central).peer;
      let outcome: GattLink | MeshError | undefined;
      central.central.connect(found, MESH_PROXY_SERVICE, (result) => {
        outcome = result;
      });
      rig.clock.advance(after);
      if (outcome !== undefined) continue;
      central.controller.hardwareError();
      rig.clock.advance(10_000);
      expect(outcome).toMatchObject({ code: 'connect-failed' });
      peer.script = node();
      expect(rig.connect(central, rig.discover(central).peer)).not.toBeInstanceOf(MeshError);
    }
  });
});
