import { MeshError, SeededRandom, toHex } from '@meshferry/core';
import { UpdateEffect } from '@meshferry/dfu';
import { demoSigningKey, generateSigningKey, type MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { BLOCK, Device, firmware, OLD, version } from './testing/mcuboot-device.ts';

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(version(1, 2));
});

describe('a target with MCUboot slots', () => {
  it('takes an image in blocks, verifies it, swaps it in at boot and tells its new firmware id', () => {
    const device = new Device();
    device.receive(made.image, made.metadata);
    expect(device.verify(made.metadata)).toBeUndefined();
    device.target.apply(0, () => expect.unreachable('it restarts'));
    expect(device.restarts).toBe(1);
    device.restart();
    expect(device.target.boot()).toBe('swapped');
    expect(device.firmwareId).toBe(toHex(made.firmwareId));
    expect(toHex(device.target.runningImage() ?? new Uint8Array())).toBe(toHex(made.image));
    expect(device.target.boot(), 'the power may have failed before anybody heard of it').toBe('swapped');
    device.target.start(0, made.metadata);
    expect(device.target.boot()).toBe('nothing');
  });

  it('keeps the old firmware when the octets in the slot changed after it was verified', () => {
    const device = new Device();
    device.receive(made.image, made.metadata);
    expect(device.verify(made.metadata)).toBeUndefined();
    device.target.apply(0, () => {});
    device.target.flipOctet();
    device.restart();
    expect(device.target.boot()).toBe('reverted');
    expect(device.firmwareId).toBe(OLD);
  });

  it('does not verify an image with a flipped octet', () => {
    const device = new Device();
    device.receive(made.image, made.metadata);
    device.target.flipOctet();
    expect(device.verify(made.metadata)).toMatch(/hash/);
  });

  it('does not verify an image of another size than the metadata says', () => {
    const device = new Device();
    device.receive(made.image.subarray(0, made.image.length - 1), made.metadata);
    expect(device.verify(made.metadata)).toMatch(/octets/);
  });

  it('finds the blocks of an interrupted transfer again, for the same BLOB alone', () => {
    const device = new Device();
    device.receive(made.image.subarray(0, 2 * BLOCK), made.metadata, made.image.length);
    device.restart();
    const sink = device.target.recover(0, made.metadata);
    expect(sink?.recover?.(7n, made.image.length)).toBe(true);
    expect(sink?.recover?.(8n, made.image.length)).toBe(false);
    for (let at = 2 * BLOCK; at < made.image.length; at += BLOCK) sink?.block(at, made.image.subarray(at, at + BLOCK));
    expect(device.verify(made.metadata)).toBeUndefined();
  });

  it('says so when the flash refuses a write, and takes the block again later', () => {
    const device = new Device();
    device.receive(made.image.subarray(0, BLOCK), made.metadata, made.image.length);
    const sink = device.target.recover(0, made.metadata);
    const { batch } = device.store;
    device.store.batch = () => {
      throw new MeshError('store-failed', 'disk full');
    };
    expect(sink?.block(BLOCK, made.image.subarray(BLOCK, 2 * BLOCK))).toBe(false);
    expect(sink?.begin(8n, 100)).toBe(false);
    device.store.batch = batch;
    expect(sink?.block(BLOCK, made.image.subarray(BLOCK, 2 * BLOCK))).toBe(true);
  });

  it('refuses metadata of an image that does not fit, is not for this core or is not metadata at all', () => {
    expect(new Device({ slotSize: made.image.length - 1 }).target.check(0, made.metadata).accept).toBe(false);
    const network = made.metadata.slice();
    network[11] = 2;
    expect(new Device().target.check(0, network).accept).toBe(false);
    expect(new Device().target.check(0, new Uint8Array(3)).accept).toBe(false);
    expect(new Device().target.check(0, made.metadata)).toEqual({ accept: true, effect: UpdateEffect.unchanged });
  });

  it('refuses a downgrade only when told to', () => {
    expect(new Device({ version: version(9, 0) }).target.check(0, made.metadata).accept).toBe(true);
    expect(new Device({ version: version(9, 0), downgrade: false }).target.check(0, made.metadata).accept).toBe(false);
    expect(new Device({ downgrade: false }).target.check(0, made.metadata).accept).toBe(true);
  });

  it('compares composition hashes for the effect `auto`', () => {
    expect(new Device({ effect: 'auto' }).target.check(0, made.metadata).effect).toBe(UpdateEffect.unprovisioned);
    const composition = '5900000000000a000300010004000000020000140214';
    const same = new Device({
      effect: 'auto',
      compositionPage0: () => Uint8Array.from(Buffer.from(composition, 'hex')),
    });
    expect(same.target.check(0, made.metadata).effect).toBe(UpdateEffect.unchanged);
  });

  it('takes an image signed by a key that it trusts, and by no other', () => {
    const { publicKey } = demoSigningKey();
    const other = generateSigningKey(new SeededRandom('other'), 'other').publicKey;
    for (const [key, reason] of [
      [publicKey, undefined],
      [other, /signature/],
    ] as const) {
      const device = new Device({ trust: [key] });
      device.receive(made.image, made.metadata);
      if (reason === undefined) expect(device.verify(made.metadata)).toBeUndefined();
      else expect(device.verify(made.metadata)).toMatch(reason);
    }
  });
});
