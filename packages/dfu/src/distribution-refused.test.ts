import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase } from './distribution-codes.ts';
import {
  FirmwareDistributionFirmwareDelete,
  FirmwareDistributionFirmwareDeleteAll,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadGet,
  FirmwareDistributionUploadStart,
} from './distribution-image-messages.ts';
import {
  FirmwareDistributionApply,
  FirmwareDistributionCancel,
  FirmwareDistributionStart,
} from './distribution-messages.ts';
import {
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversDeleteAll,
} from './distribution-receivers-messages.ts';
import { withOwnImage } from './own-image.ts';
import { Device, metadataOf } from './testing/device.ts';
import { Bench } from './testing/distribution-bench.ts';
import { startOf } from './testing/distribution-mesh.ts';
import { StubbornStore } from './testing/failing-stores.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';

const { idle, transferActive, transferSuccess, completed, transferSuspended } = DistributionPhase;
const UPLOAD = {
  uploadTtl: 3,
  uploadTimeoutBase: 0,
  uploadBlobId: 7n,
  uploadFirmwareSize: 300,
  metadata: new Uint8Array(0),
  firmwareId: fromHex('590007'),
};
/** BLOB Transfer Start of that: push, blocks of 2^8. */
const TRANSFER_START = ['8301', '40', '0700000000000000', '2c010000', '08', '7c01'].join('');

function found(phase: number): { bench: Bench; store: StubbornStore } {
  const store = new StubbornStore();
  const bench = new Bench({
    phase,
    start: startOf(),
    receivers: [{ address: 0x0100, imageIndex: 0 }],
    images: ['590001', '590002'],
    store,
  });
  return { bench, store };
}

it('a Start that is refused leaves nothing to be sent', () => {
  for (const refuses of ['distribution/', 'distribution/receivers/']) {
    const { bench, store } = found(completed);
    store.refuses = refuses;
    expect(bench.ask(FirmwareDistributionStart, startOf({ imageIndex: 1 }))).toMatchObject([{ status: 3 }]);
    expect(bench.server.phase).toBe(completed);
    expect(bench.server.sending).toBeUndefined();
  }
});

describe('a request whose change the store refuses', () => {
  const requests: readonly [name: string, phase: number, ask: (bench: Bench) => Record<string, unknown>[]][] = [
    [
      'Receivers Add',
      idle,
      (bench) => bench.ask(FirmwareDistributionReceiversAdd, { receivers: [{ address: 5, imageIndex: 0 }] }),
    ],
    ['Receivers Delete All', idle, (bench) => bench.ask(FirmwareDistributionReceiversDeleteAll, {})],
    ['Start', idle, (bench) => bench.ask(FirmwareDistributionStart, startOf())],
    ['Start', transferSuspended, (bench) => bench.ask(FirmwareDistributionStart, startOf())],
    ['Apply', transferSuccess, (bench) => bench.ask(FirmwareDistributionApply, {})],
    ['Cancel', transferActive, (bench) => bench.ask(FirmwareDistributionCancel, {})],
    ['Cancel', completed, (bench) => bench.ask(FirmwareDistributionCancel, {})],
    [
      'Firmware Delete',
      idle,
      (bench) => bench.ask(FirmwareDistributionFirmwareDelete, { firmwareId: fromHex('590001') }),
    ],
    ['Firmware Delete All', idle, (bench) => bench.ask(FirmwareDistributionFirmwareDeleteAll, {})],
    ['Upload Start', idle, (bench) => bench.ask(FirmwareDistributionUploadStart, UPLOAD)],
  ];
  it.each(requests)('is answered with Internal Error and changes nothing: %s in phase %s', (name, phase, ask) => {
    const { bench, store } = found(phase);
    store.refuses = name.startsWith('Firmware') ? 'slots/' : 'distribution/';
    expect(ask(bench)).toMatchObject([{ status: 3 }]);
    expect(bench.slots.images).toHaveLength(2);
    expect(bench.server.phase).toBe(phase);
    expect(bench.server.uploadPhase).toBe(0);
    expect(bench.server.receivers).toHaveLength(1);
    store.refuses = false;
    expect(ask(bench)).toMatchObject([{ status: 0 }]);
  });

  it('Upload Cancel, too; the upload can be cancelled later', () => {
    const { bench, store } = found(idle);
    bench.ask(FirmwareDistributionUploadStart, UPLOAD);
    store.refuses = 'distribution/upload';
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toMatchObject([{ status: 3 }]);
    store.refuses = false;
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toMatchObject([{ status: 0, phase: 0 }]);
    expect(bench.slots.reservations).toEqual([]);
  });

  it('Upload Start, when the BLOB server cannot store what it expects', () => {
    const { bench, store } = found(idle);
    store.refuses = 'blob/';
    expect(bench.ask(FirmwareDistributionUploadStart, UPLOAD)).toMatchObject([{ status: 3, phase: 0 }]);
    expect(bench.slots.reservations).toEqual([]);
  });
});

