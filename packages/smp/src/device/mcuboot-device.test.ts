import { readFileSync } from 'node:fs';
import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import { digest, formatVersion, SAMPLE_KEYS } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { KEY, OTHER_KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { McubootDevice, type McubootDeviceOptions } from './mcuboot-device.ts';

const OLD = '1.0.0+0';
const NEW = '1.2.3+4';

function device(options: Partial<McubootDeviceOptions> = {}) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const made = new McubootDevice({ clock, trust: [KEY.publicKey], slotSize: 0x8000, ...options });
  made.listen({
    started: () => events.push(`${Math.round(clock.now)} started`),
    stopped: () => events.push(`${Math.round(clock.now)} stopped`),
  });
  made.program(0, 0, testImage(OLD), { confirmed: true });
  return { clock, device: made, events };
}

/** As an SMP server uploads. */
function upload(to: McubootDevice, image: Uint8Array, number = 0): void {
  const slot = to.slot(number, 1)!;
  slot.erase(0, slot.size);
  for (let at = 0; at < image.length; at += 512) {
    expect(slot.write(slot.imageOffset + at, image.subarray(at, at + 512))).toBe(true);
  }
}

function versions({ running }: McubootDevice): string[] {
  return running.map(({ version, slot }) => `${formatVersion(version)} in ${slot}`);
}

