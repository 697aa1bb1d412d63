import { BlobServer } from '@meshferry/blob';
import { MemoryStore, storeView, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { FirmwareUpdateServer } from './target.ts';
import { Device, type DeviceTraits } from './testing/device.ts';
import { GROUP, IMAGE, Mesh, NEW_ID, Stack } from './testing/mesh.ts';

const NEW = toHex(NEW_ID);
const START = '830d';

/** A node with a Firmware Update Server on each of its elements; applying at one restarts it whole. */
class ManyServers {
  readonly address = 0x0200;
  readonly devices: readonly Device[];
  readonly #mesh: Mesh;
  readonly #store = new MemoryStore();
  #turnOff: () => void = () => {};

  constructor(mesh: Mesh, traits: readonly DeviceTraits[]) {
    this.#mesh = mesh;
    this.devices = traits.map((each) => new Device(each));
    for (const device of this.devices) device.restart = () => this.#restart();
    this.#turnOn([]);
  }

  get receivers(): { address: number; imageIndex: number }[] {
    return this.devices.map((_, i) => ({ address: this.address + i, imageIndex: 0 }));
  }

  #restart(): void {
    this.#turnOff();
    this.#mesh.clock.after(2000, () => {
      // The bootloader looks at the slots of those alone that were told to apply.
      const booted = this.devices.map((device) => (device.calls.at(-1) === 'apply' ? device.boot() : undefined));
      this.#turnOn(booted);
    });
  }

  #turnOn(booted: readonly (boolean | undefined)[]): void {
    const { clock } = this.#mesh;
    const elements = this.devices.map((application, i) => {
      const blob = new BlobServer({
        clock,
        store: storeView(this.#store, `blob ${i}/`),
        capabilities: { maxBlockSizeLog: 8 },
      });
      const update = new FirmwareUpdateServer({ store: storeView(this.#store, `update ${i}/`), blob, application });
      return { blob, update };
    });
    const models = elements.map(({ blob, update }) => [blob.model, update.model]);
    const stack = new Stack(this.#mesh, this.#mesh.join(), this.address, this.#store, models);
    elements.forEach(({ update }, i) => {
      update.model.subscribe(GROUP);
      const ok = booted[i];
      if (ok !== undefined) update.applied(ok);
      update.start();
    });
    this.#turnOff = () => {
      stack.network.close();
      for (const { blob } of elements) blob.close();
    };
  }
}

describe('several images in one update', () => {
  it('tells each target its own image index, by unicast, also when the image goes to a group', () => {
    const more = { moreImages: [{ firmwareId: Uint8Array.of(0x59, 0, 7) }, { firmwareId: Uint8Array.of(0x59, 0, 8) }] };
    const mesh = new Mesh([more, more, more]);
    const toGroup: string[] = [];
    mesh.onArrival = ({ dst, payload }, _, deliver) => {
      if (dst === GROUP) toGroup.push(toHex(payload.subarray(0, 2)));
      deliver();
    };
    const receivers = mesh.parameters().receivers.map((receiver, i) => ({ ...receiver, imageIndex: 2 - i }));
    mesh.client.start({ receivers, group: GROUP });
    mesh.run();
    // BLOB ID, then the index, then the metadata.
    const starts = mesh.heard.filter(({ src, hex }) => src === 1 && hex.startsWith(START));
    expect(starts.map(({ hex }) => hex.slice(4 + 2 * 11, 4 + 2 * 12))).toEqual(['02', '01', '00']);
    expect(mesh.client.errors).toEqual([undefined, undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
    expect(toGroup.length).toBeGreaterThan(0);
    expect(toGroup.filter((opcode) => opcode.startsWith('83') && opcode >= '8308')).toEqual([]);
  });

  it('leaves out those that have no image of their index alone', () => {
    const more = { moreImages: [{ firmwareId: Uint8Array.of(0x59, 0, 7) }] };
    const mesh = new Mesh([more, {}, more]);
    const receivers = mesh.parameters().receivers.map((receiver) => ({ ...receiver, imageIndex: 1 }));
    mesh.client.start({ receivers });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, 'no-such-image', undefined]);
  });

  it('refuses an index that no message can hold', () => {
    const mesh = new Mesh([{}]);
    for (const imageIndex of [-1, 256]) {
      expect(() => mesh.client.start({ receivers: [{ address: 0x0100, imageIndex }] })).toThrow('image index');
    }
  });
});

describe('several Firmware Update Servers on one node', () => {
  it.each([
    ['by unicast', 0],
    ['by group', GROUP],
  ])('are updated in one update, %s, although each restarts the other', (_, group) => {
    const mesh = new Mesh([{}]);
    const node = new ManyServers(mesh, [{}, {}, {}]);
    const receivers = [...node.receivers, ...mesh.parameters().receivers];
    mesh.client.start({ receivers, group });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined, undefined, undefined]);
    for (const { firmwareId, running, calls } of node.devices) {
      expect(toHex(firmwareId)).toBe(NEW);
      expect(running).toEqual(IMAGE);
      expect(calls.lastIndexOf('verify')).toBeLessThan(calls.indexOf('apply'));
    }
    expect(mesh.firmware).toEqual([NEW]);
  });

  it('one of them fails without the others', () => {
    const mesh = new Mesh([]);
    const node = new ManyServers(mesh, [{}, { failVerification: true }, {}]);
    mesh.client.start({ receivers: node.receivers });
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, 'verification-failed', undefined]);
    expect(node.devices.map(({ firmwareId }) => toHex(firmwareId))).toEqual([NEW, '590001', NEW]);
  });
});