describe('an upload in band whose ground shifts', () => {
  it('ends in Transfer Error when its blocks cannot be committed, or the client cancels the transfer', () => {
    const { bench, store } = found(idle);
    bench.ask(FirmwareDistributionUploadStart, UPLOAD);
    bench.askHex(TRANSFER_START);
    bench.askHex('83020700000000000000');
    expect(bench.ask(FirmwareDistributionUploadGet, {})).toMatchObject([{ phase: 2 }]);
    // The same Upload Start begins the transfer anew, in the place that is kept.
    expect(bench.ask(FirmwareDistributionUploadStart, UPLOAD)).toMatchObject([{ status: 0, phase: 1 }]);
    bench.askHex(TRANSFER_START);
    for (const [number, size] of [
      [0, 256],
      [1, 44],
    ] as const) {
      bench.askHex(['8304', `0${number}00`, '0001'].join(''));
      if (number === 1) store.refuses = 'slots/slot/';
      bench.askHex(`660000${'ab'.repeat(size)}`);
    }
    expect(bench.ask(FirmwareDistributionUploadGet, {})).toMatchObject([{ phase: 2 }]);
    expect(bench.slots.images).toHaveLength(2);
  });

  it('begins anew after a power cut that took its place', () => {
    const { bench, store } = found(idle);
    bench.ask(FirmwareDistributionUploadStart, UPLOAD);
    store.batch(store.keys('slots/slot/0002').map((key) => [key, null]));
    const after = new Bench({ store });
    after.server.start();
    expect(after.ask(FirmwareDistributionUploadGet, {})).toMatchObject([{ phase: 2 }]);
    expect(after.ask(FirmwareDistributionUploadStart, UPLOAD)).toMatchObject([{ status: 0, phase: 1 }]);
    expect(after.slots.reservations).toHaveLength(1);
  });
});

describe('the image for a Target on the same node', () => {
  const metadata = metadataOf(IMAGE, NEW_ID);
  const octets = { size: IMAGE.length, read: (at: number, length: number) => IMAGE.subarray(at, at + length) };
  const image = { firmwareId: NEW_ID, metadata, size: IMAGE.length, sha256: new Uint8Array(32) };

  it('comes from the slots when it is the one that is sent, else over the air', () => {
    const device = new Device();
    const target = withOwnImage(device, () => ({ image, octets }));
    expect(target.images()).toEqual(device.images());
    expect(target.check(0, metadata)).toEqual(device.check(0, metadata));
    expect(target.start(0, metadata)).toEqual({ alreadyThere: true });
    expect(device.slot).toEqual(IMAGE);
    expect(target.start(0, metadataOf(IMAGE.subarray(1), NEW_ID))).toMatchObject({ sink: {} });
    expect(withOwnImage(new Device(), () => undefined).start(0, metadata)).toMatchObject({ sink: {} });
    expect(target.recover(0, metadata)).toBeDefined();
  });

  it('comes over the air when the storage does not take it, or refuses altogether', () => {
    const full = { begin: () => false, block: () => true };
    const broken = { begin: () => true, block: () => false };
    for (const sink of [full, broken]) {
      const device = Object.assign(new Device(), { start: () => ({ sink }) });
      expect(withOwnImage(device, () => ({ image, octets })).start(0, metadata)).toEqual({ sink });
    }
    const busy = new Device({ refuseStart: 'busy' });
    expect(withOwnImage(busy, () => ({ image, octets })).start(0, metadata)).toEqual({ refuse: 'busy' });
  });
});