describe('a device with MCUboot', () => {
  test.each(['move', 'scratch', 'offset'] as const)(
    'runs an image under test, and goes back unless it is confirmed: %s',
    (mode) => {
      const { device: made, clock } = device({ mode });
      made.powerOn();
      clock.advance(1000);
      expect(versions(made)).toEqual([`${OLD} in 0`]);
      expect(made.nextBoot(0)).toEqual({ slot: 0, kind: 'normal' });
      for (const isConfirmed of [false, true]) {
        upload(made, testImage(NEW));
        expect(made.setNextBoot(0, 1, false)).toBe(0);
        expect(made.nextBoot(0)).toEqual({ slot: 1, kind: 'test' });
        made.reset();
        clock.advance(60_000);
        expect(versions(made)).toEqual([`${NEW} in 0`]);
        expect(made.nextBoot(0)).toEqual({ slot: 1, kind: 'revert' });
        if (isConfirmed) expect(made.setNextBoot(0, 0, true)).toBe(0);
        expect(made.nextBoot(0)).toEqual(isConfirmed ? { slot: 0, kind: 'normal' } : { slot: 1, kind: 'revert' });
        made.reset();
        clock.advance(60_000);
        expect(versions(made)).toEqual([`${isConfirmed ? NEW : OLD} in 0`]);
      }
    },
  );

  test('takes the time that its flash takes, and is away in the meantime', () => {
    const { device: made, clock, events } = device({ flash: { eraseMs: 100, writeMs: 10 }, bootMs: 200 });
    made.powerOn();
    expect(made.state).toBe('booting');
    clock.advance(1000);
    expect(events).toEqual(['200 started']);
    upload(made, testImage(NEW));
    expect(made.takeBusyMs()).toBeGreaterThan(8 * 100);
    expect(made.takeBusyMs()).toBe(0);
    made.setNextBoot(0, 1, true);
    made.reset();
    expect(versions(made)).toEqual([]);
    clock.advance(60_000);
    // A swap of two sectors: 2 trailers, and 2 × 3 sectors of the images, erased; as many copied.
    expect(events.slice(1)).toEqual(['1000 stopped', expect.stringMatching(/^22\d\d started$/)]);
  });

  test('finishes a swap that the power was lost in, by itself', () => {
    const { device: made, clock, events } = device();
    made.powerOn();
    clock.advance(1000);
    upload(made, testImage(NEW));
    made.setNextBoot(0, 1, false);
    made.flash.faults.operationsLeft = 20;
    made.reset();
    expect(made.state).toBe('off');
    clock.advance(60_000);
    expect(versions(made)).toEqual([`${NEW} in 0`]);
    expect(events).toHaveLength(3);
  });

  test('goes on without a boot when only nobody looked at it', () => {
    const { device: made, clock } = device();
    made.powerOn();
    expect(made.snapshot()).toBeUndefined();
    clock.advance(1000);
    upload(made, testImage(NEW));
    made.setNextBoot(0, 1, false);
    const again = device();
    again.device.flash.octets.set(made.flash.octets);
    again.device.resume(made.snapshot()!);
    expect(versions(again.device)).toEqual([`${OLD} in 0`]);
    expect(again.device.nextBoot(0)).toEqual({ slot: 1, kind: 'test' });
    expect(again.events).toEqual(['0 started']);
  });

  test('stays where it is when nothing can be started, or when the flash fails', () => {
    const { device: made, clock } = device({ trust: [OTHER_KEY.publicKey] });
    made.powerOn();
    clock.advance(1000);
    expect(made.state).toBe('stuck');
    const worn = device();
    worn.device.powerOn();
    worn.clock.advance(1000);
    upload(worn.device, testImage(NEW));
    worn.device.setNextBoot(0, 1, true);
    worn.device.flash.faults.failAt = 0xc000;
    worn.device.reset();
    expect(worn.device.state).toBe('stuck');
  });

  test('with serial recovery runs that when it is asked to, or nothing else can be started', () => {
    const { device: made, clock, events } = device({ mode: 'single', recovery: true });
    made.powerOn();
    clock.advance(1000);
    expect([made.speaker, versions(made)]).toEqual(['application', [`${OLD} in 0`]]);
    made.reset(true);
    clock.advance(1000);
    expect([made.state, made.speaker, versions(made)]).toEqual(['running', 'recovery', []]);
    const again = device({ mode: 'single', recovery: true });
    again.device.resume(made.snapshot()!);
    expect([again.device.state, again.device.speaker]).toEqual(['running', 'recovery']);
    made.program(0, 0, testImage(NEW, { key: OTHER_KEY }));
    made.reset();
    clock.advance(1000);
    expect(made.speaker).toBe('recovery');
    made.program(0, 0, testImage(NEW));
    made.reset();
    clock.advance(1000);
    expect([made.speaker, versions(made)]).toEqual(['application', [`${NEW} in 0`]]);
    expect(events).toHaveLength(7);
  });

  test('tells a server of a flash that fails', () => {
    const { device: made } = device();
    const slot = made.slot(0, 1)!;
    made.flash.faults.failAt = 0xc000 + 0x8000;
    expect(slot.write(0, new Uint8Array(16))).toBe(false);
    expect(slot.erase(0, 4096)).toBe(false);
    made.flash.faults.failAt = 0xc000 + 2 * 0x8000 - 8;
    expect(made.setNextBoot(0, 1, false)).toBe(12);
  });

  test('does not mark what is marked, nor confirm what was never swapped, nor what is damaged', () => {
    const { device: made } = device();
    const { flash } = made;
    const before = flash.operations;
    expect(made.setNextBoot(0, 0, true)).toBe(0);
    expect(flash.operations).toBe(before);
    upload(made, testImage(NEW));
    made.setNextBoot(0, 1, false);
    const marked = flash.operations;
    expect(made.setNextBoot(0, 1, true)).toBe(0);
    expect(flash.operations).toBe(marked);
    flash.octets[0xc000 + 2 * 0x8000 - 1] = 0;
    expect(made.setNextBoot(0, 1, true)).toBe(23);
    flash.octets[0xc000 + 0x8000 - 1] = 0;
    expect(made.setNextBoot(0, 0, true)).toBe(29);
  });

  test('with direct-XIP runs the newest, and with revert only what is marked', () => {
    const { device: plain, clock } = device({ mode: 'xip' });
    plain.powerOn();
    clock.advance(1000);
    upload(plain, testImage(NEW));
    expect(plain.writableState).toBe(false);
    expect(plain.nextBoot(0)).toEqual({ slot: 1, kind: 'normal' });
    plain.reset();
    clock.advance(1000);
    expect(versions(plain)).toEqual([`${NEW} in 1`]);
    expect(plain.activeSlot(0)).toBe(1);
    expect(plain.nextBoot(0)).toEqual({ slot: 1, kind: 'normal' });

    const { device: marked, clock: time } = device({ mode: 'xip-revert' });
    marked.powerOn();
    time.advance(1000);
    upload(marked, testImage(NEW));
    expect(marked.nextBoot(0)).toEqual({ slot: 0, kind: 'normal' });
    marked.setNextBoot(0, 1, false);
    expect(marked.nextBoot(0)).toEqual({ slot: 1, kind: 'test' });
    marked.reset();
    time.advance(1000);
    expect(versions(marked)).toEqual([`${NEW} in 1`]);
    expect(marked.nextBoot(0)).toEqual({ slot: 0, kind: 'revert' });
    marked.setNextBoot(0, 1, true);
    expect(marked.nextBoot(0)).toEqual({ slot: 1, kind: 'normal' });
    marked.reset();
    time.advance(1000);
    expect(versions(marked)).toEqual([`${NEW} in 1`]);
  });

  test.each(['xip', 'ram'] as const)('does not take half an image for the next to boot: %s', (mode) => {
    const { device: made, clock } = device({ mode });
    made.powerOn();
    clock.advance(1000);
    const image = testImage(NEW);
    upload(made, image.subarray(0, image.length - 200));
    expect(made.nextBoot(0)).toEqual({ slot: 0, kind: 'normal' });
    upload(made, image);
    expect(made.nextBoot(0)).toEqual({ slot: 1, kind: 'normal' });
  });

  test('with a firmware loader runs that when asked, or when there is nothing else', () => {
    const { device: made, clock } = device({ mode: 'loader' });
    made.program(0, 1, testImage('9.0.0+0'));
    made.powerOn();
    clock.advance(1000);
    expect([versions(made), made.runsLoader]).toEqual([[`${OLD} in 0`], false]);
    made.reset(true);
    clock.advance(1000);
    expect([versions(made), made.runsLoader]).toEqual([['9.0.0+0 in 1'], true]);
    // In the loader the slot of the application is the one that is not in use.
    expect(made.nextBoot(0)).toEqual({ slot: 1, kind: 'normal' });
    made.slot(0, 0)!.erase(0, 4096);
    made.reset();
    clock.advance(1000);
    expect(made.runsLoader).toBe(true);
  });

  test('with one slot has nothing to upload to', () => {
    const { device: made, clock } = device({ mode: 'single' });
    made.powerOn();
    clock.advance(1000);
    expect(made.slot(0, 1)).toBeUndefined();
    expect(made.nextBoot(0)).toEqual({ slot: 0, kind: 'normal' });
    expect(made.setNextBoot(0, 1, true)).toBe(12);
    expect(() => made.program(0, 1, testImage(NEW))).toThrow('do not fit slot 1');
  });
});

