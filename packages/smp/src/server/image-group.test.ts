import { decodeRecord, encodeRecord, fromHex, SeededRandom, VirtualClock } from '@meshferry/core';
import { digest } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { testImage } from '../bootloader/testing/boot-bench.ts';
import { McubootDevice, type McubootDeviceOptions } from '../device/mcuboot-device.ts';
import { ImageErase, ImageStateRead, ImageStateWrite, ImageUpload, SlotInfo } from '../messages/image.ts';
import type { ImageHost, NextBoot } from './image-host.ts';
import type { SmpServerOptions } from './server-options.ts';
import { imageIn } from './slot-images.ts';
import type { ServerSnapshot } from './smp-server.ts';
import { Bench } from './testing/bench.ts';

const A = testImage('1.0.0+0');
const B = testImage('1.2.3+4');
const SLOT = 0x20000;

function hashOf(octets: Uint8Array): Uint8Array {
  const host = new McubootDevice({ clock: new VirtualClock(), trust: 'any', slotSize: SLOT });
  host.program(0, 0, octets);
  return imageIn(host.slot(0, 0)!)!.hash;
}

/** A server on a device whose slot 0 holds image A, confirmed. */
class ImageBench extends Bench {
  readonly device: McubootDevice;

  constructor(options: Partial<SmpServerOptions> = {}, shape: Partial<McubootDeviceOptions> = {}) {
    const clock = new VirtualClock();
    const device = new McubootDevice({ clock, trust: 'any', slotSize: SLOT, ...shape });
    device.program(0, 0, A, { confirmed: true });
    super({ images: device, reset: () => device.reset(), ...options }, clock);
    this.device = device;
    device.listen({ started: () => this.start(), stopped: () => this.server.stop() });
    device.powerOn();
    clock.advance(1000);
  }

  start(): void {
    this.server.start();
    this.link = this.connect();
  }

  /** Uploads an image as a client without pipelining does; the offsets that were answered. */
  upload(octets: Uint8Array, first: Partial<ImageUpload> = {}, size = 500): number[] {
    const offsets: number[] = [];
    let off = 0;
    while (off < octets.length) {
      const data = octets.subarray(off, off + size);
      const request =
        off === 0 ? { off, len: octets.length, sha: digest('SHA256', octets), data, ...first } : { off, data };
      ({ off } = this.value(ImageUpload, request));
      offsets.push(off);
    }
    return offsets;
  }
}

describe('what is in RAM alone', () => {
  test.each([40, 500, 513, 800])('an upload that is open at %i goes on where it was, not after a reset', (size) => {
    const bench = new ImageBench();
    const sha = digest('SHA256', B);
    const first = { off: 0, len: B.length, sha };
    bench.value(ImageUpload, { ...first, data: B.subarray(0, size) });
    const before = bench.server.snapshot();
    bench.server.stop();
    expect(bench.server.snapshot()).toBeUndefined();
    // As a record of it, and in another process.
    const kept = decodeRecord<ServerSnapshot>(encodeRecord(before));
    bench.server.start(kept);
    bench.link = bench.connect();
    expect(bench.value(ImageUpload, { ...first, data: B.subarray(0, 32) })).toMatchObject({ off: size });
    for (let off = size; off < B.length; ) {
      ({ off } = bench.value(ImageUpload, { off, data: B.subarray(off, off + 500) }));
    }
    expect(bench.device.slot(0, 1)!.read(0, B.length)).toEqual(B);
    expect(bench.server.snapshot()).not.toHaveProperty('upload');

    const reset = new ImageBench();
    reset.value(ImageUpload, { ...first, data: B.subarray(0, size) });
    reset.server.stop();
    reset.start();
    expect(reset.value(ImageUpload, { ...first, data: B.subarray(0, 32) })).toMatchObject({ off: 32 });
  });

  test('an upload of a slot that is not there any more is forgotten', () => {
    const bench = new ImageBench();
    bench.value(ImageUpload, { off: 0, len: B.length, data: B.subarray(0, 600) });
    const { upload, ...rest } = bench.server.snapshot()!;
    bench.server.stop();
    bench.server.start({ ...rest, upload: { ...upload!, image: 3 } });
    expect(bench.server.snapshot()).not.toHaveProperty('upload');
  });
});

