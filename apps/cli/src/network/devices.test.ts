import { type Advertising, type GattCentral, memoryAir, memoryGatt } from '@meshferry/bearer';
import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  type ProvisioningAcceptor,
  type ProvisioningLink,
  pbAdvAcceptor,
  pbGattAcceptor,
} from '@meshferry/provisioning';
import { expect, test } from 'vitest';
import { reachDevices } from './devices.ts';
import { joinCentrals } from './joined.ts';

const UUID = new Uint8Array(16).fill(7);

/** A radio that can do both, and a device that announces itself as it is told. */
function setUp() {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const air = memoryAir(clock, random);
  const gatt = memoryGatt(clock);
  const device = air.join().advertising;
  const links: ProvisioningLink[] = [];
  const accept = (acceptor: ProvisioningAcceptor) =>
    acceptor.accept({ uuid: UUID, oobInformation: 0 }, (link) => void links.push(link));
  const reach = {
    clock,
    random,
    advertising: air.join().advertising as Advertising,
    central: gatt.central() as GattCentral,
  };
  const open = (seconds: number, bearer = reachDevices(reach)) => {
    const outcomes: (ProvisioningLink | MeshError)[] = [];
    const cancel = bearer!.open(UUID, (outcome) => void outcomes.push(outcome));
    clock.advance(1000 * seconds);
    return { cancel, outcomes };
  };
  return {
    ...{ clock, reach, open, links },
    byAdv: () => accept(pbAdvAcceptor({ clock, random, crypto: portableCrypto }, device)),
    byGatt: () => accept(pbGattAcceptor({ clock }, gatt.peripheral())),
  };
}

test('a radio that can do one reaches devices so; one that can do nothing reaches none', () => {
  const { reach, open, byAdv, byGatt } = setUp();
  byAdv();
  byGatt();
  for (const name of ['advertising', 'central'] as const) {
    const bearer = reachDevices({ ...reach, advertising: undefined, central: undefined, [name]: reach[name] });
    expect(open(10, bearer).outcomes).toEqual([expect.not.objectContaining({ code: expect.anything() })]);
  }
  expect(reachDevices({ ...reach, advertising: undefined, central: undefined })).toBeUndefined();
});

test('one that can do both takes the way on which the device announces itself', () => {
  const { open, byGatt, links } = setUp();
  byGatt();
  const { outcomes } = open(10);
  expect(outcomes).toHaveLength(1);
  expect(outcomes[0]).not.toBeInstanceOf(MeshError);
  expect(links).toHaveLength(1);
});

test('and of both ways the one that advertises', () => {
  const { open, byAdv, byGatt, links } = setUp();
  const stop = byGatt();
  byAdv();
  const { outcomes } = open(10);
  expect(outcomes[0]).not.toBeInstanceOf(MeshError);
  expect(links).toHaveLength(1);
  // A GATT connection would have ended the announcement by advertising as well, not the other way round.
  stop();
  (outcomes[0] as ProvisioningLink).close('success');
});

test('a device that is silent is asked nevertheless, and can be given up', () => {
  const { open, clock } = setUp();
  const { outcomes } = open(120);
  expect(outcomes).toMatchObject([{ code: 'link-open-failed' }]);
  const second = open(5);
  second.cancel();
  clock.advance(120_000);
  expect(second.outcomes).toEqual([]);
});

test('several radios are one: a peer is connected to by the radio that heard it', () => {
  const clock = new VirtualClock();
  const [near, far] = [memoryGatt(clock), memoryGatt(clock)];
  const links: ProvisioningLink[] = [];
  pbGattAcceptor({ clock }, far.peripheral()).accept(
    { uuid: UUID, oobInformation: 0 },
    (link) => void links.push(link),
  );
  const central = joinCentrals([near.central(), far.central()]);
  const outcomes: unknown[] = [];
  reachDevices({ clock, random: new SeededRandom(1), advertising: undefined, central })?.open(
    UUID,
    (outcome) => void outcomes.push(outcome),
  );
  clock.advance(10_000);
  expect(outcomes).toHaveLength(1);
  expect(outcomes[0]).not.toBeInstanceOf(MeshError);
  expect(links).toHaveLength(1);
  const only = near.central();
  expect(joinCentrals([only])).toBe(only);
  expect(joinCentrals([])).toBeUndefined();
});
