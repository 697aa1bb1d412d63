import { BlobClient, BlobServer, sourceOf } from '@meshferry/blob';
import { MemoryStore, storeView } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { FirmwareUpdateServer } from './target.ts';
import { Device, metadataOf } from './testing/device.ts';
import { IMAGE, Mesh, NEW_ID, Stack } from './testing/mesh.ts';
import { FirmwareUpdateClient } from './update-client.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';
import type { Update, UpdateEvent } from './update-types.ts';

const NODE = 0x0300;
const OTHER_ID = Uint8Array.of(0x59, 0, 7);
const OTHER_IMAGE = Uint8Array.from({ length: 900 }, (_, i) => (i * 13) & 0xff);

/** A node with two elements, each of them a Target with images of its own; the device restarts as a whole. */
class TwinNode {
  readonly devices = [new Device(), new Device()] as const;
  readonly store = new MemoryStore();
  servers: FirmwareUpdateServer[] = [];
  restarts = 0;
  readonly #mesh: Mesh;
  #off: () => void = () => {};

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    for (const device of this.devices) device.restart = () => this.#restart();
    this.#powerOn([undefined, undefined]);
  }

  #powerOn(outcomes: readonly (boolean | undefined)[]): void {
    const { clock } = this.#mesh;
    const capabilities = { maxBlockSizeLog: 8 };
    const elements = this.devices.map((application, i) => {
      const blob = new BlobServer({ clock, store: storeView(this.store, `blob${i}/`), capabilities });
      const server = new FirmwareUpdateServer({ store: storeView(this.store, `update${i}/`), blob, application });
      return { blob, server };
    });
    this.servers = elements.map(({ server }) => server);
    const models = elements.map(({ blob, server }) => [blob.model, server.model]);
    const { network } = new Stack(this.#mesh, this.#mesh.join(), NODE, this.store, models);
    this.#off = () => {
      network.close();
      for (const { blob } of elements) blob.close();
    };
    elements.forEach(({ server }, i) => {
      const outcome = outcomes[i];
      if (outcome !== undefined) server.applied(outcome);
      server.start();
    });
  }

  #restart(): void {
    this.restarts++;
    this.#off();
    this.#mesh.clock.after(2000, () => {
      this.#powerOn(this.devices.map((device) => (device.pending === undefined ? undefined : device.boot())));
    });
  }
}

/** Somebody who distributes firmware. */
class Updater {
  readonly events: UpdateEvent[] = [];
  readonly #client: FirmwareUpdateClient;
  readonly #mesh: Mesh;
  run!: Update;

  constructor(mesh: Mesh, address: number) {
    this.#mesh = mesh;
    const { clock, random } = mesh;
    const blob = new BlobClient({ clock, random });
    this.#client = new FirmwareUpdateClient({ clock, random, blob });
    new Stack(mesh, mesh.join(), address, new MemoryStore(), [[blob.model, this.#client.model]]);
  }

  start(addresses: readonly number[], image: Uint8Array, firmwareId: Uint8Array, blobId: bigint): Update {
    const parameters = {
      ...this.#mesh.parameters(),
      receivers: addresses.map((address) => ({ address, imageIndex: 0 })),
      ...{ blobId, firmwareId, metadata: metadataOf(image, firmwareId), source: sourceOf(image) },
    };
    this.run = this.#client.update(parameters, (event) => this.events.push(event));
    return this.run;
  }

  get outcome(): string | undefined {
    const last = this.events.at(-1);
    return last?.type === 'done' ? last.outcome : undefined;
  }
}

function scene(): { mesh: Mesh; node: TwinNode; updaters: [Updater, Updater]; until: (isSo: () => boolean) => void } {
  const mesh = new Mesh([]);
  const node = new TwinNode(mesh);
  const updaters: [Updater, Updater] = [new Updater(mesh, 0x0011), new Updater(mesh, 0x0012)];
  const until = (isSo: () => boolean): void => {
    const end = mesh.clock.now + 3_600_000;
    while (!isSo())
      if (mesh.clock.now > end || !mesh.clock.step()) throw new Error('nothing of the kind within an hour');
  };
  return { mesh, node, updaters, until };
}

describe('two Firmware Update Servers on a node', () => {
  it('take different images from two Distributors at the same time', () => {
    const { node, updaters, until } = scene();
    const [one, two] = updaters;
    one.start([NODE], IMAGE, NEW_ID, 1n);
    two.start([NODE + 1], OTHER_IMAGE, OTHER_ID, 2n);
    let together = 0;
    until(() => {
      if (node.servers.every(({ phase }) => phase === UpdatePhase.transferActive)) together++;
      return one.outcome !== undefined && two.outcome !== undefined;
    });
    expect(together, 'both in Transfer Active').toBeGreaterThan(100);
    expect([one.outcome, two.outcome]).toEqual(['complete', 'complete']);
    expect(node.devices.map(({ firmwareId }) => firmwareId)).toEqual([NEW_ID, OTHER_ID]);
    expect(node.devices.map(({ running }) => running)).toEqual([IMAGE, OTHER_IMAGE]);
  });

  it('take the same image in one update, each of them', () => {
    const { node, updaters, until } = scene();
    const [one] = updaters;
    one.start([NODE, NODE + 1], IMAGE, NEW_ID, 1n);
    until(() => one.outcome !== undefined);
    expect(one.run.receivers.map(({ phase }) => phase)).toEqual([UpdatePhase.applySuccess, UpdatePhase.applySuccess]);
    expect(node.devices.map(({ running }) => running)).toEqual([IMAGE, IMAGE]);
  });

  it('do not lose the transfer of one when the other restarts the node', () => {
    const { node, updaters, until } = scene();
    const [one, two] = updaters;
    one.start([NODE], IMAGE, NEW_ID, 1n);
    until(() => one.run.phase === 'applying');
    two.start([NODE + 1], OTHER_IMAGE, OTHER_ID, 2n);
    const before = node.restarts;
    until(() => one.outcome !== undefined && two.outcome !== undefined);
    expect([one.outcome, two.outcome]).toEqual(['complete', 'complete']);
    expect(node.restarts - before).toBeGreaterThan(0);
    expect(node.devices.map(({ running }) => running)).toEqual([IMAGE, OTHER_IMAGE]);
  });
});

describe('two Distributors that want the same server', () => {
  it('the second one hears that it is busy, and the first one is not disturbed', () => {
    const { node, updaters, until } = scene();
    const [one, two] = updaters;
    one.start([NODE], IMAGE, NEW_ID, 1n);
    until(() => one.run.phase === 'transferring');
    two.start([NODE], OTHER_IMAGE, OTHER_ID, 2n);
    until(() => one.outcome !== undefined && two.outcome !== undefined);
    expect(two.outcome).toBe('failed');
    expect(two.run.receivers[0]?.error).toBeDefined();
    expect(two.run.receivers[0]?.updateStatus).not.toBe(UpdateStatus.success);
    expect(one.outcome).toBe('complete');
    expect(node.devices[0].running).toEqual(IMAGE);
  });

  it('with the same BLOB ID, image and metadata are both content: it is the same update', () => {
    const { node, updaters, until } = scene();
    const [one, two] = updaters;
    one.start([NODE], IMAGE, NEW_ID, 1n);
    until(() => one.run.phase === 'refreshing');
    two.start([NODE], IMAGE, NEW_ID, 1n);
    until(() => one.outcome !== undefined && two.outcome !== undefined);
    expect(one.outcome).toBe('complete');
    expect(node.devices[0].running).toEqual(IMAGE);
  });
});