describe('upload', () => {
  test('goes into the other slot, and the list shows it', () => {
    const bench = new ImageBench();
    expect(bench.upload(B).at(-1)).toBe(B.length);
    const { images } = bench.value(ImageStateRead, {});
    expect(images.map(({ slot, version }) => [slot, version])).toEqual([
      [0, '1.0.0'],
      [1, '1.2.3.4'],
    ]);
    expect(bench.device.slot(0, 1)!.read(0, B.length)).toEqual(B);
  });

  test('writes blocks of 512 octets: of less nothing is in the flash', () => {
    const bench = new ImageBench({ personality: 'zephyr-3.4.99' });
    bench.value(ImageUpload, { off: 0, len: B.length, data: B.subarray(0, 511) });
    expect(bench.code(ImageErase, {})).toEqual([1, 1]);
    expect(bench.value(ImageUpload, { off: 511, data: B.subarray(511, 600) })).toEqual({ off: 0 });
    bench.value(ImageUpload, { off: 0, len: B.length, data: B.subarray(0, 512) });
    expect(bench.code(ImageErase, {})).toBe(0);
  });

  const first = { off: 0, len: B.length, data: B.subarray(0, 64) };
  test.for([
    ['without off', { data: B.subarray(0, 64), len: 64 }, 20],
    ['with less than a header', { off: 0, data: B.subarray(0, 31) }, 22],
    ['without len', { off: 0, data: B.subarray(0, 64) }, 21],
    ['of something else', { ...first, data: new Uint8Array(64) }, 23],
    ['with a long sha', { ...first, sha: new Uint8Array(33) }, 24],
    ['of too much', { ...first, len: SLOT + 1 }, 30],
    [
      'of an older image when only newer ones are wanted',
      { ...first, data: testImage('0.9.9+7').subarray(0, 64), upgrade: true },
      27,
    ],
    ['of the same image then', { ...first, data: A.subarray(0, 64), upgrade: true }, 27],
  ] as const)('a first chunk %s is refused by its code and ends the one that was open', ([, request, code]) => {
    const bench = new ImageBench();
    bench.value(ImageUpload, first);
    expect(bench.rawCode(ImageUpload, new Map(Object.entries(request)))).toEqual([1, code]);
    expect(bench.value(ImageUpload, { off: 64, data: B.subarray(64, 128) })).toEqual({ off: 0 });
  });

  test('in v1 the same has the old code, with a reason where the server gives one', () => {
    const bench = new ImageBench({ verboseErrors: true });
    bench.version = 0;
    expect(bench.ask(ImageUpload, { ...first, data: new Uint8Array(64) })).toMatchObject({
      error: { refusal: { layer: 'smp', code: 1, rsn: 'magic mismatch' } },
    });
    bench.version = 1;
    const refused = bench.ask(ImageUpload, { ...first, len: SLOT + 1 });
    expect(refused).toMatchObject({ error: { refusal: { layer: 'group', code: 30 } } });
    expect(refused).not.toHaveProperty('error.refusal.rsn');
  });

  test('the room of the trailer counts where the build checks it', () => {
    const bench = new ImageBench({ imageOptions: { checkMaxSize: true } });
    expect(bench.code(ImageUpload, { ...first, len: SLOT })).toEqual([1, 30]);
    expect(bench.code(ImageUpload, { ...first, len: bench.device.slot(0, 1)!.maxImageSize })).toBe(0);
  });

  test('with the check it says match, and sees what is there already', () => {
    const bench = new ImageBench({ imageOptions: { check: true } });
    const sha = digest('SHA256', B);
    bench.upload(B);
    expect(bench.value(ImageUpload, { ...first, sha })).toEqual({ off: B.length, match: true });
    const broken = B.slice();
    broken[300]! ^= 1;
    bench.upload(broken, { sha }, 700);
    expect(bench.value(ImageUpload, { off: 0, len: 64, data: B.subarray(0, 64), sha })).toEqual({
      off: 64,
      match: false,
    });
  });

  test('the application may reject a chunk', () => {
    const refuseChunk = (off: number) => (off > 0 ? { group: 1, code: 1 } : undefined);
    const bench = new ImageBench({ imageOptions: { refuseChunk }, verboseErrors: true });
    bench.version = 0;
    bench.value(ImageUpload, first);
    expect(bench.ask(ImageUpload, { off: 64, data: B.subarray(64, 128) })).toMatchObject({
      error: { refusal: { rsn: 'app reject' } },
    });
  });

  test('not into a slot that will boot, unless that is allowed', () => {
    for (const allowErasePending of [false, true]) {
      const bench = new ImageBench({ imageOptions: { allowErasePending } });
      bench.upload(B);
      bench.value(ImageStateWrite, { hash: hashOf(B), confirm: false });
      expect(bench.code(ImageUpload, first)).toEqual(allowErasePending ? 0 : [1, 9]);
    }
  });

  test('not while the running image is on trial', () => {
    const bench = new ImageBench({ imageOptions: { allowErasePending: true } });
    bench.upload(B);
    bench.value(ImageStateWrite, { hash: hashOf(B), confirm: false });
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.code(ImageUpload, first)).toEqual([1, 9]);
    expect(bench.code(ImageErase, {})).toEqual([1, 9]);
  });

  test('image numbers: one image takes any; two take their own; direct upload names slots', () => {
    expect(new ImageBench().code(ImageUpload, { ...first, image: 7 })).toBe(0);
    const two = new ImageBench({}, { images: 2 });
    expect(two.code(ImageUpload, { ...first, image: 1 })).toBe(0);
    expect(two.code(ImageUpload, { ...first, image: 2 })).toEqual([1, 9]);
    const direct = new ImageBench({ imageOptions: { directUpload: true } });
    expect(direct.code(ImageUpload, { ...first, image: 1 })).toBe(0);
    expect(direct.code(ImageUpload, { ...first, image: 3 })).toEqual([1, 9]);
  });

  test('an image that is built for another address is refused', () => {
    const bench = new ImageBench({ imageOptions: { loadAddress: () => 0x8000 } });
    const fixed = B.slice(0, 64);
    fixed[17] = 1;
    expect(bench.code(ImageUpload, { ...first, data: fixed })).toEqual([1, 25]);
    fixed[5] = 0x80;
    expect(bench.code(ImageUpload, { ...first, data: fixed })).toBe(0);
  });

  test('a flash that fails, at an octet or in erasing', () => {
    const bench = new ImageBench({ faults: { flashErrorAt: 600 } });
    bench.value(ImageUpload, { ...first, data: B.subarray(0, 520) });
    expect(bench.code(ImageUpload, { off: 520, data: B.subarray(520, 1040) })).toEqual([1, 12]);
    bench.server.faults.eraseError = true;
    expect(bench.code(ImageUpload, first)).toEqual([1, 13]);
    expect(bench.code(ImageErase, {})).toEqual([1, 13]);
  });

  test('a power cut in the middle loses the upload, not the device', () => {
    const bench = new ImageBench({ faults: { rebootAt: 1000 } });
    bench.value(ImageUpload, { ...first, data: B.subarray(0, 500) });
    expect(bench.ask(ImageUpload, { off: 500, data: B.subarray(500, 1000) })).toBeUndefined();
    bench.clock.advance(10_000);
    expect(bench.value(ImageUpload, { off: 1000, data: B.subarray(1000, 1500) })).toEqual({ off: 0 });
    expect(bench.upload(B).at(-1)).toBe(B.length);
  });

  test('power that is lost within an operation of the flash', () => {
    const bench = new ImageBench();
    bench.device.flash.faults.operationsLeft = 1;
    expect(bench.ask(ImageUpload, { ...first, data: B.subarray(0, 600) })).toBeDefined();
    expect(bench.ask(ImageUpload, { off: 600, data: B.subarray(600, 1200) })).toBeUndefined();
    bench.clock.advance(10_000);
    delete bench.device.flash.faults.operationsLeft;
    expect(bench.upload(B).at(-1)).toBe(B.length);
  });

  test('the answer to the first chunk waits for the flash to be erased', () => {
    const bench = new ImageBench();
    bench.upload(B);
    bench.link.put(bench.packet(ImageUpload, { ...first, data: A.subarray(0, 64) }));
    const before = bench.link.sent.length;
    bench.clock.advance(100);
    expect(bench.link.sent.length).toBe(before);
    bench.clock.advance(2000);
    expect(bench.link.sent.length).toBe(before + 1);
  });
});

