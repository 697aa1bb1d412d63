import { fromHex, MemoryStore, type MeshError, ok, type Result, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase, UploadPhase as Phase } from './distribution-codes.ts';
import {
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionFirmwareGetByIndex,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadGet,
  FirmwareDistributionUploadOobStart,
  FirmwareDistributionUploadStart,
} from './distribution-image-messages.ts';
import { FirmwareDistributionCapabilitiesGet } from './distribution-messages.ts';
import type { OobFirmware } from './distribution-oob.ts';
import { refuseUri } from './distribution-oob.ts';
import { metadataOf } from './testing/device.ts';
import { Bench, type BenchState } from './testing/distribution-bench.ts';
import { runUntil, Scene } from './testing/distribution-mesh.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';
import { OobArchive } from './testing/oob-archive.ts';

const URI = 'https://fw.example.com/lamp';
const CURRENT = fromHex('59000100');
const METADATA = metadataOf(IMAGE, NEW_ID);
const FIRMWARE: OobFirmware = { firmwareId: NEW_ID, metadata: METADATA, image: IMAGE };
const REQUEST = { uploadUri: URI, currentFirmwareId: CURRENT };

const IDLE = { phase: 0, uploadProgress: undefined, uploadType: undefined, firmwareId: undefined };
const ACTIVE = { status: 0, phase: 1, uploadProgress: 0, uploadType: 'oob', firmwareId: CURRENT };

/** A Distributor with an archive behind it. */
function scene(state: BenchState = {}): { bench: Bench; archive: OobArchive } {
  let archive: OobArchive | undefined;
  const bench = new Bench({
    ...state,
    oob: (clock) => {
      archive = new OobArchive(clock, FIRMWARE);
      return archive;
    },
  });
  return { bench, archive: archive as unknown as OobArchive };
}

