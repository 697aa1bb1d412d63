import { fromHex, MemoryStore } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase, UploadPhase as Phase } from './distribution-codes.ts';
import {
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionFirmwareGetByIndex,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadStart,
} from './distribution-image-messages.ts';
import { FirmwareDistributionCapabilitiesGet } from './distribution-messages.ts';
import { refuseUri } from './distribution-oob.ts';
import { Bench } from './testing/distribution-bench.ts';
import { StubbornStore } from './testing/failing-stores.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';
import type { OobArchive } from './testing/oob-archive.ts';
import { ACTIVE, CURRENT, FIRMWARE, IDLE, METADATA, oobBench, oobStart, URI, uploadGet } from './testing/oob-bench.ts';

const inBand = {
  uploadTtl: 3,
  uploadTimeoutBase: 5,
  uploadBlobId: 7n,
  uploadFirmwareSize: 80,
  metadata: new Uint8Array(0),
  firmwareId: fromHex('11000011'),
};

describe('an upload out of band', () => {
  it('is offered with its URI schemes', () => {
    const [capabilities] = oobBench().bench.ask(FirmwareDistributionCapabilitiesGet, {});
    expect(capabilities).toMatchObject({ oobRetrievalSupported: true, supportedUriSchemes: [0x17, 0x0a] });
  });

  it('is answered when the check is known, fetches, and tells its progress with the current Firmware ID', () => {
    const { bench, archive } = oobBench();
    expect(oobStart(bench)).toEqual([]);
    expect(uploadGet(bench)).toEqual({ status: 0, ...IDLE });
    expect(bench.wait(2000)).toEqual([{ status: 0, ...IDLE }, ACTIVE]);
    expect(archive.calls).toEqual([`check ${URI}`, `fetch ${URI}`]);
    const percents = Array.from({ length: 10 }, () => uploadGet(bench)?.uploadProgress as number);
    expect(percents.slice(0, 9)).toEqual(
      [10, 20, 30, 40, 50, 60, 70, 80, 90].map((percent) => expect.closeTo(percent, -1)),
    );
    expect(bench.wait(1000)).not.toEqual([]);
    expect(uploadGet(bench)).toEqual({ ...ACTIVE, phase: 3, uploadProgress: 100 });
    const image = { status: 0, entryCount: 1, imageIndex: 0, firmwareId: NEW_ID };
    expect(bench.ask(FirmwareDistributionFirmwareGetByIndex, { imageIndex: 0 })).toEqual([image]);
    expect(bench.ask(FirmwareDistributionFirmwareGet, { firmwareId: NEW_ID })).toEqual([image]);
    expect(bench.slots.images).toMatchObject([{ firmwareId: NEW_ID, metadata: METADATA, size: IMAGE.length }]);
    expect(bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);
    expect(bench.slots.reservations).toEqual([]);
  });

  it('works without a size in the check, and with an archive that answers at once', () => {
    const { bench, archive } = oobBench();
    Object.assign(archive, { tellsSize: false, checkMs: 0, tenthMs: 0 });
    expect(oobStart(bench)).toEqual([ACTIVE]);
    expect(uploadGet(bench)).toMatchObject({ phase: 3 });
    expect(bench.slots.images).toMatchObject([{ size: IMAGE.length }]);
  });

  it.each([
    ['malformed', 10],
    ['not-supported', 9],
    ['unreachable', 11],
  ] as const)('that the check finds %s is refused with %s, and leaves nothing behind', (refuse, status) => {
    const { bench, archive } = oobBench();
    archive.refuse = refuse;
    oobStart(bench);
    expect(bench.wait(5000)).toEqual([{ status, ...IDLE }]);
    expect(uploadGet(bench)).toEqual({ status: 0, ...IDLE });
    expect(bench.slots.reservations).toEqual([]);
  });

  it('says so when there is nothing newer, also when the archive offers what runs already', () => {
    const { bench, archive } = oobBench();
    archive.firmware = undefined;
    oobStart(bench);
    expect(bench.wait(5000)).toEqual([{ status: 12, ...IDLE }]);
    const same = new Bench({
      oob: () => ({
        schemes: ['https'],
        check: (_, done) => {
          done({ offer: { firmwareId: CURRENT } });
          return () => {};
        },
        fetch: () => () => {},
      }),
    });
    expect(oobStart(same)).toEqual([{ status: 12, ...IDLE }]);
  });

  it('is refused at once: no scheme of ours, no URI, no place', () => {
    const { bench, archive } = oobBench({ images: ['590001'], limits: { images: 2 } });
    const wrong: readonly [uri: string, status: number][] = [
      ['', 10],
      ['fw.example.com/lamp', 10],
      ['https:', 10],
      ['https://fw example.com', 10],
      ['https://', 10],
      ['://x', 10],
      ['ftp://x.example/a', 9],
      ['http://fw.example.com/lamp', 9],
    ];
    for (const [uploadUri, status] of wrong) {
      expect(oobStart(bench, { uploadUri }), uploadUri).toEqual([{ status, ...IDLE }]);
    }
    expect(bench.ask(FirmwareDistributionUploadStart, inBand)[0]).toMatchObject({ status: 0 });
    bench.ask(FirmwareDistributionUploadCancel, {});
    bench.slots.add(fromHex('590005'), new Uint8Array(0), new Uint8Array(9));
    expect(oobStart(bench)).toEqual([{ status: 1, ...IDLE }]);
    expect(archive.calls).toEqual([]);
    expect(refuseUri('HTTPS://FW.EXAMPLE.COM/LAMP', archive.schemes)).toBeUndefined();
  });

  it('ignores further requests while it checks, the same one too, and keeps uploads in band waiting', () => {
    const { bench, archive } = oobBench();
    archive.checkMs = 10_000;
    expect(oobStart(bench)).toEqual([]);
    expect(oobStart(bench)).toEqual([]);
    expect(oobStart(bench, { uploadUri: 'https://other.example' })).toEqual([]);
    expect(bench.ask(FirmwareDistributionUploadStart, inBand)).toEqual([{ status: 8, ...IDLE }]);
    expect(bench.wait(7000)).toEqual([{ status: 8, ...IDLE }, ACTIVE]);
    expect(archive.calls.filter((call) => call.startsWith('check'))).toHaveLength(1);
  });

  it('answers the same request with Success while it fetches, any other upload with Busy', () => {
    const { bench } = oobBench();
    oobStart(bench);
    bench.wait(3000);
    const active = { ...ACTIVE, uploadProgress: expect.any(Number) };
    expect(oobStart(bench)).toEqual([active]);
    expect(oobStart(bench, { uploadUri: 'https://other.example' })).toEqual([{ ...active, status: 8 }]);
    expect(oobStart(bench, { currentFirmwareId: NEW_ID })).toEqual([{ ...active, status: 8 }]);
    expect(bench.ask(FirmwareDistributionUploadStart, inBand)).toEqual([{ ...active, status: 8 }]);
  });

  it('is refused while an upload in band is active', () => {
    const { bench, archive } = oobBench();
    bench.ask(FirmwareDistributionUploadStart, inBand);
    expect(oobStart(bench)).toEqual([
      { status: 8, phase: 1, uploadProgress: 0, uploadType: 'inBand', firmwareId: inBand.firmwareId },
    ]);
    expect(archive.calls).toEqual([]);
  });

  it('of an image that is there already fetches nothing, but a damaged one it fetches anew', () => {
    const store = new MemoryStore();
    const { bench, archive } = oobBench({ store });
    bench.slots.add(NEW_ID, METADATA, IMAGE);
    oobStart(bench);
    expect(bench.wait(3000)).toEqual([{ ...ACTIVE, phase: 3, uploadProgress: 100 }]);
    expect(archive.calls).toEqual([`check ${URI}`]);
    const [key = ''] = store.keys('slots/data/');
    store.batch([[key, new Uint8Array(store.get(key)?.length ?? 0)]]);
    oobStart(bench);
    expect(bench.wait(3000)).toEqual([ACTIVE]);
    bench.wait(20_000);
    expect(bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);
  });

  it('keeps a damaged image that a distribution needs, and says that something is wrong', () => {
    const store = new MemoryStore();
    const start = { appKeyIndex: 0, distributionTtl: 5, timeoutBase: 2, imageIndex: 0, multicast: 0 };
    const parameters = { ...start, transferMode: 'push', updatePolicy: 'verifyOnly' } as const;
    const { bench } = oobBench({
      store,
      phase: DistributionPhase.transferSuspended,
      start: parameters,
      images: ['59000200'],
    });
    const [key = ''] = store.keys('slots/data/');
    store.batch([[key, new Uint8Array(1)]]);
    oobStart(bench);
    expect(bench.wait(3000)).toEqual([{ status: 3, ...IDLE }]);
    expect(bench.ask(FirmwareDistributionUploadStart, { ...inBand, firmwareId: NEW_ID })[0]).toMatchObject({
      status: 3,
    });
    expect(bench.slots.images).toHaveLength(1);
  });

  it('is refused when what is offered does not fit, and ends in Transfer Error when what comes does not', () => {
    const { bench } = oobBench({ limits: { imageSize: 500 } });
    oobStart(bench);
    expect(bench.wait(3000)).toEqual([{ status: 1, ...IDLE }]);
    const other = oobBench({ limits: { imageSize: 500 } });
    other.archive.tellsSize = false;
    oobStart(other.bench);
    expect(other.bench.wait(3000)).toEqual([ACTIVE]);
    other.bench.wait(20_000);
    expect(uploadGet(other.bench)).toMatchObject({ status: 0, phase: Phase.transferError });
    expect(other.bench.slots.reservations).toEqual([]);
  });

  it.each([
    ['breaks off', (archive: OobArchive) => (archive.breakAt = 50)],
    ['was withdrawn', (archive: OobArchive) => (archive.firmware = undefined)],
    ['is another image', (archive: OobArchive) => (archive.firmware = { ...FIRMWARE, firmwareId: CURRENT })],
    [
      'has too long metadata',
      (archive: OobArchive) => (archive.firmware = { ...FIRMWARE, metadata: new Uint8Array(256) }),
    ],
    ['is empty', (archive: OobArchive) => (archive.firmware = { ...FIRMWARE, image: new Uint8Array(0) })],
  ])('that %s ends in Transfer Error, and the same request begins anew', (_, spoil) => {
    const { bench, archive } = oobBench();
    oobStart(bench);
    bench.wait(3000);
    spoil(archive);
    bench.wait(20_000);
    expect(uploadGet(bench)).toMatchObject({ status: 0, phase: 2, uploadType: 'oob', firmwareId: CURRENT });
    expect(bench.slots.images).toEqual([]);
    expect(bench.slots.reservations).toEqual([]);
    Object.assign(archive, { firmware: FIRMWARE, breakAt: Number.POSITIVE_INFINITY });
    oobStart(bench);
    expect(bench.wait(20_000).at(-1)).toEqual(ACTIVE);
    expect(uploadGet(bench)).toMatchObject({ phase: 3, uploadProgress: 100 });
  });

  it('is cancelled while it checks: the requester gets no answer, and may ask again', () => {
    const { bench, archive } = oobBench();
    oobStart(bench);
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toEqual([{ status: 0, ...IDLE }]);
    expect(bench.wait(10_000)).toEqual([{ status: 0, ...IDLE }]);
    expect(archive.calls).toEqual([`check ${URI}`, 'cancel check']);
    oobStart(bench);
    expect(bench.wait(3000)).toEqual([ACTIVE]);
  });

  it('is cancelled while it fetches, and leaves nothing behind', () => {
    const store = new MemoryStore();
    const { bench, archive } = oobBench({ store });
    oobStart(bench);
    bench.wait(5000);
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toEqual([{ status: 0, ...IDLE }]);
    bench.wait(20_000);
    expect(uploadGet(bench)).toEqual({ status: 0, ...IDLE });
    expect(archive.calls.at(-1)).toBe('cancel fetch');
    expect(store.keys('slots/')).toEqual([]);
  });

  it('yields to an upload in band that comes back to life while it checks', () => {
    const { bench } = oobBench();
    bench.ask(FirmwareDistributionUploadStart, { ...inBand, uploadTimeoutBase: 0 });
    bench.wait(11_000);
    expect(uploadGet(bench)).toMatchObject({ phase: Phase.transferError, uploadType: 'inBand' });
    oobStart(bench);
    // A BLOB Transfer Start: push, the BLOB ID, 80 octets, blocks of 2^8, MTU 100.
    bench.askHex(['8301', '40', '0700000000000000', '50000000', '08', '6400'].join(''));
    expect(uploadGet(bench)).toMatchObject({ phase: 1, uploadType: 'inBand' });
    expect(bench.wait(5000).at(-1)).toMatchObject({ status: 8, phase: 1, uploadType: 'inBand' });
  });

  it('takes the place of an upload in band that has failed', () => {
    const { bench } = oobBench({ limits: { images: 1 } });
    bench.ask(FirmwareDistributionUploadStart, { ...inBand, uploadTimeoutBase: 0 });
    bench.wait(11_000);
    oobStart(bench);
    expect(bench.wait(20_000)).toEqual([ACTIVE]);
    expect(bench.slots.images).toMatchObject([{ firmwareId: NEW_ID }]);
  });

  it('says Internal Error when the store refuses, and works again afterwards', () => {
    const store = new StubbornStore();
    const { bench } = oobBench({ store });
    oobStart(bench);
    store.refuses = true;
    expect(bench.wait(3000)).toEqual([{ status: 3, ...IDLE }]);
    store.refuses = false;
    oobStart(bench);
    expect(bench.wait(3000)).toEqual([ACTIVE]);
    store.refuses = 'slots/data/';
    bench.wait(20_000);
    expect(uploadGet(bench)).toMatchObject({ phase: 2 });
    store.refuses = false;
    expect(bench.slots.images).toEqual([]);
  });
});