describe('state writes follow the table', () => {
  type Row = readonly [next: NextBoot, slot: number, confirm: boolean, code: number];
  const normal = { slot: 0, kind: 'normal' } as const;
  const perm = { slot: 1, kind: 'normal' } as const;
  const pending = { slot: 1, kind: 'test' } as const;
  const revert = { slot: 1, kind: 'revert' } as const;
  /** −1: written. */
  const rows: readonly Row[] = [
    [normal, 0, false, 33],
    [normal, 0, true, 0],
    [normal, 1, false, -1],
    [normal, 1, true, -1],
    [pending, 0, false, 33],
    [pending, 0, true, 28],
    [pending, 1, false, 0],
    [pending, 1, true, 28],
    [perm, 0, false, 33],
    [perm, 0, true, 28],
    [perm, 1, false, 28],
    [perm, 1, true, 0],
    [revert, 0, false, 33],
    [revert, 0, true, -1],
    [revert, 1, false, 28],
    [revert, 1, true, 0],
  ];

  /** A host that boots what the test says. */
  function host(bench: { next: NextBoot; written: string[] }, images: number): ImageHost {
    const device = new McubootDevice({ clock: new VirtualClock(), trust: 'any', slotSize: SLOT, images });
    for (let i = 0; i < images; i++) {
      device.program(i, 0, testImage(`1.${i}.0+0`));
      device.program(i, 1, testImage(`2.${i}.0+0`));
    }
    return {
      imageCount: images,
      writableState: true,
      slot: (image, slot) => device.slot(image, slot),
      activeSlot: () => 0,
      nextBoot: () => bench.next,
      setNextBoot: (image, slot, confirm) => {
        bench.written.push(`${image}.${slot} ${confirm ? 'confirm' : 'test'}`);
        return 0;
      },
    };
  }

  test.for(rows)('%j', ([next, slot, confirm, code]) => {
    const told = { next, written: [] as string[] };
    const bench = new Bench({ images: host(told, 1) });
    const hash = hashOf(testImage(slot === 0 ? '1.0.0+0' : '2.0.0+0'));
    const expected = code > 0 ? [1, code] : 0;
    expect(bench.code(ImageStateWrite, { hash, confirm })).toEqual(expected);
    expect(told.written).toEqual(code === -1 ? [`0.${slot} ${confirm ? 'confirm' : 'test'}`] : []);
  });

  test('of another image the active slot is not confirmed; where the build says so no slot is', () => {
    const hash = (version: string) => hashOf(testImage(version));
    for (const denyConfirmOthers of [false, true]) {
      const told = { next: normal, written: [] };
      const bench = new Bench({ images: host(told, 2), imageOptions: { denyConfirmOthers } });
      expect(bench.code(ImageStateWrite, { hash: hash('1.1.0+0'), confirm: true })).toEqual([1, 32]);
      expect(bench.code(ImageStateWrite, { hash: hash('1.1.0+0'), confirm: false })).toEqual([1, 33]);
      const other = bench.code(ImageStateWrite, { hash: hash('2.1.0+0'), confirm: true });
      expect(other).toEqual(denyConfirmOthers ? [1, 32] : 0);
    }
  });

  test('hashes of the wrong length, of nothing, and none', () => {
    const bench = new Bench({ images: host({ next: normal, written: [] }, 1) });
    expect(bench.code(ImageStateWrite, { hash: new Uint8Array(31), confirm: true })).toEqual([1, 24]);
    expect(bench.code(ImageStateWrite, { hash: new Uint8Array(32), confirm: true })).toEqual([1, 8]);
    expect(bench.code(ImageStateWrite, { confirm: false })).toEqual([1, 24]);
    expect(bench.code(ImageStateWrite, { confirm: true })).toBe(0);
  });

  test('a bootloader that asks nobody has no such command', () => {
    const images = { ...host({ next: normal, written: [] }, 1), writableState: false };
    expect(new Bench({ images }).code(ImageStateWrite, { confirm: true })).toBe(8);
  });

  test('an error of the device is told', () => {
    const images = { ...host({ next: normal, written: [] }, 1), setNextBoot: () => 23 };
    const hash = hashOf(testImage('2.0.0+0'));
    expect(new Bench({ images }).code(ImageStateWrite, { hash, confirm: true })).toEqual([1, 23]);
  });
});