const ask = (bench: Bench, request = {}) => bench.ask(FirmwareDistributionUploadOobStart, { ...REQUEST, ...request });
const get = (bench: Bench) => bench.ask(FirmwareDistributionUploadGet, {})[0];
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
    const [capabilities] = scene().bench.ask(FirmwareDistributionCapabilitiesGet, {});
    expect(capabilities).toMatchObject({ oobRetrievalSupported: true, supportedUriSchemes: [0x17, 0x0a] });
  });

  it('is answered when the check is known, fetches, and tells its progress with the current Firmware ID', () => {
    const { bench, archive } = scene();
    expect(ask(bench)).toEqual([]);
    expect(get(bench)).toEqual({ status: 0, ...IDLE });
    expect(bench.wait(2000)).toEqual([{ status: 0, ...IDLE }, ACTIVE]);
    expect(archive.calls).toEqual([`check ${URI}`, `fetch ${URI}`]);
    const percents = Array.from({ length: 10 }, () => get(bench)?.uploadProgress as number);
    expect(percents.slice(0, 9)).toEqual(
      [10, 20, 30, 40, 50, 60, 70, 80, 90].map((percent) => expect.closeTo(percent, -1)),
    );
    expect(bench.wait(1000)).not.toEqual([]);
    expect(get(bench)).toEqual({ ...ACTIVE, phase: 3, uploadProgress: 100 });
    const image = { status: 0, entryCount: 1, imageIndex: 0, firmwareId: NEW_ID };
    expect(bench.ask(FirmwareDistributionFirmwareGetByIndex, { imageIndex: 0 })).toEqual([image]);
    expect(bench.ask(FirmwareDistributionFirmwareGet, { firmwareId: NEW_ID })).toEqual([image]);
    expect(bench.slots.images).toMatchObject([{ firmwareId: NEW_ID, metadata: METADATA, size: IMAGE.length }]);
    expect(bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);
    expect(bench.slots.reservations).toEqual([]);
  });

  it('works without a size in the check, and with an archive that answers at once', () => {
    const { bench, archive } = scene();
    Object.assign(archive, { tellsSize: false, checkMs: 0, tenthMs: 0 });
    expect(ask(bench)).toEqual([ACTIVE]);
    expect(get(bench)).toMatchObject({ phase: 3 });
    expect(bench.slots.images).toMatchObject([{ size: IMAGE.length }]);
  });

  it.each([
    ['malformed', 10],
    ['not-supported', 9],
    ['unreachable', 11],
  ] as const)('that the check finds %s is refused with %s, and leaves nothing behind', (refuse, status) => {
    const { bench, archive } = scene();
    archive.refuse = refuse;
    ask(bench);
    expect(bench.wait(5000)).toEqual([{ status, ...IDLE }]);
    expect(get(bench)).toEqual({ status: 0, ...IDLE });
    expect(bench.slots.reservations).toEqual([]);
  });

  it('says so when there is nothing newer, also when the archive offers what runs already', () => {
    const { bench, archive } = scene();
    archive.firmware = undefined;
    ask(bench);
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
    expect(ask(same)).toEqual([{ status: 12, ...IDLE }]);
  });

  it('is refused at once: no scheme of ours, no URI, no place', () => {
    const { bench, archive } = scene({ images: ['590001'], limits: { images: 2 } });
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
      expect(ask(bench, { uploadUri }), uploadUri).toEqual([{ status, ...IDLE }]);
    }
    expect(bench.ask(FirmwareDistributionUploadStart, inBand)[0]).toMatchObject({ status: 0 });
    bench.ask(FirmwareDistributionUploadCancel, {});
    bench.slots.add(fromHex('590005'), new Uint8Array(0), new Uint8Array(9));
    expect(ask(bench)).toEqual([{ status: 1, ...IDLE }]);
    expect(archive.calls).toEqual([]);
    expect(refuseUri('HTTPS://FW.EXAMPLE.COM/LAMP', archive.schemes)).toBeUndefined();
  });

  it('ignores further requests while it checks, the same one too, and keeps uploads in band waiting', () => {
    const { bench, archive } = scene();
    archive.checkMs = 10_000;
    expect(ask(bench)).toEqual([]);
    expect(ask(bench)).toEqual([]);
    expect(ask(bench, { uploadUri: 'https://other.example' })).toEqual([]);
    expect(bench.ask(FirmwareDistributionUploadStart, inBand)).toEqual([{ status: 8, ...IDLE }]);
    expect(bench.wait(7000)).toEqual([{ status: 8, ...IDLE }, ACTIVE]);
    expect(archive.calls.filter((call) => call.startsWith('check'))).toHaveLength(1);
  });

  it('answers the same request with Success while it fetches, any other upload with Busy', () => {
    const { bench } = scene();
    ask(bench);
    bench.wait(3000);
    const active = { ...ACTIVE, uploadProgress: expect.any(Number) };
    expect(ask(bench)).toEqual([active]);
    expect(ask(bench, { uploadUri: 'https://other.example' })).toEqual([{ ...active, status: 8 }]);
    expect(ask(bench, { currentFirmwareId: NEW_ID })).toEqual([{ ...active, status: 8 }]);
    expect(bench.ask(FirmwareDistributionUploadStart, inBand)).toEqual([{ ...active, status: 8 }]);
  });

  it('is refused while an upload in band is active', () => {
    const { bench, archive } = scene();
    bench.ask(FirmwareDistributionUploadStart, inBand);
    expect(ask(bench)).toEqual([
      { status: 8, phase: 1, uploadProgress: 0, uploadType: 'inBand', firmwareId: inBand.firmwareId },
    ]);
    expect(archive.calls).toEqual([]);
  });

  it('of an image that is there already fetches nothing, but a damaged one it fetches anew', () => {
    const store = new MemoryStore();
    const { bench, archive } = scene({ store });
    bench.slots.add(NEW_ID, METADATA, IMAGE);
    ask(bench);
    expect(bench.wait(3000)).toEqual([{ ...ACTIVE, phase: 3, uploadProgress: 100 }]);
    expect(archive.calls).toEqual([`check ${URI}`]);
    const [key = ''] = store.keys('slots/data/');
    store.batch([[key, new Uint8Array(store.get(key)?.length ?? 0)]]);
    ask(bench);
    expect(bench.wait(3000)).toEqual([ACTIVE]);
    bench.wait(20_000);
    expect(bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);
  });

  it('keeps a damaged image that a distribution needs, and says that something is wrong', () => {
    const store = new MemoryStore();
    const start = { appKeyIndex: 0, distributionTtl: 5, timeoutBase: 2, imageIndex: 0, multicast: 0 };
    const parameters = { ...start, transferMode: 'push', updatePolicy: 'verifyOnly' } as const;
    const { bench } = scene({
      store,
      phase: DistributionPhase.transferSuspended,
      start: parameters,
      images: ['59000200'],
    });
    const [key = ''] = store.keys('slots/data/');
    store.batch([[key, new Uint8Array(1)]]);
    ask(bench);
    expect(bench.wait(3000)).toEqual([{ status: 3, ...IDLE }]);
    expect(bench.ask(FirmwareDistributionUploadStart, { ...inBand, firmwareId: NEW_ID })[0]).toMatchObject({
      status: 3,
    });
    expect(bench.slots.images).toHaveLength(1);
  });

  it('is refused when what is offered does not fit, and ends in Transfer Error when what comes does not', () => {
    const { bench } = scene({ limits: { imageSize: 500 } });
    ask(bench);
    expect(bench.wait(3000)).toEqual([{ status: 1, ...IDLE }]);
    const other = scene({ limits: { imageSize: 500 } });
    other.archive.tellsSize = false;
    ask(other.bench);
    expect(other.bench.wait(3000)).toEqual([ACTIVE]);
    other.bench.wait(20_000);
    expect(get(other.bench)).toMatchObject({ status: 0, phase: Phase.transferError });
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
    const { bench, archive } = scene();
    ask(bench);
    bench.wait(3000);
    spoil(archive);
    bench.wait(20_000);
    expect(get(bench)).toMatchObject({ status: 0, phase: 2, uploadType: 'oob', firmwareId: CURRENT });
    expect(bench.slots.images).toEqual([]);
    expect(bench.slots.reservations).toEqual([]);
    Object.assign(archive, { firmware: FIRMWARE, breakAt: Number.POSITIVE_INFINITY });
    ask(bench);
    expect(bench.wait(20_000).at(-1)).toEqual(ACTIVE);
    expect(get(bench)).toMatchObject({ phase: 3, uploadProgress: 100 });
  });

  it('is cancelled while it checks: the requester gets no answer, and may ask again', () => {
    const { bench, archive } = scene();
    ask(bench);
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toEqual([{ status: 0, ...IDLE }]);
    expect(bench.wait(10_000)).toEqual([{ status: 0, ...IDLE }]);
    expect(archive.calls).toEqual([`check ${URI}`, 'cancel check']);
    ask(bench);
    expect(bench.wait(3000)).toEqual([ACTIVE]);
  });

  it('is cancelled while it fetches, and leaves nothing behind', () => {
    const store = new MemoryStore();
    const { bench, archive } = scene({ store });
    ask(bench);
    bench.wait(5000);
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toEqual([{ status: 0, ...IDLE }]);
    bench.wait(20_000);
    expect(get(bench)).toEqual({ status: 0, ...IDLE });
    expect(archive.calls.at(-1)).toBe('cancel fetch');
    expect(store.keys('slots/')).toEqual([]);
  });

  it('yields to an upload in band that comes back to life while it checks', () => {
    const { bench } = scene();
    bench.ask(FirmwareDistributionUploadStart, { ...inBand, uploadTimeoutBase: 0 });
    bench.wait(11_000);
    expect(get(bench)).toMatchObject({ phase: Phase.transferError, uploadType: 'inBand' });
    ask(bench);
    // A BLOB Transfer Start: push, the BLOB ID, 80 octets, blocks of 2^8, MTU 100.
    bench.askHex(['8301', '40', '0700000000000000', '50000000', '08', '6400'].join(''));
    expect(get(bench)).toMatchObject({ phase: 1, uploadType: 'inBand' });
    expect(bench.wait(5000).at(-1)).toMatchObject({ status: 8, phase: 1, uploadType: 'inBand' });
  });

  it('takes the place of an upload in band that has failed', () => {
    const { bench } = scene({ limits: { images: 1 } });
    bench.ask(FirmwareDistributionUploadStart, { ...inBand, uploadTimeoutBase: 0 });
    bench.wait(11_000);
    ask(bench);
    expect(bench.wait(20_000)).toEqual([ACTIVE]);
    expect(bench.slots.images).toMatchObject([{ firmwareId: NEW_ID }]);
  });

  it('says Internal Error when the store refuses, and works again afterwards', () => {
    const store = new StubbornStore();
    const { bench } = scene({ store });
    ask(bench);
    store.refuses = true;
    expect(bench.wait(3000)).toEqual([{ status: 3, ...IDLE }]);
    store.refuses = false;
    ask(bench);
    expect(bench.wait(3000)).toEqual([ACTIVE]);
    store.refuses = 'slots/data/';
    bench.wait(20_000);
    expect(get(bench)).toMatchObject({ phase: 2 });
    store.refuses = false;
    expect(bench.slots.images).toEqual([]);
  });
});

