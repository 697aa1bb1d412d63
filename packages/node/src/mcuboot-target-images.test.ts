import { portableCrypto } from '@meshferry/crypto';
import { buildMetadata, CoreType, demoSigningKey, type MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import type { McubootTargetOptions } from './mcuboot-target.ts';
import { BLOCK, Device, firmware, OLD, version } from './testing/mcuboot-device.ts';

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(version(1, 2));
});

describe('what a target with MCUboot slots does not run', () => {
  it('an image of another version than its metadata say', async () => {
    const other = await firmware(version(1, 3));
    const metadata = withSize(made.metadata, other.image.length);
    const verdict = (downgrade: boolean) => {
      const device = new Device({ downgrade });
      device.receive(other.image, metadata);
      return device.verify(metadata);
    };
    expect(verdict(false)).toBe('the image is version 1.3.0+0, the metadata say 1.2.0+0');
    expect(verdict(true), 'of a device that takes old ones, too').toBeUndefined();
  });

  it.each([
    [0x4, /encrypted/],
    [0x8, /encrypted/],
    [0x10, /not bootable/],
  ])('an image with the flags %s', (flags, reason) => {
    const image = made.image.slice();
    image[16] = flags;
    const device = new Device();
    device.receive(image, made.metadata);
    expect(device.verify(made.metadata)).toMatch(reason);
  });

  it('no image at all', () => {
    const device = new Device();
    expect(device.verify(made.metadata)).toBe('the slot is empty');
    device.receive(new Uint8Array(made.image.length), made.metadata);
    expect(device.verify(made.metadata)).toMatch(/magic/);
    expect(device.verify(new Uint8Array(3))).toMatch(/metadata/);
  });

  it('an image that depends on a version of another one that is not there', () => {
    const image = dependent(1, 2);
    const metadata = buildMetadata(
      { version: version(1, 2), size: image.length, company: 0x59 },
      portableCrypto,
    ).metadata;
    const verdict = (versionOf: McubootTargetOptions['versionOf']) => {
      const device = new Device(versionOf && { versionOf });
      device.receive(image, metadata);
      return device.verify(metadata);
    };
    const unmet = 'the image needs version 2.0.0+0 of image 1';
    expect(verdict(undefined)).toBe(unmet);
    expect(verdict(() => version(1, 9))).toBe(unmet);
    expect(verdict((number) => (number === 1 ? version(2, 0) : undefined))).toBeUndefined();
  });

  it('an image that was verified and is worn at the boot, also when its signature is what counts', () => {
    const device = new Device({ trust: [demoSigningKey().publicKey] });
    device.receive(made.image, made.metadata);
    expect(device.verify(made.metadata)).toBeUndefined();
    device.apply();
    device.target.flipOctet();
    device.restart();
    expect(device.target.boot()).toBe('reverted');
    expect(device.target.boot(), 'the power may have failed').toBe('reverted');
    expect([device.firmwareId, device.target.runningImage()]).toEqual([OLD, undefined]);
  });

  it('what was verified before another update began', () => {
    const device = new Device();
    device.receive(made.image, made.metadata);
    expect(device.verify(made.metadata)).toBeUndefined();
    device.receive(made.image.subarray(0, BLOCK), made.metadata, made.image.length);
    expect(device.apply()).toBe(false);
    device.receive(made.image, made.metadata);
    expect(device.verify(made.metadata)).toBeUndefined();
    device.target.abandoned();
    expect(device.apply()).toBe(false);
    expect(device.restarts).toBe(0);
  });

  it('what was cancelled before the boot', () => {
    const device = new Device();
    device.receive(made.image, made.metadata);
    device.verify(made.metadata);
    device.apply();
    device.target.abandoned();
    device.restart();
    expect([device.target.boot(), device.firmwareId]).toEqual(['nothing', OLD]);
  });
});

describe('an image that is in the slot already', () => {
  it('is not sent again', () => {
    const device = new Device();
    device.receive(made.image, made.metadata);
    expect(device.target.start(0, made.metadata)).toEqual({ alreadyThere: true });
    expect(device.verify(made.metadata)).toBeUndefined();
    device.apply();
    device.restart();
    expect(device.target.boot()).toBe('swapped');
  });

  it('is sent again when it is not whole, not good, or another one', async () => {
    const other = await firmware(version(1, 3));
    const worn = new Device();
    worn.receive(made.image, made.metadata);
    worn.target.flipOctet();
    const half = new Device();
    half.receive(made.image.subarray(0, BLOCK), made.metadata, made.image.length);
    const whole = new Device({ downgrade: false });
    whole.receive(made.image, made.metadata);
    expect(worn.target.start(0, made.metadata)).toHaveProperty('sink');
    expect(half.target.start(0, made.metadata)).toHaveProperty('sink');
    expect(whole.target.start(0, other.metadata)).toHaveProperty('sink');
    expect(whole.target.start(0, made.metadata), 'it is gone').toHaveProperty('sink');
  });

  it('is another one when the metadata differ, also when its size is the same and its hash is good', async () => {
    const other = await firmware(version(1, 3));
    const metadata = withSize(other.metadata, made.image.length);
    const device = new Device();
    device.receive(made.image, made.metadata);
    expect(device.target.start(0, metadata)).toHaveProperty('sink');
    expect(device.verify(metadata)).toBe('the slot is empty');
  });
});

