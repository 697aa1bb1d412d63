import { isDeepStrictEqual } from 'node:util';
import {
  type GattAdvertisement,
  type GattCentral,
  MESH_PROVISIONING_SERVICE,
  memoryGatt,
  memoryGattLinks,
} from '@meshferry/bearer';
import { fromHex, MeshError, toHex, VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProvisioningLink } from './link.ts';
import { pbGatt } from './pb-gatt.ts';
import { pbGattAcceptor } from './pb-gatt-acceptor.ts';
import { PbGattLink } from './pb-gatt-link.ts';
import { LinkEnd } from './testing/link-end.ts';
import { decodeUnprovisionedServiceData, encodeUnprovisionedServiceData } from './unprovisioned-service-data.ts';

const UUID = fromHex('70cf7c9732a345b691494810d2e9cbf4');

function world(mtu = 23, connections = 1) {
  const clock = new VirtualClock();
  const gatt = memoryGatt(clock, { mtu });
  const far: LinkEnd[] = [];
  const peripheral = gatt.peripheral({ connections });
  const stop = pbGattAcceptor({ clock }, peripheral).accept({ uuid: UUID, oobInformation: 0x4020 }, (link) => {
    far.push(new LinkEnd(link));
  });
  const central = gatt.central();
  const near: LinkEnd[] = [];
  const errors: MeshError[] = [];
  const open = (uuid = UUID) =>
    pbGatt({ clock }, gatt.central()).open(uuid, (outcome) => {
      if (outcome instanceof MeshError) errors.push(outcome);
      else near.push(new LinkEnd(outcome));
    });
  const heard: GattAdvertisement[] = [];
  central.discover([0x1827], (advertisement) => heard.push(advertisement));
  return { clock, far, near, errors, open, stop, heard, peripheral };
}

function linked(mtu?: number, connections?: number) {
  const made = world(mtu, connections);
  made.open();
  made.clock.advance(1000);
  return { ...made, p: made.near[0]!, d: made.far[0]! };
}

describe('service data of an unprovisioned device', () => {
  it('is UUID and little-endian OOB Information, as in the sample data', () => {
    const data = { uuid: UUID, oobInformation: 0x4020 };
    const octets = encodeUnprovisionedServiceData(data);
    expect(toHex(octets)).toBe('70cf7c9732a345b691494810d2e9cbf42040');
    expect(decodeUnprovisionedServiceData(octets)).toEqual({ ok: true, value: data });
  });

  it('with reserved bits set is read the other way round', () => {
    const decode = (tail: string) => decodeUnprovisionedServiceData(fromHex(toHex(UUID) + tail));
    expect(decode('0204')).toMatchObject({ value: { oobInformation: 0x0402 } }); // reserved either way: as specified
    expect(decode('0002')).toMatchObject({ value: { oobInformation: 0x0002 } });
    expect(decode('0102')).toMatchObject({ value: { oobInformation: 0x0102 } });
  });

  it('never throws, and gives back any values without reserved bits', () => {
    const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const oobInformation = fc.integer({ min: 0, max: 0xffff }).map((bits) => bits & ~0x0600);
    fc.assert(
      fc.property(fc.record({ uuid, oobInformation }), (data) => {
        const decoded = decodeUnprovisionedServiceData(encodeUnprovisionedServiceData(data));
        return decoded.ok && isDeepStrictEqual(decoded.value, { ...data });
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 31 }), (octets) => {
        return decodeUnprovisionedServiceData(octets).ok === (octets.length === 18);
      }),
    );
  });
});

