import { type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { type MeshError, silent } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { HciBearer } from '../bearer.ts';
import { LE_EVENT, OPCODE } from '../codes.ts';
import type { EmulatedController } from '../testing/emulated-controller.ts';
import { GattRig, watch } from '../testing/gatt-rig.ts';

function setUp() {
  const rig = new GattRig();
  const [central, peripheral] = [rig.end(), rig.end()];
  const links = rig.serve(peripheral);
  return { rig, central, peripheral, links, peer: rig.discover(central).peer };
}

/** Connects and hands over the outcome when there is one. */
function start({ central, peer }: Pick<ReturnType<typeof setUp>, 'central' | 'peer'>) {
  const told: { outcomes: (GattLink | MeshError)[]; cancel: () => void } = { outcomes: [], cancel: () => {} };
  told.cancel = central.central.connect(peer, MESH_PROXY_SERVICE, (outcome) => void told.outcomes.push(outcome));
  return told;
}

const CREATE = OPCODE.LE_EXTENDED_CREATE_CONNECTION;

describe('controllers of other manners', () => {
  it.each<[string, (opcode: number) => number | 'twice' | undefined]>([
    ['answers after the event that follows', (opcode) => (opcode === CREATE ? 700 : undefined)],
    ['answers everything twice', () => 'twice'],
    ['answers everything late', () => 150],
  ])('connect and disconnect where one %s', (_, answer) => {
    const made = setUp();
    made.central.controller.faults.answer = answer;
    made.peripheral.controller.faults.answer = answer;
    for (let round = 0; round < 3; round++) {
      made.peer = made.rig.discover(made.central).peer;
      const { outcomes } = start(made);
      made.rig.clock.advance(10_000);
      expect(outcomes).toHaveLength(1);
      const client = watch(outcomes[0] as GattLink);
      expect(made.central.connections.of('central')).toHaveLength(1);
      client.link.disconnect();
      made.rig.clock.advance(5000);
      expect([client.ended, made.links[round]?.ended]).toEqual([1, 1]);
    }
  });

  it('may report a connection twice', () => {
    const made = setUp();
    const { controller } = made.central;
    const event = controller.leEvent.bind(controller);
    controller.leEvent = (subevent, parameters) => {
      event(subevent, parameters);
      if (subevent === LE_EVENT.ENHANCED_CONNECTION_COMPLETE) event(subevent, parameters);
    };
    const { outcomes } = start(made);
    made.rig.clock.advance(2000);
    expect(outcomes).toHaveLength(1);
    expect(made.central.connections.of('central')).toHaveLength(1);
  });

  it('may connect in the moment of a cancel: the connection is ended', () => {
    const made = setUp();
    const { rig, central } = made;
    // The cancel is refused, as the connection is there already.
    central.controller.faults.refuse.set(OPCODE.LE_CREATE_CONNECTION_CANCEL, 0x0c);
    const { outcomes, cancel } = start(made);
    rig.clock.advance(3);
    cancel();
    rig.clock.advance(10_000);
    expect(outcomes).toEqual([]);
    expect(central.controller.connections.handles).toEqual([]);
    expect(made.links.length).toBe(0);
    central.controller.faults.refuse.clear();
    expect(watch(rig.connect(central, rig.discover(central).peer) as GattLink).ended).toBe(0);
  });

  it('may say nothing after a cancel: others connect all the same', () => {
    const made = setUp();
    const { rig, central } = made;
    const { refuse } = central.controller.faults;
    // It answers with success and goes on initiating.
    refuse.set(OPCODE.LE_CREATE_CONNECTION_CANCEL, 0);
    const { outcomes } = start({ central, peer: '11:22:33:44:55:66/random' });
    rig.clock.advance(12_000);
    refuse.clear();
    expect(outcomes).toMatchObject([{ code: 'connect-failed' }]);
    expect(central.controller.connections.initiating).toBe(true);
    expect(watch(rig.connect(central, rig.discover(central).peer) as GattLink).ended).toBe(0);
  });

  it('may not disconnect: a reset ends it', () => {
    const made = setUp();
    const [client] = [watch(made.rig.connect(made.central, made.peer) as GattLink)];
    made.central.controller.faults.answer = (opcode) => (opcode === OPCODE.DISCONNECT ? 'never' : undefined);
    made.central.controller.connections.ended = () => {};
    client.link.disconnect();
    made.rig.clock.advance(40_000);
    expect(client.ended).toBe(1);
    expect(made.central.connections.of('central')).toEqual([]);
  });

  it('may hold data back for good: values wait, few are on their way, and all end with the link', () => {
    const made = setUp();
    const { rig, central, links } = made;
    const client = watch(rig.connect(central, made.peer) as GattLink);
    rig.clock.advance(500);
    const { controller } = central;
    const event = controller.event.bind(controller);
    controller.event = (code, parameters) => {
      if (code !== 0x13) event(code, parameters);
    };
    const outcomes: (string | undefined)[] = [];
    const next = (error?: MeshError): void => {
      outcomes.push(error?.code);
      if (error === undefined && outcomes.length < 100) client.link.send(new Uint8Array(10), next);
    };
    client.link.send(new Uint8Array(10), next);
    rig.clock.advance(10_000);
    expect(outcomes.length).toBeLessThanOrEqual(4);
    expect(links[0]!.values).toHaveLength(outcomes.length);
    client.link.disconnect();
    rig.clock.advance(1000);
    expect(outcomes.at(-1)).toBe('bearer-closed');
    expect(client.ended).toBe(1);
  });
});

describe('the bearer of a controller', () => {
  async function open(rig: GattRig): Promise<{ bearer: HciBearer; controller: EmulatedController }> {
    const { line, controller } = rig.controller();
    const opening = HciBearer.open(line, { ...rig.ground, log: silent });
    rig.settle();
    return { bearer: await opening, controller };
  }

  it('has GATT of both roles, and tells the other ends when it is closed', async () => {
    const rig = new GattRig();
    const { bearer } = await open(rig);
    const central = rig.end();
    const links: ReturnType<typeof watch>[] = [];
    bearer.peripheral?.serve(MESH_PROXY_SERVICE, (link) => void links.push(watch(link)));
    bearer.peripheral?.advertise({ service: 0x1828, data: new Uint8Array(9), intervalMs: 100, privateAddress: false });
    const client = watch(rig.connect(central, rig.discover(central).peer) as GattLink);
    rig.clock.advance(100);
    const sent: (string | undefined)[] = [];
    for (let i = 0; i < 100; i++) links[0]!.link.send(new Uint8Array(100), (error) => void sent.push(error?.code));
    bearer.close();
    bearer.close();
    rig.clock.advance(350);
    // Much sooner than by its supervision timeout.
    expect([client.ended, links[0]!.ended]).toEqual([1, 1]);
    expect(sent).toHaveLength(100);
    expect(sent.at(-1)).toBe('bearer-closed');
    expect(() => rig.discover(central)).toThrow('nothing');
  });

  it('ends what is under way with the reason of the end', async () => {
    for (const [end, code] of [
      ['close', 'bearer-closed'],
      ['unplug', 'bearer-lost'],
    ] as const)
      for (const ms of [1, 100, 200]) {
        const rig = new GattRig();
        const { bearer, controller } = await open(rig);
        const peripheral = rig.end();
        rig.serve(peripheral);
        const { peer } = rig.discover(rig.end());
        const outcomes: (GattLink | MeshError)[] = [];
        bearer.central?.connect(peer, MESH_PROXY_SERVICE, (outcome) => void outcomes.push(outcome));
        rig.clock.advance(ms);
        if (outcomes.length > 0) continue;
        if (end === 'close') bearer.close();
        else controller.unplug();
        rig.clock.advance(400);
        expect(outcomes).toMatchObject([{ code }]);
        bearer.central?.connect(peer, MESH_PROXY_SERVICE, (outcome) => void outcomes.push(outcome));
        rig.clock.advance(400);
        expect(outcomes).toMatchObject([{ code }, { code }]);
      }
  });

  it('has no GATT where the controller has no connections', async () => {
    const rig = new GattRig();
    const { line, controller } = rig.controller({ aclPackets: 0 });
    const opening = HciBearer.open(line, rig.ground);
    rig.settle();
    const bearer = await opening;
    expect([controller.knows(CREATE), bearer.central, bearer.peripheral]).toEqual([true, undefined, undefined]);
  });
});
