import { MemoryStore, MeshError, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  type ProvisionedNode,
  ProvisioningDevice,
  pbAdv,
  pbAdvAcceptor,
  provisionDevice,
} from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { appMessage, TestNode, track } from '../../network/src/testing/node.ts';
import { DATA } from '../../provisioning/src/testing/ends.ts';
import type { ControllerOptions } from './testing/emulated-controller.ts';
import { Rig } from './testing/rig.ts';

const UUID = new Uint8Array(16).fill(7);

const pairs: [name: string, ControllerOptions, ControllerOptions][] = [
  ['extended controllers', { sets: 4 }, { sets: 1 }],
  ['an extended and a legacy controller', {}, { extended: false }],
  ['legacy controllers of version 4.0', { version: 6 }, { version: 6, creditMs: 2 }],
];

describe.each(pairs)('over %s', (_, first, second) => {
  it('network PDUs go both ways, single ones and segments', () => {
    const rig = new Rig();
    const nodes = [first, second].map((options, i) => {
      const node = new TestNode({
        clock: rig.clock,
        random: new SeededRandom(i),
        store: new MemoryStore(),
        address: i + 1,
      });
      node.layer.attach(rig.radio(options).advertising);
      return node;
    });
    const [a, b] = nodes as [TestNode, TestNode];
    const sent = [5, 100, 380].map((length) => track((done) => a.layer.send(appMessage(1, 2, length), done)));
    rig.clock.advance(20_000);
    const back = [5, 100].map((length) => track((done) => b.layer.send(appMessage(2, 1, length), done)));
    rig.clock.advance(20_000);
    expect([...sent, ...back].map(({ outcome }) => outcome)).toEqual(Array(5).fill('sent'));
    expect([a.received.length, b.received.length]).toEqual([2, 3]);
  });

  it('a device is provisioned over PB-ADV, also when both controllers are reset meanwhile', () => {
    for (const resets of [false, true]) {
      const rig = new Rig();
      const [radio, other] = [rig.radio(first), rig.radio(second)];
      const ground = (name: string) => ({ clock: rig.clock, random: new SeededRandom(name), crypto: portableCrypto });
      const nodes: ProvisionedNode[] = [];
      const device = new ProvisioningDevice(ground('device'), { elements: 1, provisioned: (node) => nodes.push(node) });
      const acceptor = pbAdvAcceptor(ground('radio'), other.advertising);
      acceptor.accept({ uuid: UUID, oobInformation: 0 }, (link) => device.serve(link));
      let outcome: ProvisionedNode | MeshError | undefined;
      const own = ground('provisioner');
      pbAdv(own, radio.advertising).open(UUID, (link) => {
        if (link instanceof MeshError) throw link;
        provisionDevice(own, link, {
          dataFor: () => DATA,
          aboutToFinish: () => {},
          done: (how) => {
            outcome = how;
          },
        });
      });
      if (resets) {
        rig.clock.advance(60);
        expect(outcome).toBeUndefined();
        radio.controller.hardwareError();
        rig.clock.advance(500);
        other.controller.hardwareError();
      }
      rig.clock.advance(60_000);
      expect(outcome).toEqual(nodes[0]);
      expect(nodes).toHaveLength(1);
    }
  });
});
