import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase } from './distribution-codes.ts';
import {
  FirmwareDistributionFirmwareDelete,
  FirmwareDistributionFirmwareDeleteAll,
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionFirmwareGetByIndex,
  FirmwareDistributionUploadGet,
} from './distribution-image-messages.ts';
import {
  FirmwareDistributionApply,
  FirmwareDistributionCancel,
  FirmwareDistributionCapabilitiesGet,
  FirmwareDistributionGet,
  FirmwareDistributionStart,
  FirmwareDistributionSuspend,
} from './distribution-messages.ts';
import {
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversDeleteAll,
  FirmwareDistributionReceiversGet,
} from './distribution-receivers-messages.ts';
import { Bench, type BenchState } from './testing/distribution-bench.ts';
import { startOf } from './testing/distribution-mesh.ts';

const IMAGES = ['590001', '590002', '590003'];
const RECEIVERS = [
  { address: 0x0100, imageIndex: 0 },
  { address: 0x0101, imageIndex: 1 },
];
/** In the order of the columns of firmware-distribution.md 2.1. */
const COLUMNS = [
  'idle',
  'transferActive',
  'transferSuccess',
  'applyingUpdate',
  'completed',
  'failed',
  'cancelingUpdate',
  'transferSuspended',
] as const;

/** The Distributor in a phase, as after a power cut that it has not recovered from: nothing moves by itself. */
function inPhase(phase: number, state: BenchState = {}): Bench {
  return new Bench({ phase, start: startOf(), receivers: RECEIVERS, images: IMAGES, ...state });
}

/** Rows of 2.1: status of the answer, and the phase after it where it changes (`>` and the number). */
const ROWS: Record<string, readonly [ask: (bench: Bench) => Record<string, unknown>[], cells: string]> = {
  'Receivers Add': [
    (bench) => bench.ask(FirmwareDistributionReceiversAdd, { receivers: [{ address: 5, imageIndex: 0 }] }),
    '0 7 7 7 0 0 7 7',
  ],
  'Receivers Delete All': [(bench) => bench.ask(FirmwareDistributionReceiversDeleteAll, {}), '0 7 7 7 0>0 0>0 7 7'],
  'Start, same parameters': [(bench) => bench.ask(FirmwareDistributionStart, startOf()), '0>1 0 0 0 0 0>1 7 0>1'],
  'Start, other AppKey': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ appKeyIndex: 3 })),
    '5 5 5 5 5 5 5 5',
  ],
  'Start, other TTL': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ distributionTtl: 9 })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  'Start, other timeout base': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ timeoutBase: 9 })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  'Start, other mode': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ transferMode: 'pull' })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  'Start, other policy': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ updatePolicy: 'verifyOnly' })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  'Start, other image': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ imageIndex: 1 })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  'Start, other group': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ multicast: 0xc001 })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  'Start, a label': [
    (bench) => bench.ask(FirmwareDistributionStart, startOf({ multicast: new Uint8Array(16) })),
    '0>1 7 7 7 0>1 0>1 7 7',
  ],
  // Nothing runs that could pause; that it can is tested over the radio.
  Suspend: [(bench) => bench.ask(FirmwareDistributionSuspend, {}), '2 13 2 2 2 2 2 0'],
  Apply: [(bench) => bench.ask(FirmwareDistributionApply, {}), '2 2 0>3 0 0 2 2 2'],
  Cancel: [(bench) => bench.ask(FirmwareDistributionCancel, {}), '0 0>6 0>6 0>6 0>0 0>0 0 0>6'],
  Get: [(bench) => bench.ask(FirmwareDistributionGet, {}), '0 0 0 0 0 0 0 0'],
  'Firmware Delete': [
    (bench) => bench.ask(FirmwareDistributionFirmwareDelete, { firmwareId: fromHex('590002') }),
    '0 7 7 7 7 7 7 7',
  ],
  'Firmware Delete All': [(bench) => bench.ask(FirmwareDistributionFirmwareDeleteAll, {}), '0 7 7 7 7 7 7 7'],
  'Firmware Get': [
    (bench) => bench.ask(FirmwareDistributionFirmwareGet, { firmwareId: fromHex('590002') }),
    '0 0 0 0 0 0 0 0',
  ],
  'Upload Get': [(bench) => bench.ask(FirmwareDistributionUploadGet, {}), '0 0 0 0 0 0 0 0'],
};

describe('the reaction of the Distributor by phase', () => {
  for (const [name, [ask, cells]] of Object.entries(ROWS)) {
    for (const [column, cell] of cells.split(' ').entries()) {
      const before = DistributionPhase[COLUMNS[column] as (typeof COLUMNS)[number]];
      const [status, after] = cell.split('>');
      it(`${name} in ${COLUMNS[column]}: status ${status}${after === undefined ? '' : `, phase ${after}`}`, () => {
        const bench = inPhase(before);
        const [answer] = ask(bench);
        expect(answer?.status).toBe(Number(status));
        // The answer shows the phase after the message; a cancellation may have ended since then.
        if (answer !== undefined && 'distributionTtl' in answer) expect(answer.phase).toBe(Number(after ?? before));
        else expect(bench.server.phase).toBe(Number(after ?? before));
        if (status === '7') {
          expect(bench.server.receivers).toMatchObject(RECEIVERS);
          expect(bench.slots.images).toHaveLength(3);
        }
      });
    }
  }

  it('shows the parameters of the distribution in every phase but Idle', () => {
    const [status] = inPhase(DistributionPhase.completed).ask(FirmwareDistributionGet, {});
    const { multicast, ...parameters } = startOf();
    expect(status).toEqual({ status: 0, phase: 4, multicastAddress: multicast, ...parameters });
  });
});

