import { memoryAir, withFaults } from '@meshferry/bearer';
import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { ProvisioningDevice } from './device.ts';
import { pbAdv } from './pb-adv.ts';
import { pbAdvAcceptor } from './pb-adv-acceptor.ts';
import { provisionDevice } from './provisioner.ts';
import type { ProvisionedNode } from './provisioner-options.ts';
import { DATA } from './testing/ends.ts';

const DEVICES = 5;

describe('provisioning over PB-ADV', () => {
  it.each([0, 0.3])(`of ${DEVICES} devices at once gives each its own node, packet loss %d`, (loss) => {
    const clock = new VirtualClock();
    const air = memoryAir(clock, new SeededRandom('air'));
    const radio = (name: string) => {
      const random = new SeededRandom(name);
      const advertising = withFaults(air.join().advertising, clock, random, {
        loss,
        duplication: loss,
        reordering: loss,
      });
      return { ground: { clock, random, crypto: portableCrypto }, advertising };
    };
    const outcomes = new Map<number, ProvisionedNode | MeshError>();
    const nodes = new Map<number, ProvisionedNode>();
    const closings: unknown[] = [];
    const provisioner = radio('provisioner');
    const bearer = pbAdv(provisioner.ground, provisioner.advertising);
    for (let i = 1; i <= DEVICES; i++) {
      const uuid = new Uint8Array(16).fill(i);
      const { ground, advertising } = radio(`device ${i}`);
      const device = new ProvisioningDevice(ground, {
        elements: i,
        provisioned: (node) => nodes.set(i, node),
        ended: (outcome) => closings.push(outcome),
      });
      pbAdvAcceptor(ground, advertising).accept({ uuid, oobInformation: 0 }, (link) => device.serve(link));
      bearer.open(uuid, (link) => {
        if (link instanceof MeshError) throw link;
        provisionDevice(provisioner.ground, link, {
          dataFor: ({ elements }) => ({ ...DATA, unicastAddress: 0x100 * elements }),
          aboutToFinish: () => {},
          done: (outcome) => outcomes.set(i, outcome),
        });
      });
    }
    clock.advance(120_000);
    expect(nodes.size).toBe(DEVICES);
    expect(outcomes).toEqual(nodes);
    for (const [i, node] of nodes) expect(node.data.unicastAddress).toBe(0x100 * i);
    expect(closings).toEqual(Array(DEVICES).fill({ complete: true, success: true }));
  });
});