describe('images of several kinds', () => {
  it.each([
    ['application', 1],
    ['network', 2],
    ['blob', 4],
  ] as const)('the %s takes metadata for it alone', (core, coreType) => {
    const { target } = new Device({ core, effect: 'unprovision' });
    for (const type of [1, 2, 4]) {
      const metadata = made.metadata.slice();
      metadata[11] = type;
      expect(target.check(0, metadata).accept, `core type ${type}`).toBe(type === coreType);
    }
  });

  it('only the application core changes what the node is', () => {
    const metadata = made.metadata.slice();
    metadata[11] = 2;
    expect(new Device({ core: 'network', effect: 'unprovision' }).target.check(0, metadata).effect).toBe(0);
  });

  it('counts the changes of the composition', () => {
    for (const [effect, changes] of [
      ['composition', 1],
      ['composition-norpr', 1],
      ['none', 0],
    ] as const) {
      const device = new Device({ effect });
      device.receive(made.image, made.metadata);
      device.verify(made.metadata);
      device.apply();
      device.restart();
      expect([device.target.boot(), device.target.compositionChanges]).toEqual(['swapped', changes]);
    }
  });

  it('a file takes its place at once, without a restart, when its digest is that of the metadata', () => {
    const device = new Device({ core: 'blob' });
    device.receive(FILE, fileMetadata(portableCrypto.sha256(FILE)));
    expect(device.verify(fileMetadata(portableCrypto.sha256(FILE)))).toBeUndefined();
    expect(device.apply()).toBe(true);
    expect([device.restarts, device.firmwareId]).toEqual([0, '59000102000000000000']);
    expect(device.target.runningImage()).toEqual(FILE);
    expect(device.target.boot(), 'when the power failed before anybody heard of it').toBe('swapped');
    device.receive(FILE, fileMetadata(new Uint8Array(0)));
    expect(device.verify(fileMetadata(new Uint8Array(0))), 'without a digest there is none to check').toBeUndefined();
    device.receive(FILE, fileMetadata(new Uint8Array(32)));
    expect(device.verify(fileMetadata(new Uint8Array(32)))).toMatch(/SHA-256/);
  });

  it('a file that is worn before it is applied is not', () => {
    const device = new Device({ core: 'blob' });
    const metadata = fileMetadata(portableCrypto.sha256(FILE));
    device.receive(FILE, metadata);
    device.verify(metadata);
    device.target.flipOctet();
    expect(device.apply()).toBe(false);
    expect(device.target.runningImage()).toBeUndefined();
  });

  it('tells where newer firmware is', () => {
    const updateUri = 'https://example.com/lamp';
    expect(new Device({ updateUri }).target.images()).toMatchObject([{ updateUri }]);
    expect(new Device().target.images()[0]).not.toHaveProperty('updateUri');
  });
});

describe('a flash that refuses to be written', () => {
  it('takes no update, verifies and applies nothing, and takes nothing else down', () => {
    const device = new Device();
    device.full(() => expect(device.target.start(0, made.metadata)).toEqual({ refuse: 'internal' }));
    device.receive(made.image, made.metadata);
    device.full(() => {
      expect(device.target.start(0, made.metadata)).toEqual({ refuse: 'internal' });
      expect(device.verify(made.metadata)).toMatch(/flash/);
      device.target.abandoned();
    });
    expect(device.verify(made.metadata)).toBeUndefined();
    device.full(() => expect(device.apply()).toBe(false));
    expect(device.restarts).toBe(0);
  });

  it('keeps the file that is there', () => {
    const device = new Device({ core: 'blob' });
    const metadata = fileMetadata(portableCrypto.sha256(FILE));
    device.receive(FILE, metadata);
    device.verify(metadata);
    device.full(() => expect(device.apply()).toBe(false));
    expect(device.firmwareId).toBe(OLD);
    expect(device.apply()).toBe(true);
  });
});

const FILE = Uint8Array.from({ length: 700 }, (_, i) => (i * 3) & 0xff);

function fileMetadata(userData: Uint8Array): Uint8Array {
  const parts = { version: version(1, 2), size: FILE.length, company: 0x59, coreType: CoreType.blob, userData };
  return buildMetadata(parts, portableCrypto).metadata;
}

function withSize(metadata: Uint8Array, size: number): Uint8Array {
  const changed = metadata.slice();
  new DataView(changed.buffer).setUint16(8, size, true);
  return changed;
}

/** Version 1.2.0, unsigned, that needs version `major`.0.0 of another image [spec: mcuboot-image sections 1 and 5]. */
function dependent(image: number, major: number): Uint8Array {
  const octets = new Uint8Array(32 + 64 + 20 + 40);
  const view = new DataView(octets.buffer);
  const header: readonly [at: number, value: number][] = [
    [0, 0x96f3b83d],
    [12, 64],
    [20, 0x0201],
  ];
  for (const [at, value] of header) view.setUint32(at, value, true);
  view.setUint16(8, 32, true);
  view.setUint16(10, 20, true);
  octets.set([0x08, 0x69, 20, 0, 0x40, 0, 12, 0, image, 0, 0, 0, major], 96);
  octets.set([0x07, 0x69, 40, 0, 0x10, 0, 32, 0], 116);
  octets.set(portableCrypto.sha256(octets.subarray(0, 116)), 124);
  return octets;
}