describe('the receivers list', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ address: 0x0100 + i, imageIndex: i & 0xff }));
  const page = (bench: Bench, firstIndex: number, entriesLimit: number) => {
    const [list] = bench.ask(FirmwareDistributionReceiversGet, { firstIndex, entriesLimit });
    const entries = list?.entries as { address: number }[];
    return {
      count: list?.receiversListCount,
      firstIndex: list?.firstIndex,
      addresses: entries.map(({ address }) => address),
    };
  };
  const addresses = (from: number, to: number) =>
    many(to)
      .slice(from)
      .map(({ address }) => address);

  it('is told in pages of at most 74, in the order of adding', () => {
    for (const count of [0, 1, 74, 75, 1000]) {
      const bench = new Bench({ receivers: many(count) });
      const first = Math.min(count, 74);
      expect(page(bench, 0, 0xffff)).toEqual({ count, firstIndex: 0, addresses: addresses(0, first) });
      expect(page(bench, 0, 1).addresses).toEqual(addresses(0, Math.min(count, 1)));
      expect(page(bench, count, 10)).toEqual({ count, firstIndex: count, addresses: [] });
      expect(page(bench, 0xffff, 0xffff)).toEqual({ count, firstIndex: 0xffff, addresses: [] });
      if (count > 0) expect(page(bench, count - 1, 10).addresses).toEqual(addresses(count - 1, count));
    }
  });

  it('keeps what fits when it is full, and takes a known address all the same', () => {
    const bench = new Bench({ maxReceivers: 3 });
    const add = (...receivers: { address: number; imageIndex: number }[]) =>
      bench.ask(FirmwareDistributionReceiversAdd, { receivers })[0];
    expect(add(...many(2))).toEqual({ status: 0, receiversListCount: 2 });
    expect(add({ address: 7, imageIndex: 0 }, { address: 8, imageIndex: 0 })).toEqual({
      status: 1,
      receiversListCount: 3,
    });
    expect(add({ address: 7, imageIndex: 9 })).toEqual({ status: 0, receiversListCount: 3 });
    expect(bench.server.receivers.map(({ address, imageIndex }) => [address, imageIndex])).toEqual([
      [0x100, 0],
      [0x101, 1],
      [7, 9],
    ]);
  });
});

describe('the firmware images list', () => {
  it('is told by id and by index, and shrinks by deletion', () => {
    const bench = new Bench({ images: IMAGES });
    const get = (id: string) => bench.ask(FirmwareDistributionFirmwareGet, { firmwareId: fromHex(id) })[0];
    const at = (imageIndex: number) => bench.ask(FirmwareDistributionFirmwareGetByIndex, { imageIndex })[0];
    const remove = (id: string) => bench.ask(FirmwareDistributionFirmwareDelete, { firmwareId: fromHex(id) })[0];
    expect(get('590002')).toEqual({ status: 0, entryCount: 3, imageIndex: 1, firmwareId: fromHex('590002') });
    expect(get('590009')).toEqual({ status: 4, entryCount: 3, imageIndex: undefined, firmwareId: fromHex('590009') });
    expect(at(2)).toEqual({ status: 0, entryCount: 3, imageIndex: 2, firmwareId: fromHex('590003') });
    expect(at(3)).toEqual({ status: 4, entryCount: 3, imageIndex: 3, firmwareId: undefined });
    expect(remove('590001')).toEqual({
      status: 0,
      entryCount: 2,
      imageIndex: undefined,
      firmwareId: fromHex('590001'),
    });
    expect(remove('590001')).toEqual({
      status: 0,
      entryCount: 2,
      imageIndex: undefined,
      firmwareId: fromHex('590001'),
    });
    expect(get('590003')).toMatchObject({ status: 0, imageIndex: 1 });
    expect(bench.ask(FirmwareDistributionFirmwareDeleteAll, {})).toEqual([
      { status: 0, entryCount: 0, imageIndex: undefined, firmwareId: undefined },
    ]);
  });

  it('counts for the capabilities', () => {
    const bench = new Bench({
      images: IMAGES,
      limits: { images: 5, imageSize: 1000, space: 2000 },
      maxReceivers: 65_000,
    });
    expect(bench.ask(FirmwareDistributionCapabilitiesGet, {})).toEqual([
      {
        maxReceiversCount: 65_000,
        maxFirmwareImagesListSize: 5,
        maxFirmwareImageSize: 1000,
        maxUploadSpace: 2000,
        remainingUploadSpace: 1700,
        oobRetrievalSupported: false,
        supportedUriSchemes: [],
      },
    ]);
  });

  it('count no further than the message can', () => {
    const bench = new Bench({ limits: { imageSize: 2 ** 40, space: 2 ** 40 } });
    expect(bench.ask(FirmwareDistributionCapabilitiesGet, {})).toMatchObject([
      { maxFirmwareImageSize: 0xffff_ffff, maxUploadSpace: 0xffff_ffff, remainingUploadSpace: 0xffff_ffff },
    ]);
  });

  it.each([-1, 65_536, 2.5, Number.NaN])('takes no list of %s receivers', (maxReceivers) => {
    expect(() => new Bench({ maxReceivers })).toThrow(`maxReceivers: ${maxReceivers}`);
  });
});