describe('an upload out of band over a power cut', () => {
  it('goes on by itself while it fetches; a check is forgotten, its Initiator asks again', () => {
    const store = new MemoryStore();
    const first = scene({ store });
    ask(first.bench);
    const checking = copyOf(store);
    first.bench.wait(5000);
    const fetching = copyOf(store);
    first.bench.wait(20_000);

    const afterCheck = scene({ store: checking });
    afterCheck.bench.server.start();
    expect(get(afterCheck.bench)).toEqual({ status: 0, ...IDLE });
    expect(afterCheck.archive.calls).toEqual([]);

    const afterFetch = scene({ store: fetching });
    afterFetch.bench.server.start();
    expect(get(afterFetch.bench)).toMatchObject({ phase: 1, uploadType: 'oob', firmwareId: CURRENT });
    expect(ask(afterFetch.bench)).toMatchObject([{ status: 0, phase: 1 }]);
    afterFetch.bench.wait(20_000);
    expect(get(afterFetch.bench)).toMatchObject({ phase: 3, uploadProgress: 100 });
    expect(afterFetch.archive.calls).toEqual([`fetch ${URI}`]);
    expect(afterFetch.bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);

    const done = scene({ store });
    done.bench.server.start();
    expect(get(done.bench)).toEqual({ ...ACTIVE, phase: 3, uploadProgress: 100 });
  });

  it('ends in Transfer Error when there is no way out of the mesh any more', () => {
    const store = new MemoryStore();
    const { bench } = scene({ store });
    ask(bench);
    bench.wait(3000);
    const after = new Bench({ store: copyOf(store) });
    after.server.start();
    expect(get(after)).toMatchObject({ phase: 2, uploadType: 'oob', firmwareId: CURRENT });
    expect(after.slots.reservations).toEqual([]);
  });

  it('survives a cut before and after each write of the store', () => {
    const counting = new CutStore(Number.POSITIVE_INFINITY, 'before');
    whole(counting);
    expect(counting.writes).toBeGreaterThanOrEqual(5);
    for (let at = 1; at <= counting.writes; at++) {
      for (const side of ['before', 'after'] as const) {
        const store = new CutStore(at, side);
        try {
          whole(store);
        } catch (thrown) {
          expect(String(thrown)).toContain('power');
        }
        const { bench } = scene({ store: copyOf(store) });
        bench.server.start();
        if (get(bench)?.phase !== 3) {
          ask(bench);
          bench.wait(30_000);
        }
        expect(get(bench), `${side} write ${at}`).toMatchObject({ phase: 3, uploadProgress: 100 });
        expect(bench.slots.images.map(({ firmwareId }) => toHex(firmwareId))).toEqual([toHex(NEW_ID)]);
        expect(bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);
        expect(bench.slots.reservations).toEqual([]);
      }
    }
  });
});