describe('PB-GATT', () => {
  it.each([23, 33, 69, 247])('carries PDUs of all lengths both ways with an ATT_MTU of %i', (mtu) => {
    const { clock, p, d } = linked(mtu);
    const pdus = [1, 2, 19, 20, 64, 65].map((length) => Uint8Array.from({ length }, (_, i) => i + length));
    p.send(...pdus);
    d.send(...pdus.toReversed());
    clock.advance(1000);
    expect(d.received).toEqual(pdus.map(toHex));
    expect(p.received).toEqual(pdus.toReversed().map(toHex));
    expect(p.outcomes).toEqual(pdus.map(() => 'sent'));
  });

  it('announces again, fast at first, when the connection has ended; while it lasts it does not', () => {
    const { clock, p, d, heard } = linked();
    heard.length = 0;
    clock.advance(10_000);
    expect(heard).toEqual([]);
    p.link.close('success');
    clock.advance(1000);
    expect([p.closed, d.closed]).toEqual([undefined, 'fail']);
    expect(heard.length).toBeGreaterThan(5);
    expect(toHex(heard[0]!.data)).toBe('70cf7c9732a345b691494810d2e9cbf42040');
    clock.advance(60_000);
    heard.length = 0;
    clock.advance(10_000);
    expect(heard.length).toBeLessThan(12);
  });

  it('tells the provisioner when the device disconnects, and what was on its way is not sent', () => {
    const { clock, p, d } = linked();
    p.send(new Uint8Array(65), new Uint8Array(2));
    d.link.close('fail');
    d.link.close('fail');
    clock.advance(1000);
    expect([p.closed, d.closed, p.outcomes]).toEqual(['fail', undefined, ['link-closed', 'link-closed']]);
    p.send(new Uint8Array(2));
    expect(p.outcomes).toHaveLength(2);
    clock.advance(1);
    expect(p.outcomes.at(-1)).toBe('link-closed');
  });

  it('refuses PDUs that are too long or empty', () => {
    const { clock, p } = linked();
    p.send(new Uint8Array(66), new Uint8Array(0));
    p.link.send(new Uint8Array(1));
    clock.advance(100);
    expect(p.outcomes).toEqual(['bad-pdu-length', 'bad-pdu-length']);
  });

  it('is closed by both ends when nothing comes for 60 s, later when a user may be busy', () => {
    const { clock, d } = linked();
    clock.advance(61_000);
    expect(d.closed).toBe('timeout');
    const other = linked();
    other.p.send(fromHex('0000'));
    other.clock.advance(50_000);
    other.d.send(fromHex('01'));
    other.clock.advance(90_000);
    expect(other.d.closed).toBeUndefined();
    other.clock.advance(20_000);
    expect(other.d.closed).toMatch(/timeout|fail/);
  });

  it('takes one connection at a time', () => {
    const { clock, near, open, far, peripheral } = linked(23, 2);
    const stop = peripheral.advertise({
      service: 0x1827,
      data: encodeUnprovisionedServiceData({ uuid: UUID, oobInformation: 0 }),
      intervalMs: 100,
      privateAddress: false,
    }); // as a peripheral that goes on announcing would
    open();
    clock.advance(1000);
    stop();
    expect([far.length, near.length, near[1]?.closed]).toEqual([1, 2, 'fail']);
    near[0]!.send(fromHex('0000'));
    clock.advance(100);
    expect(far[0]!.received).toEqual(['0000']);
  });

  it('stopped lets an open link live on, but takes no other', () => {
    const { clock, stop, p, d, open, errors, heard } = linked();
    stop();
    p.send(fromHex('0000'));
    clock.advance(100);
    expect(d.received).toEqual(['0000']);
    p.link.close('success');
    heard.length = 0;
    open();
    clock.advance(61_000);
    expect([errors[0]?.code, heard]).toEqual(['link-open-failed', []]);
  });

  it('does not open to a device that does not advertise itself', () => {
    const { clock, open, errors, far } = world();
    open(new Uint8Array(16));
    clock.advance(59_000);
    expect(errors).toEqual([]);
    clock.advance(2000);
    expect(errors).toMatchObject([{ code: 'link-open-failed' }]);
    expect(far).toEqual([]);
  });

  it('can be cancelled while it scans and while it connects', () => {
    const { clock, open, errors, near, far } = world();
    open(new Uint8Array(16))();
    const cancel = open();
    clock.advance(120);
    cancel();
    clock.advance(70_000);
    expect([errors, near, far]).toEqual([[], [], []]);
  });

  it('scans again when connecting fails or takes too long', () => {
    const clock = new VirtualClock();
    const { client } = memoryGattLinks(clock);
    const data = encodeUnprovisionedServiceData({ uuid: UUID, oobInformation: 0 });
    let attempts = 0;
    let scanning = 0;
    const central: GattCentral = {
      discover: (_, found) => {
        scanning++;
        const timer = clock.after(100, () => found({ service: 0x1827, data, peer: 'x', rssi: -50, at: clock.now }));
        return () => timer.cancel();
      },
      connect: (_, service, done) => {
        expect(service).toBe(MESH_PROVISIONING_SERVICE);
        attempts++;
        const outcome = attempts === 1 ? new MeshError('connect-failed', 'no') : client;
        const timer = clock.after(attempts === 2 ? 100_000 : 50, () => done(outcome));
        return () => timer.cancel();
      },
    };
    const outcomes: (ProvisioningLink | MeshError)[] = [];
    pbGatt({ clock }, central).open(UUID, (outcome) => outcomes.push(outcome));
    clock.advance(20_000);
    expect([attempts, scanning]).toEqual([3, 3]);
    expect(outcomes[0]).toBeInstanceOf(PbGattLink);
    clock.advance(100_000);
    expect(outcomes).toHaveLength(1);
  });

  it('ends a connection whose other end breaks the rules of segments', () => {
    const clock = new VirtualClock();
    const { client, server } = memoryGattLinks(clock);
    let ended = 0;
    const end = new LinkEnd(new PbGattLink(clock, server, () => ended++));
    client.listen({ received: () => {}, disconnected: () => {} });
    client.send(fromHex('00ff'), () => {}); // a Network PDU: of the other service
    client.send(fromHex('03'), () => {}); // an empty Provisioning PDU
    client.send(fromHex('c30000'), () => {}); // a last segment without a first
    clock.advance(1000);
    expect([end.received, end.closed, ended]).toEqual([[], 'fail', 1]);
  });
});
