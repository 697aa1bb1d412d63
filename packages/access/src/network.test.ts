import { memoryAir } from '@meshferry/bearer';
import { MemoryStore, type MeshError, type Result, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetworkLayer } from '@meshferry/network';
import { expect, it } from 'vitest';
import { AccessLayer } from './access-layer.ts';
import { rest, u16 } from './fields.ts';
import { message } from './message.ts';
import { Model } from './model.ts';
import { request } from './request.ts';
import { LABEL, Lamp, LampSet, LampStatus } from './testing/lamp.ts';

const key = (octet: number): Uint8Array => new Uint8Array(16).fill(octet);
const Bulk = message({ name: 'Bulk', opcode: 0x7d, source: 'test', fields: { number: u16(), data: rest() } });

/** Nodes with real network layers in one air that loses some of what is sent. */
class Mesh {
  readonly clock = new VirtualClock();
  readonly #air = memoryAir(this.clock, new SeededRandom('air'), { loss: 0.1 });

  add(address: number, models: readonly Model[]): AccessLayer {
    const common = { clock: this.clock, random: new SeededRandom(address), crypto: portableCrypto };
    const access = new AccessLayer({
      ...common,
      store: new MemoryStore(),
      address,
      identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 32, features: 0 },
      deviceKeyOf: (node) => key(0x80 | node),
    });
    access.addElement(0x0100, models);
    const network = new NetworkLayer({
      ...common,
      store: new MemoryStore(),
      host: access,
      address,
      elements: access.elementCount,
      deviceKey: key(0x80 | address),
    });
    network.addNetKey(0, key(1));
    network.addAppKey(0, 0, key(2));
    network.attach(this.#air.join().advertising);
    access.connect(network);
    return access;
  }
}

function lampAndClient(spec: { security?: 'device' } = {}): { mesh: Mesh; lamp: Lamp; client: Model } {
  const mesh = new Mesh();
  const lamp = new Lamp(spec);
  const client = new Model({
    id: 0x0059_0002,
    name: 'Client',
    security: spec.security === undefined ? 'app' : 'peer-device',
  });
  client.handle(LampStatus);
  mesh.add(0x0001, [client]);
  mesh.add(0x0010, [lamp.model]);
  for (const model of [client, lamp.model]) model.bind(0);
  return { mesh, lamp, client };
}

function ask(client: Model, mesh: Mesh, to: Parameters<Model['send']>[2]): unknown {
  let outcome: Result<{ level: number }, MeshError> | undefined;
  request(
    client,
    { type: LampSet, value: { level: 42 }, to, response: LampStatus, attempts: 5, intervalMs: 2000 },
    (result) => {
      outcome = result;
    },
  );
  mesh.clock.advance(15_000);
  return outcome;
}

it('carries a request and its answer over the air, by unicast, group and virtual address', () => {
  const { mesh, lamp, client } = lampAndClient();
  lamp.model.subscribe(0xc001);
  lamp.model.subscribe(LABEL);
  const answer = { ok: true, value: { level: 42 } };
  expect(ask(client, mesh, { dst: 0x0010 })).toEqual(answer);
  expect(ask(client, mesh, { dst: 0x0010, segmented: true })).toEqual(answer);
  expect(ask(client, mesh, { dst: 0xc001 })).toEqual(answer);
  expect(ask(client, mesh, { dst: lamp.model.subscriptions[1]?.address ?? 0, label: LABEL })).toEqual(answer);
  expect(lamp.heard.map(({ context }) => context.dst).slice(0, 1)).toEqual([0x0010]);
  expect(lamp.heard.at(-1)?.context.label).toEqual(LABEL);
});

it('keeps to the device key of the server', () => {
  const { mesh, lamp, client } = lampAndClient({ security: 'device' });
  expect(ask(client, mesh, { dst: 0x0010, deviceKeyOf: 0x0010 })).toEqual({ ok: true, value: { level: 42 } });
  expect(lamp.heard[0]?.context.key).toEqual({ kind: 'device', node: 0x0010 });
  const heard = lamp.heard.length;
  expect(ask(client, mesh, { dst: 0x0010, deviceKeyOf: 0x0001 })).toMatchObject({
    ok: false,
    error: { code: 'no-response' },
  });
  expect(lamp.heard).toHaveLength(heard);
});

it('delivers a long message once, whole', () => {
  const mesh = new Mesh();
  const sender = new Model({ id: 0x1401, name: 'Sender' });
  const receiver = new Model({ id: 0x1400, name: 'Receiver' });
  const heard: number[] = [];
  receiver.handle(Bulk, ({ data }) => heard.push(data.length));
  mesh.add(0x0001, [sender]);
  const counters = mesh.add(0x0010, [receiver]).counters;
  for (const model of [sender, receiver]) model.bind(0);
  const outcomes: unknown[] = [];
  sender.send(Bulk, { number: 1, data: new Uint8Array(377).fill(3) }, { dst: 0x0010 }, (error) =>
    outcomes.push(error?.code),
  );
  mesh.clock.advance(30_000);
  expect(outcomes).toEqual([undefined]);
  expect(heard).toEqual([377]);
  expect(counters).toEqual({ received: 1, delivered: 1, ignored: 0, malformed: 0 });
});
