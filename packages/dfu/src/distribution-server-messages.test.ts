import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import {
  FirmwareDistributionFirmwareGet,
  FirmwareDistributionUploadCancel,
  FirmwareDistributionUploadGet,
  FirmwareDistributionUploadStart,
} from './distribution-image-messages.ts';
import { Bench } from './testing/distribution-bench.ts';
import { startOf } from './testing/distribution-mesh.ts';

describe('an upload, message by message', () => {
  const start = {
    uploadTtl: 3,
    uploadTimeoutBase: 5,
    uploadBlobId: 0x1100_0000_0000_0011n,
    uploadFirmwareSize: 80,
    metadata: fromHex('1100000000000011'),
    firmwareId: fromHex('11000011'),
  };
  const active = { status: 0, phase: 1, uploadProgress: 0, uploadType: 'inBand', firmwareId: start.firmwareId };

  it('answers the same Start again with Success, any other with Busy', () => {
    const others = [
      { uploadTtl: 4 },
      { uploadTimeoutBase: 6 },
      { uploadBlobId: 1n },
      { uploadFirmwareSize: 81 },
      { metadata: new Uint8Array(0) },
      { firmwareId: fromHex('590009') },
    ];
    const bench = new Bench();
    expect(bench.ask(FirmwareDistributionUploadStart, start)).toEqual([active]);
    expect(bench.ask(FirmwareDistributionUploadStart, start)).toEqual([active]);
    for (const other of others) {
      expect(bench.ask(FirmwareDistributionUploadStart, { ...start, ...other })).toEqual([{ ...active, status: 8 }]);
    }
    expect(bench.ask(FirmwareDistributionUploadGet, {})).toEqual([active]);
    // Not in the list before it is whole.
    expect(bench.ask(FirmwareDistributionFirmwareGet, { firmwareId: start.firmwareId })[0]?.status).toBe(4);
  });

  it('has the image already: Transfer Success at once, with the firmware id', () => {
    const bench = new Bench({ images: ['11000011'], limits: { images: 1 } });
    const success = { ...active, phase: 3, uploadProgress: 100 };
    expect(bench.ask(FirmwareDistributionUploadStart, start)).toEqual([success]);
    expect(bench.ask(FirmwareDistributionUploadGet, {})).toEqual([success]);
    expect(bench.slots.images).toHaveLength(1);
  });

  it('is Idle again by Cancel, which always succeeds', () => {
    const bench = new Bench();
    const idle = { status: 0, phase: 0, uploadProgress: undefined, uploadType: undefined, firmwareId: undefined };
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toEqual([idle]);
    bench.ask(FirmwareDistributionUploadStart, start);
    expect(bench.slots.reservations).toHaveLength(1);
    expect(bench.ask(FirmwareDistributionUploadCancel, {})).toEqual([idle]);
    expect(bench.slots.reservations).toHaveLength(0);
    expect(bench.ask(FirmwareDistributionUploadStart, start)).toEqual([active]);
  });

  it('refuses an image of no octets, and one that does not fit', () => {
    const bench = new Bench({ limits: { imageSize: 100 } });
    expect(bench.ask(FirmwareDistributionUploadStart, { ...start, uploadFirmwareSize: 0 })[0]?.status).toBe(3);
    expect(bench.ask(FirmwareDistributionUploadStart, { ...start, uploadFirmwareSize: 101 })[0]).toMatchObject({
      status: 1,
      phase: 0,
    });
    expect(bench.ask(FirmwareDistributionUploadStart, { ...start, uploadFirmwareSize: 100 })[0]?.status).toBe(0);
  });
});

/** A Distributor in Idle that has images and receivers. */
function found(): Bench {
  const receivers = [
    { address: 0x0100, imageIndex: 0 },
    { address: 0x0101, imageIndex: 1 },
  ];
  return new Bench({ phase: 0, start: startOf(), receivers, images: ['590001', '590002', '590003'] });
}

describe('vectors that tell what the Distributor does', () => {
  interface Vector {
    name: string;
    hex: string;
    kind: 'ok' | 'malformed' | 'context';
    direction: string;
  }
  const all = JSON.parse(
    readFileSync(new URL('./vectors/firmware-distribution.json', import.meta.url), 'utf8'),
  ) as Vector[];
  const requests = all.filter(({ direction }) => direction === 'client to server');
  const hexOf = (name: string): string => requests.find((vector) => vector.name.includes(name))?.hex ?? '';

  for (const { name, hex } of requests.filter(({ kind }) => kind === 'malformed')) {
    it(`ignores ${name}`, () => expect(new Bench().askHex(hex)).toEqual([]));
  }

  it.each(['Start, mode 0', 'Firmware Get, empty'])('ignores Firmware Distribution %s', (name) => {
    expect(found().askHex(hexOf(name))).toEqual([]);
  });

  it('lets the last image index of an address count', () => {
    const bench = new Bench();
    expect(bench.askHex(hexOf('same address twice'))).toEqual([{ status: 0, receiversListCount: 1 }]);
    expect(bench.server.receivers).toMatchObject([{ address: 5, imageIndex: 1 }]);
  });

  it('skips a receiver that is no unicast address', () => {
    expect(new Bench().askHex(hexOf('Receivers Add, group address'))).toEqual([{ status: 0, receiversListCount: 0 }]);
  });

  it('has no out-of-band retrieval: URI Not Supported, or Malformed when it is none', () => {
    expect(new Bench().askHex(hexOf('OOB Start, no URI'))[0]).toMatchObject({ status: 10, phase: 0 });
    expect(new Bench().askHex(hexOf('OOB Start, ftp'))[0]).toMatchObject({ status: 9, phase: 0 });
    expect(new Bench().askHex(hexOf('Upload OOB Start'))[0]).toMatchObject({ status: 9, phase: 0 });
  });

  it('answers every other request once', () => {
    for (const { hex, kind, name } of requests) {
      if (kind !== 'ok') continue;
      const answers = found().askHex(hex);
      expect(answers, `${name} ${toHex(fromHex(hex))}`).toHaveLength(1);
    }
  });
});