describe('a distribution of an image that was fetched out of band', () => {
  it('updates the targets', () => {
    let archive: OobArchive | undefined;
    const mesh = new Scene([{}, {}], { archive: (clock) => (archive = new OobArchive(clock, FIRMWARE)) });
    const { client } = mesh.initiator;
    const to = { address: 0x0010, appIndex: 0 };
    const status = mesh.initiator.answer((done: (outcome: Result<{ phase: number }, MeshError>) => void) =>
      client.uploadOobStart(to, REQUEST, (outcome) => done(outcome.ok ? ok(outcome.value) : outcome)),
    );
    expect(status.phase).toBe(Phase.transferActive);
    runUntil(mesh.mesh, () => mesh.distributor.server.uploadPhase === Phase.transferSuccess);
    mesh.fill();
    mesh.start();
    mesh.until(DistributionPhase.completed);
    expect(mesh.mesh.firmware).toEqual([toHex(NEW_ID), toHex(NEW_ID)]);
    expect(archive?.calls).toHaveLength(2);
  });
});

function whole(store: MemoryStore): void {
  const { bench } = scene({ store });
  bench.server.start();
  ask(bench);
  bench.wait(30_000);
}

function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  copy.batch(store.keys('').map((key) => [key, store.get(key) ?? null]));
  return copy;
}

class StubbornStore extends MemoryStore {
  /** All writes, or those under a prefix. */
  refuses: boolean | string = false;

  override batch(writes: Iterable<readonly [string, Uint8Array | null]>): void {
    const all = [...writes];
    const { refuses } = this;
    const isRefused = typeof refuses === 'string' ? all.some(([key]) => key.startsWith(refuses)) : refuses;
    if (isRefused) throw new Error('the medium is full');
    super.batch(all);
  }
}

/** The power fails before or after one write; nothing is written any more then. */
class CutStore extends MemoryStore {
  writes = 0;
  readonly #at: number;
  readonly #side: 'before' | 'after';

  constructor(at: number, side: 'before' | 'after') {
    super();
    this.#at = at;
    this.#side = side;
  }

  override batch(writes: Iterable<readonly [string, Uint8Array | null]>): void {
    this.writes++;
    const isLast = this.writes === this.#at;
    if (this.writes < this.#at || (isLast && this.#side === 'after')) super.batch(writes);
    if (this.writes >= this.#at) throw new Error('the power failed');
  }
}
