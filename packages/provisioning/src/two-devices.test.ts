import { memoryAir } from '@meshferry/bearer';
import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { expect, it } from 'vitest';
import { ProvisioningDevice } from './device.ts';
import { pbAdv } from './pb-adv.ts';
import { pbAdvAcceptor } from './pb-adv-acceptor.ts';
import { provisionDevice } from './provisioner.ts';
import type { ProvisionedNode } from './provisioner-options.ts';
import { DATA } from './testing/ends.ts';

const UUID = new Uint8Array(16).fill(7);

/** Provisions while `devices` devices with one UUID are on; gives the outcome, and the devices that think they are nodes. */
function provision(seed: number, devices: number) {
  const clock = new VirtualClock();
  const air = memoryAir(clock, new SeededRandom(`air ${seed}`));
  const ground = (name: string) => ({ clock, random: new SeededRandom(`${name} ${seed}`), crypto: portableCrypto });
  const nodes: ProvisionedNode[] = [];
  const reserved: number[] = [];
  for (let i = 0; i < devices; i++) {
    const device = new ProvisioningDevice(ground(`device ${i}`), {
      elements: 1,
      provisioned: (node) => nodes.push(node),
    });
    pbAdvAcceptor(ground(`radio ${i}`), air.join().advertising).accept({ uuid: UUID, oobInformation: 0 }, (link) =>
      device.serve(link),
    );
  }
  const own = ground('provisioner');
  let outcome: ProvisionedNode | MeshError | undefined;
  pbAdv(own, air.join().advertising).open(UUID, (link) => {
    if (link instanceof MeshError) throw link;
    provisionDevice(own, link, {
      dataFor: () => {
        reserved.push(DATA.unicastAddress);
        return DATA;
      },
      aboutToFinish: () => {},
      done: (how) => {
        outcome = how;
      },
    });
  });
  clock.advance(200_000);
  return { outcome, nodes, reserved };
}

it('two devices with one UUID: the user is told to switch one off, and no address is given away', () => {
  const told: string[] = [];
  for (let seed = 0; seed < 30; seed++) {
    const { outcome, nodes, reserved } = provision(seed, 2);
    expect(reserved.length).toBeLessThanOrEqual(1);
    if (outcome instanceof MeshError) {
      expect(outcome.hint).toMatch(/\w/);
      told.push(outcome.code);
      // Whoever may have the data is said to be uncertain: its address stays reserved.
      if (outcome.code !== 'provisioning-uncertain') expect(nodes).toEqual([]);
    } else {
      expect(nodes).toEqual([outcome]);
    }
    expect(nodes.length).toBeLessThanOrEqual(1);
  }
  expect(told.filter((code) => code === 'two-devices').length).toBeGreaterThan(25);
});

it('one device alone is one', () => {
  for (let seed = 0; seed < 10; seed++) {
    const { outcome, nodes } = provision(seed, 1);
    expect(nodes).toEqual([outcome]);
  }
});
