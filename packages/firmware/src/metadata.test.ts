import { fromHex, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CoreType,
  compareVersions,
  compositionHash,
  decodeFirmwareId,
  decodeFirmwareMetadata,
  encodeCompositionPage0,
  encodeFirmwareId,
  encodeFirmwareMetadata,
  type FirmwareMetadata,
  formatVersion,
  type Json,
  parseComposition,
  parseCoreType,
  parseVersion,
} from './index.ts';
import { mcubootVectors, metadataVectors, must } from './testing/vectors.ts';

const version = fc.record({
  major: fc.integer({ min: 0, max: 0xff }),
  minor: fc.integer({ min: 0, max: 0xff }),
  revision: fc.integer({ min: 0, max: 0xffff }),
  build: fc.integer({ min: 0, max: 0xffff_ffff }),
});

describe('firmware metadata', () => {
  const vectors = metadataVectors.filter(({ fields }) => (fields.type ?? 'metadata') === 'metadata');

  test.each(vectors.filter(({ kind }) => kind !== 'malformed'))('$name', ({ hex, fields }) => {
    const { firmwareId, versionText, type: _, ...expected } = fields;
    const metadata = must(decodeFirmwareMetadata(fromHex(hex)));
    expect(asVector(metadata)).toEqual(expected);
    expect(toHex(encodeFirmwareMetadata(metadata))).toBe(hex);
    if (versionText !== undefined) expect(formatVersion(metadata.version)).toBe(versionText);
    if (firmwareId !== undefined) expect(toHex(encodeFirmwareId(0x0059, metadata.version))).toBe(firmwareId);
  });

  test.each(vectors.filter(({ kind }) => kind === 'malformed'))('malformed: $name', ({ hex }) => {
    expect(decodeFirmwareMetadata(fromHex(hex))).toMatchObject({ ok: false, error: { code: 'bad-metadata' } });
  });

  test('decodes what it encodes, whatever the values', () => {
    const common = {
      version,
      size: fc.integer({ min: 0, max: 0xff_ffff }),
      userData: fc.uint8Array({ maxLength: 237 }),
    };
    const application = fc.record({
      ...common,
      coreType: fc.constantFrom(1, 3, 5, 0xff),
      compositionHash: fc.integer({ min: 0, max: 0xffff_ffff }),
      elementCount: fc.integer({ min: 0, max: 0xffff }),
    });
    const other = fc.record({ ...common, coreType: fc.constantFrom(0, 2, 4, 0xfe) });
    fc.assert(
      fc.property(fc.oneof(application, other), (metadata) => {
        expect(must(decodeFirmwareMetadata(encodeFirmwareMetadata(metadata)))).toEqual(metadata);
      }),
    );
  });

  test('decodes or refuses any octets, and what it decodes encodes to the same octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeFirmwareMetadata(bytes);
        if (decoded.ok) expect(encodeFirmwareMetadata(decoded.value)).toEqual(bytes);
        else expect(decoded.error.code).toBe('bad-metadata');
      }),
    );
  });

  test('refuses to encode what does not fit, naming the field', () => {
    const good: FirmwareMetadata = {
      version: { major: 1, minor: 0, revision: 0, build: 0 },
      size: 1000,
      coreType: CoreType.application,
      compositionHash: 0,
      elementCount: 1,
      userData: new Uint8Array(0),
    };
    expect(() => encodeFirmwareMetadata({ ...good, size: 0x100_0000 })).toThrow(/size is 16777216/);
    expect(() => encodeFirmwareMetadata({ ...good, coreType: CoreType.network })).toThrow(/no application bit/);
    expect(() => encodeFirmwareMetadata({ ...good, userData: new Uint8Array(238) })).toThrow(/256 octets/);
    const { compositionHash: _, ...without } = good;
    expect(() => encodeFirmwareMetadata(without)).toThrow(/compositionHash is undefined/);
  });
});

