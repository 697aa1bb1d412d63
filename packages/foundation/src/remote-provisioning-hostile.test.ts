import { type Model, opcodeAt } from '@meshferry/access';
import { type MeshError, SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { provisionDevice } from '@meshferry/provisioning';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pbRemote } from './pb-remote.ts';
import { RemoteProvisioningLinkGet } from './remote-provisioning-messages.ts';
import { NET_KEY } from './testing/node.ts';
import { RawClient } from './testing/raw-client.ts';
import { Device, type RemoteNode, RemoteWorld } from './testing/remote.ts';

/** Messages of the family with any parameters, many of them well-formed. */
const hostile = fc
  .tuple(
    fc.integer({ min: 0x4f, max: 0x5f }),
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.integer({ min: 0, max: 4 }), fc.uint8Array({ maxLength: 70 }))
        .map(([n, rest]) => Uint8Array.of(n, ...rest)),
      fc.constant(new Uint8Array(16).fill(0xd1)),
    ),
  )
  .map(([opcode, parameters]) => Uint8Array.of(0x80, opcode, ...parameters));

describe('hostile messages', () => {
  it('do a server no harm', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostile, fc.boolean(), fc.nat({ max: 4000 })), { maxLength: 30 }), (messages) => {
        const { world, client, server } = scene();
        for (const [payload, isOther, ms] of messages) {
          hear(server, server.server.model, payload, isOther ? 0x0002 : 0x0001);
          world.clock.advance(ms);
        }
        world.clock.advance(200_000);
        expect(new RawClient(world, client).ask(RemoteProvisioningLinkGet, {})).toEqual(['status 0 0']);
      }),
      { numRuns: 300 },
    );
  });

  it('do a client no harm: its link works or ends, and its caller is told once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(hostile, fc.nat({ max: 2000 })), { maxLength: 20 }), async (messages) => {
        const { world, client, device } = scene();
        const outcomes: unknown[] = [];
        const ground = { clock: world.clock, random: new SeededRandom('provisioner'), crypto: portableCrypto };
        const data = {
          netKey: NET_KEY,
          netKeyIndex: 0,
          keyRefresh: false,
          ivUpdate: false,
          ivIndex: 0,
          unicastAddress: 9,
        };
        const ended = new Promise<void>((resolve) => {
          const done = (outcome: unknown): void => {
            outcomes.push(outcome);
            resolve();
          };
          pbRemote(client.client, { address: 0x0100 }).open(device.uuid, (link) => {
            if ('code' in link) done(link);
            else provisionDevice(ground, link, { dataFor: () => data, aboutToFinish: () => {}, done });
          });
        });
        let at = 100;
        for (const [payload, ms] of messages) {
          at += ms;
          world.clock.after(at, () => hear(client, client.client.model, payload, 0x0100));
        }
        await world.until(ended);
        await world.until(new Promise<void>((resolve) => world.clock.after(100_000, resolve)));
        expect(outcomes).toHaveLength(1);
        const [outcome] = outcomes as [MeshError | object];
        if (!('code' in outcome)) expect(outcome).toEqual(device.node);
      }),
      { numRuns: 100 },
    );
  });
});

/** A message that only this node hears, under the device key of the server. */
function hear(node: RemoteNode, model: Model, payload: Uint8Array, src: number): void {
  expect(opcodeAt(payload)).toBeGreaterThanOrEqual(0x804f);
  const key = { kind: 'device', node: 0x0100 } as const;
  const dst = model.element;
  node.access.receive({ src, dst, key, netIndex: 0, credentials: 'flooding', ttl: 5, seq: 0, payload });
}

function scene() {
  const world = new RemoteWorld();
  const client = world.node(0x0001, [0x0100]);
  const server = world.node(0x0100);
  const device = new Device(world.clock, world.air, 0xd1);
  world.separate(client.number, 2);
  return { world, client, server, device };
}