describe('lists', () => {
  test('of old servers leave false values out', () => {
    const bench = new ImageBench({ imageOptions: { frugalList: true } });
    const [answer] = bench.exchange(fromHex('0800000100014500a0'));
    const text = new TextDecoder('latin1').decode(answer);
    expect(text).toContain('confirmed');
    expect(text).not.toMatch(/pending|permanent|splitStatus/);
  });

  test('of slots tell sizes and what to upload by', () => {
    const bench = new ImageBench({}, { images: 2 });
    const { maxImageSize } = bench.device.slot(0, 1)!;
    const [first, second] = bench.value(SlotInfo, {}).images;
    expect(first).toEqual({
      image: 0,
      slots: [
        { slot: 0, size: SLOT },
        { slot: 1, size: SLOT, uploadImageId: 0 },
      ],
      maxImageSize,
    });
    expect(second?.slots[1]?.uploadImageId).toBe(1);
    const direct = new ImageBench({ imageOptions: { directUpload: true } }).value(SlotInfo, {});
    expect(direct.images[0]?.slots.map(({ uploadImageId }) => uploadImageId)).toEqual([1, 2]);
    expect(new ImageBench({ personality: 'zephyr-3.4.99' }).code(SlotInfo, {})).toBe(8);
  });
});

describe('erasing', () => {
  test('tells apart what is not there, in use and empty', () => {
    const bench = new ImageBench();
    expect(bench.code(ImageErase, { slot: 0 })).toEqual([1, 9]);
    expect(bench.code(ImageErase, { slot: 9 })).toEqual([1, 14]);
    expect(bench.code(ImageErase, { slot: 1 })).toBe(0);
    const old = new ImageBench({ personality: 'zephyr-3.4.99' });
    expect(old.code(ImageErase, { slot: 9 })).toEqual([1, 10]);
    expect(old.code(ImageErase, {})).toEqual([1, 1]);
  });

  test('a pending slot only where the build allows it', () => {
    for (const allowErasePending of [false, true]) {
      const bench = new ImageBench({ imageOptions: { allowErasePending } });
      bench.upload(B);
      bench.value(ImageStateWrite, { hash: hashOf(B), confirm: true });
      expect(bench.code(ImageErase, { slot: 1 })).toEqual(allowErasePending ? 0 : [1, 9]);
    }
  });
});

