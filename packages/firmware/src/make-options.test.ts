import { SeededRandom, toHex, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  autoSecurityCounter,
  buildImage,
  CoreType,
  dependencyTlv,
  findHexApplication,
  type HexSegment,
  imageDependencies,
  makeFirmware,
  packageImage,
  parseImage,
  readFirmwarePackage,
  securityCounter,
  securityCounterTlv,
  trailerMark,
} from './index.ts';
import { must } from './testing/vectors.ts';

const crypto = portableCrypto;
const version = { major: 1, minor: 2, revision: 3, build: 4 };
const payload = new SeededRandom('options').bytes(200);
const parts = { payload, version, company: 0x59, crypto };

/** The package that is made, as it is read. */
async function made(options: Partial<Parameters<typeof makeFirmware>[0]>) {
  return must(await readFirmwarePackage((await makeFirmware({ ...parts, ...options })).zip, { crypto }));
}

describe('a package is made', () => {
  test('with what is said of board, chip, place, image number and time', async () => {
    const said = {
      board: 'lamp',
      soc: 'nRF',
      slotAddress: 0x8000,
      headerSize: 1024,
      name: 'lamp',
      time: 1_700_000_000,
    };
    const pkg = await made({ ...said, imageIndex: 2 });
    expect(pkg.manifest).toMatchObject({ time: said.time, name: 'lamp', 'format-version': 1 });
    const numbers = { image_index: '2', slot_index_primary: '5', slot_index_secondary: '6' };
    const { files } = pkg.manifest as { files: object[] };
    expect(files).toEqual([expect.objectContaining({ board: 'lamp', soc: 'nRF', load_address: 0x8400, ...numbers })]);
    expect(pkg.images[0]).toMatchObject({ file: 'lamp.signed.bin', target: { image: 2, slot: 1 } });
  });

  test('for the network core: another image number, no composition in the metadata', async () => {
    const pkg = await made({ coreType: CoreType.network, userData: utf8('hi') });
    expect(pkg.images[0]!.target.image).toBe(1);
    expect(pkg.mesh!.metadata).toMatchObject({ coreType: 2, userData: utf8('hi') });
    expect(pkg.mesh!.metadata.compositionHash).toBeUndefined();
  });

  test('with a security counter and dependencies, or without a signature', async () => {
    const dependencies = [{ image: 1, minVersion: { ...version, build: 0 } }];
    const [image] = (await made({ securityCounter: autoSecurityCounter(version), dependencies })).images;
    expect([securityCounter(image!.image), imageDependencies(image!.image)]).toEqual([0x0102_0003, dependencies]);
    expect((await made({ key: null })).images[0]!.signature.state).toBe('unsigned');
  });

  test('of an image that is there already, whose octets stay as they are', async () => {
    const image = buildImage({ payload, version, hashAlgorithm: 'SHA512' });
    const packed = await packageImage(image, { company: 0x59, crypto });
    expect(packed.image).toBe(image);
    const pkg = must(await readFirmwarePackage(packed.zip, { crypto }));
    expect(pkg.inconsistencies).toEqual([]);
    expect(pkg.images[0]!.bytes).toEqual(image);
  });

  test.each<[string, (image: Uint8Array) => Uint8Array, string]>([
    ['of no image', () => utf8('hello'.repeat(20)), 'bad-magic'],
    ['of a cut image', (image) => image.subarray(0, 600), 'size-overflow'],
    ['of a damaged image', (image) => image.map((octet, i) => (i === 600 ? octet ^ 1 : octet)), 'hash-mismatch'],
  ])('never %s', async (_, change, code) => {
    const image = change(buildImage({ payload, version }));
    await expect(packageImage(image, { company: 0x59, crypto })).rejects.toMatchObject({
      code,
      hint: expect.any(String),
    });
  });

  test.each([31, 65_536, 32.5])('never with a header of %d octets', (headerSize) => {
    expect(() => buildImage({ payload, version, headerSize })).toThrow(
      expect.objectContaining({ code: 'bad-header-size', hint: expect.any(String) }),
    );
  });

  test('with counters and dependencies of any value', () => {
    const octet = fc.nat(255);
    const anyVersion = fc.record({ major: octet, minor: octet, revision: fc.nat(0xffff), build: fc.nat(0xffff_ffff) });
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), octet, anyVersion, (counter, image, minVersion) => {
        const protectedTlvs = [securityCounterTlv(counter), dependencyTlv({ image, minVersion })];
        const read = must(parseImage(buildImage({ payload: utf8('x'), version, headerSize: 32, protectedTlvs })));
        expect(securityCounter(read)).toBe(counter);
        expect(imageDependencies(read)).toEqual([{ image, minVersion }]);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('the application in a HEX file', () => {
  const segment = (address: number, length: number): HexSegment => ({ address, bytes: payload.subarray(0, length) });

  test('is one piece, small gaps filled as erased flash', () => {
    const found = must(findHexApplication([segment(0xc000, 10), segment(0xc010, 4)]));
    expect(found.address).toBe(0xc000);
    expect(toHex(found.bytes)).toBe(toHex(payload.subarray(0, 10)) + 'ff'.repeat(6) + toHex(payload.subarray(0, 4)));
  });

  test.each<[string, HexSegment[], string]>([
    ['nothing', [], 'empty-file'],
    ['a bootloader before it', [segment(0, 200), segment(0xc000, 200)], 'several-regions'],
    ['settings of the chip behind it', [segment(0, 200), segment(0x1000_1000, 4)], 'several-regions'],
    ['more than any application', Array.from({ length: 5000 }, (_, i) => segment(i * 4096, 1)), 'several-regions'],
  ])('with %s is refused', (_, segments, code) => {
    expect(findHexApplication(segments)).toMatchObject({ ok: false, error: { code, hint: expect.any(String) } });
  });
});

test('a trailer needs its magic, a known alignment, and room behind the image', () => {
  const image = buildImage({ payload, version });
  const magic = '77c295f360d2ef7f3552500f2cb67980';
  const aligned = (align: string): string => `${align}2de15d29410b8d77679c110f1f8a`;
  const mark = (hex: string) => trailerMark(must(parseImage(Uint8Array.from([...image, ...Buffer.from(hex, 'hex')]))));
  const erased = 'ff'.repeat(24);
  expect(mark('')).toBeUndefined();
  expect(mark(erased + magic)).toBe('test');
  expect(mark(`${'ff'.repeat(16)}01${'ff'.repeat(7)}${magic}`)).toBe('confirmed');
  expect(mark(magic)).toBeUndefined();
  expect(mark(erased + magic.replace('77', '78'))).toBeUndefined();
  expect(mark(`${erased}${'ff'.repeat(24)}${aligned('1000')}`)).toBe('test');
  expect(mark(erased + aligned('0800'))).toBeUndefined();
  expect(mark(`${erased}${aligned('ffff')}`)).toBeUndefined();
});