describe('composition as JSON', () => {
  const u16 = fc.nat(0xffff);
  const composition = fc.record({
    cid: u16,
    pid: u16,
    vid: u16,
    crpl: u16,
    features: u16,
    elements: fc.array(
      fc.record({
        location: u16,
        sig_models: fc.array(u16, { maxLength: 5 }),
        vendor_models: fc.array(fc.nat(0xffff_ffff), { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  });

  test('is read as it stands, and takes its place in Page 0', () => {
    fc.assert(
      fc.property(composition, (value) => {
        const parsed = must(parseComposition(JSON.parse(JSON.stringify(value))));
        expect(parsed).toEqual(value);
        const octets = value.elements.map((e) => 4 + 2 * e.sig_models.length + 4 * e.vendor_models.length);
        expect(encodeCompositionPage0(parsed).length).toBe(octets.reduce((sum, size) => sum + size, 10));
      }),
    );
  });

  test('of any other JSON is refused by name', () => {
    const damaged = fc.tuple(composition, fc.constantFrom('cid', 'crpl', 'elements'), fc.jsonValue());
    const json = fc.oneof(
      fc.jsonValue(),
      damaged.map(([value, name, other]) => ({ ...value, [name]: other })),
      fc
        .array(fc.jsonValue(), { maxLength: 3 })
        .map((elements) => ({ cid: 0, pid: 0, vid: 0, crpl: 0, features: 0, elements })),
    );
    fc.assert(
      fc.property(json, (any) => {
        const parsed = parseComposition(any as Json);
        if (!parsed.ok) expect(parsed.error.code).toBe('bad-composition');
      }),
    );
  });
});

describe('composition hash', () => {
  test.each(metadataVectors.filter(({ fields }) => fields.type === 'compositionHash'))('$name', ({ hex, fields }) => {
    const key = fromHex(fields.key as string);
    expect(hex32(compositionHash(fromHex(hex), portableCrypto, key))).toBe(fields.hash);
    expect(compositionHash(fromHex(hex), portableCrypto)).toBe(Number(fields.hash));
  });
});

describe('Firmware ID', () => {
  test.each(metadataVectors.filter(({ fields }) => fields.type === 'firmwareId'))('$name', ({ hex, fields }) => {
    const id = must(decodeFirmwareId(fromHex(hex)));
    expect(toHex(id.version)).toBe(fields.version);
    expect(id.companyId).toBe(Number(fields.companyId));
    expect(id.text).toBe(fields.text);
  });

  test('says again what it was made of, and any octets are one or refused', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), version, fc.uint8Array({ maxLength: 120 }), (companyId, of, octets) => {
        const id = must(decodeFirmwareId(encodeFirmwareId(companyId, of)));
        expect(id.companyId).toBe(companyId);
        expect(must(parseVersion(id.text as string))).toEqual(of);
        expect(decodeFirmwareId(octets).ok).toBe(octets.length >= 2 && octets.length <= 108);
      }),
    );
  });

  test('is refused without a whole company identifier', () => {
    expect(decodeFirmwareId(fromHex('59'))).toMatchObject({ ok: false, error: { code: 'bad-firmware-id' } });
  });
});

describe('versions', () => {
  test('are read as they are written, and any text is one or refused', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.+]{0,20}$/));
    fc.assert(
      fc.property(version, text, (value, any) => {
        expect(must(parseVersion(formatVersion(value)))).toEqual(value);
        const parsed = parseVersion(any);
        if (parsed.ok) expect(must(parseVersion(formatVersion(parsed.value)))).toEqual(parsed.value);
        else expect(parsed.error.code).toBe('bad-version');
      }),
    );
  });

  test.each(mcubootVectors.versionCompare)('$a against $b', ({ a, b, withBuildNumber, withoutBuildNumber }) => {
    const [left, right] = [must(parseVersion(a)), must(parseVersion(b))];
    expect(Math.sign(compareVersions(left, right))).toBe(withBuildNumber);
    expect(Math.sign(compareVersions(left, right, { withBuild: false }))).toBe(withoutBuildNumber);
  });

  test.each([
    ['1.2.3+4', '1.2.3+4'],
    ['1.2.3.4', '1.2.3+4'],
    ['1.2.3', '1.2.3+0'],
    ['255.255.65535+4294967295', '255.255.65535+4294967295'],
  ])('%s is %s', (text, formatted) => {
    expect(formatVersion(must(parseVersion(text)))).toBe(formatted);
  });

  test.each(['', '1', '256.0.0', '1.2.65536', '1.2.3+4294967296', '1.2.x', '-1.2.3', '1.2.3+4+5'])(
    'refuses "%s"',
    (text) => {
      expect(parseVersion(text)).toMatchObject({ ok: false, error: { code: 'bad-version' } });
    },
  );
});

test('core types are read by name, by sum and by number', () => {
  expect(['app', 'net', 'blob', 'app+net', '0x04', '3'].map((text) => must(parseCoreType(text)))).toEqual([
    1, 2, 4, 3, 4, 3,
  ]);
  expect(parseCoreType('modem')).toMatchObject({ ok: false, error: { code: 'bad-core-type' } });
  expect(parseCoreType('256').ok).toBe(false);
});

function asVector(metadata: FirmwareMetadata): object {
  const { compositionHash: hash, userData, ...rest } = metadata;
  return { ...rest, ...(hash === undefined ? {} : { compositionHash: hex32(hash) }), userData: toHex(userData) };
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