describe('serial recovery', () => {
  test('writes over slot 0, says rc 0, lists little and resumes nothing', () => {
    const bench = new ImageBench({ personality: 'serial-recovery' });
    const packet = bench.packet(ImageUpload, { off: 0, len: B.length, data: B.subarray(0, 64) });
    const [answer] = bench.exchange(packet);
    expect(new TextDecoder('latin1').decode(answer!.subarray(8))).toBe('\xbfbrc\0coff\x18@\xff');
    bench.value(ImageUpload, { off: 64, data: B.subarray(64, 600) });
    expect(bench.value(ImageUpload, { off: 64, data: B.subarray(64, 600) })).toEqual({ off: 600 });
    expect(bench.code(ImageUpload, { off: 600, data: new Uint8Array(900) })).toBe(0);
    expect(bench.upload(B).at(-1)).toBe(B.length);
    const { images } = bench.value(ImageStateRead, {});
    expect(images).toMatchObject([{ slot: 0, version: '1.2.3.4', active: false }]);
  });

  test('says rc 3 to what it cannot do', () => {
    const bench = new ImageBench({ personality: 'serial-recovery', imageOptions: { directUpload: true } });
    const random = new SeededRandom('octets');
    expect(bench.rawCode(ImageUpload, new Map([['data', random.bytes(40)]]))).toBe(3);
    expect(bench.code(ImageUpload, { off: 4, data: random.bytes(40) })).toBe(0);
    expect(bench.code(ImageUpload, { off: 0, data: random.bytes(40) })).toBe(3);
    expect(bench.code(ImageUpload, { off: 0, len: 50, image: 3, data: random.bytes(40) })).toBe(3);
    expect(bench.code(ImageUpload, { off: 0, len: 50, image: 2, data: random.bytes(60) })).toBe(3);
    expect(bench.code(ImageUpload, { off: 0, len: 50, image: 2, data: random.bytes(40) })).toBe(0);
    expect(bench.code(ImageErase, {})).toBe(8);
  });
});
