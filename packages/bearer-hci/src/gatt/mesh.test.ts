import { MemoryStore, MeshError, SeededRandom, toMeshError } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { ConfigurationClient } from '@meshferry/foundation';
import { MeshDevice, MeshNode } from '@meshferry/node';
import { type ProvisionedNode, type ProvisioningBearer, pbGatt, provisionDevice } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import type { ControllerOptions } from '../testing/emulated-controller.ts';
import { type GattEnd, GattRig } from '../testing/gatt-rig.ts';

const UUID = Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i);
const NET_KEY = new Uint8Array(16).fill(0x11);
const ADDRESS = 0x0100;
const identity = { cid: 1, pid: 2, vid: 3, crpl: 32, features: 2 };

/** A device and who provisions it, each on a controller of its own, with GATT alone between them. */
class Mesh {
  readonly rig = new GattRig('mesh');
  readonly near: GattEnd;
  readonly far: GattEnd;
  readonly configuration = new ConfigurationClient();
  readonly client: MeshNode;
  readonly device: MeshDevice;
  #deviceKey: Uint8Array | undefined;

  constructor(options: ControllerOptions) {
    this.near = this.rig.end(options);
    this.far = this.rig.end(options);
    this.client = new MeshNode({
      ...this.#ground('client'),
      address: 1,
      keys: { deviceKey: new Uint8Array(16).fill(1), netKeys: [{ index: 0, key: NET_KEY }], appKeys: [] },
      identity,
      elements: [{ location: 0, models: [this.configuration.model] }],
      deviceKeyOf: () => this.#deviceKey,
    });
    this.device = new MeshDevice({
      ...this.#ground('device'),
      announced: { uuid: UUID, oobInformation: 0 },
      provisioning: { elements: 1 },
      compose: (membership) =>
        new MeshNode({ ...membership, identity, elements: [{ location: 0, models: [] }], gattProxy: true }),
    });
    this.device.serve(this.far.peripheral);
  }

  #ground(seed: string) {
    const { clock } = this.rig;
    return { clock, random: new SeededRandom(seed), crypto: portableCrypto, store: new MemoryStore() };
  }

  provision(bearer: ProvisioningBearer): Promise<ProvisionedNode | MeshError> {
    const data = { netKey: NET_KEY, netKeyIndex: 0, keyRefresh: false, ivUpdate: false, ivIndex: 0 };
    return this.run(
      new Promise((done) => {
        bearer.open(UUID, (opened) => {
          if (opened instanceof MeshError) return done(opened);
          provisionDevice(this.#ground('provisioner'), opened, {
            dataFor: () => ({ ...data, unicastAddress: ADDRESS }),
            aboutToFinish: ({ deviceKey }) => {
              this.#deviceKey = deviceKey;
            },
            done,
          });
        });
      }),
    );
  }

  /** Composition data of the device, over the proxy that it is: a segmented message. */
  answers(): Promise<true | string> {
    const asked = this.configuration.node.compositionDataGet({ address: ADDRESS, netIndex: 0 }, 0, { attempts: 3 });
    return this.run(asked.then(() => true as const).catch((thrown) => toMeshError(thrown).code));
  }

  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    const end = this.rig.clock.now + 300_000;
    while (!settled && this.rig.clock.now < end && this.rig.clock.step()) {
      await undefined;
      await undefined;
    }
    if (!settled) throw new Error('the work has not ended');
    return work;
  }
}

describe.each<[string, ControllerOptions]>([
  ['extended controllers', {}],
  ['extended controllers with one set', { sets: 1 }],
  ['controllers of version 4.0', { version: 6 }],
])('a mesh over %s', (_, options) => {
  it('provisions over PB-GATT, speaks through the proxy, and survives 20 disconnects', async () => {
    const mesh = new Mesh(options);
    const { clock } = mesh.rig;
    expect(await mesh.provision(pbGatt({ clock }, mesh.near.central))).toMatchObject({ capabilities: { elements: 1 } });
    const events: string[] = [];
    const connector = mesh.client.network.proxy.connect(mesh.near.central, {
      listener: ({ type }) => void events.push(type),
    });
    clock.advance(10_000);
    expect(events).toContain('ready');
    expect(await mesh.answers()).toBe(true);
    for (let i = 0; i < 20; i++) {
      const [connection] = (i % 2 === 0 ? mesh.near : mesh.far).connections.of(i % 2 === 0 ? 'central' : 'peripheral');
      connection?.disconnect();
      if (i % 3 === 0) clock.advance(20 * i);
      expect(await mesh.answers()).toBe(true);
    }
    expect(events.filter((type) => type === 'closed').length).toBeGreaterThanOrEqual(20);
    connector.close();
    clock.advance(1000);
    expect(mesh.near.connections.of('central')).toEqual([]);
  }, 60_000);
});