interface FlashRecord {
  [slot: string]: { sha256: string };
}

interface Step {
  event?: string;
  name?: string;
  flashBefore?: FlashRecord;
  flashAfter?: FlashRecord;
  requestDecoded?: { payload?: { confirm?: boolean } };
}

describe('the flash of a recorded device, octet for octet', () => {
  const { images, sessions } = JSON.parse(
    readFileSync(new URL('../vectors/smp-session.json', import.meta.url), 'utf8'),
  ) as {
    images: Record<string, string>;
    sessions: { session: string; steps: Step[] }[];
  };
  const octets = (name: string) => fromHex(Object.entries(images).find(([each]) => each.startsWith(name))![1]);

  /** SHA-256 of the slots as a recording counts them. */
  function hashes(made: McubootDevice): FlashRecord {
    const slots = Array.from({ length: 2 * made.imageCount }, (_, i) => made.slot(i >> 1, i & 1)!);
    return Object.fromEntries(
      slots.map((slot, i) => [`slot${i}`, { sha256: toHex(digest('SHA256', slot.read(0, slot.size))) }]),
    );
  }

  function recorded(session: string): Step[] {
    return sessions.find((each) => each.session === session)!.steps.filter(({ event }) => event === 'mcuboot');
  }

  /** Of the slots without the image that the recordings begin with: it was signed anew for each, so that its octets differ. */
  function expectFlash(made: McubootDevice, record: FlashRecord | undefined, slots: readonly string[]): void {
    const found = hashes(made);
    for (const slot of slots) expect(found[slot], slot).toMatchObject({ sha256: record?.[slot]?.sha256 });
  }

  test('with an image under test', () => {
    const { device: made } = device({ trust: SAMPLE_KEYS, slotSize: 0x69000 });
    upload(made, octets('b 1.2.3'));
    made.setNextBoot(0, 1, false);
    expectFlash(made, recorded('test-and-confirm')[0]?.flashBefore, ['slot1']);
  });

  test('two images with a dependency', () => {
    const clock = new VirtualClock();
    const made = new McubootDevice({ clock, trust: SAMPLE_KEYS, slotSize: 0x69000, images: 2 });
    made.program(0, 0, octets('a 1.0.0'), { confirmed: true });
    made.program(1, 0, octets('net 1.0.0'), { confirmed: true });
    upload(made, octets('app2'), 0);
    upload(made, octets('net2'), 1);
    made.setNextBoot(0, 1, true);
    made.setNextBoot(1, 1, true);
    const [boot] = recorded('multi-image');
    expectFlash(made, boot?.flashBefore, ['slot1', 'slot3']);
    made.powerOn();
    expectFlash(made, boot?.flashAfter, ['slot2']);
  });
});
