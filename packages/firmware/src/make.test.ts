import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { equal, SeededRandom, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildImage,
  buildMetadata,
  CoreType,
  decodeFirmwareMetadata,
  demoSigningKey,
  describePackage,
  generateSigningKey,
  type MakeOptions,
  makeFirmware,
  parseImage,
  parseSigningKey,
  readFirmwarePackage,
  SAMPLE_KEYS,
  TlvType,
  verifyImageHash,
  verifySignature,
} from './index.ts';
import { firmwareFile, groundTruth } from './testing/shared-firmware.ts';
import { must } from './testing/vectors.ts';

const options: MakeOptions = {
  payload: new SeededRandom(1).bytes(10_001),
  version: { major: 1, minor: 2, revision: 3, build: 4 },
  company: 0x0059,
  crypto: portableCrypto,
};

describe('a made package', () => {
  test('is read back without a warning but that about the demo key', async () => {
    const made = await makeFirmware(options);
    const pkg = must(await readFirmwarePackage(made.zip, options));
    expect(pkg.inconsistencies).toEqual([]);
    expect(pkg.warnings).toEqual([expect.stringContaining('sample key meshferry-demo')]);
    expect(pkg.images).toMatchObject([
      { file: 'app.signed.bin', target: { image: 0, slot: 1 }, hashVerified: true, signature: { state: 'valid' } },
    ]);
    expect(equal(pkg.images[0]!.bytes, made.image)).toBe(true);
    expect(pkg.mesh).toMatchObject({ encoded: made.metadata, firmwareId: made.firmwareId, json: made.meshMetadata });
    expect(toHex(made.firmwareId)).toBe('59000102030004000000');
    expect(describePackage(pkg)).toMatchObject({
      kind: 'zip',
      entries: ['app.signed.bin', 'manifest.json', 'ble_mesh_metadata.json'].map((name) => ({
        name,
        method: 'stored',
      })),
      meshMetadataDecoded: { decodedMetadata: { version: '1.2.3+4', size: made.image.length, elements: 1 } },
    });
  });

  test('with a key of its own has no warning at all', async () => {
    const key = generateSigningKey(new SeededRandom('key'), 'bench');
    const { zip } = await makeFirmware({ ...options, key });
    const pkg = must(await readFirmwarePackage(zip, { ...options, publicKeys: [key.publicKey] }));
    expect(pkg.warnings).toEqual([]);
  });

  test('is the same octets every time', async () => {
    const [first, second] = await Promise.all([makeFirmware(options), makeFirmware(options)]);
    expect(toHex(first.zip)).toBe(toHex(second.zip));
  });

  test('carries the composition hash that a node computes, not that of the packager', async () => {
    const element = { location: 1, sig_models: [0, 2, 0x1401, 0x1403, 0x1400, 0x1404], vendor_models: [0x0059000e] };
    const elements = [element, { location: 2, sig_models: [0x1400, 0x1402], vendor_models: [] }];
    const composition = { cid: 0x59, pid: 0, vid: 0, crpl: 10, features: 7, elements };
    const { metadata, zip } = await makeFirmware({ ...options, composition });
    expect(must(decodeFirmwareMetadata(metadata))).toMatchObject({ compositionHash: 0x04abe898, elementCount: 2 });
    expect(must(await readFirmwarePackage(zip, options)).warnings).toHaveLength(1);
  });

  test('is signed as an independent verifier expects', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const type of ['pkcs8', 'sec1'] as const) {
      const key = must(parseSigningKey(privateKey.export({ format: 'pem', type }).toString(), 'mine'));
      const image = must(parseImage((await makeFirmware({ ...options, key })).image));
      const signature = image.tlvs.find((tlv) => tlv.type === TlvType.ECDSA_SIG)!.value;
      expect(verify('sha256', image.bytes.subarray(0, image.tlvAreaOffset), publicKey, signature)).toBe(true);
      const spki = publicKey.export({ format: 'der', type: 'spki' });
      const hash = createHash('sha256').update(spki).digest('hex');
      expect(toHex(image.tlvs.find((tlv) => tlv.type === TlvType.KEYHASH)!.value)).toBe(hash);
    }
  });

  test.skipIf(groundTruth === null)(
    "of Zephyr's unsigned application equals the signed one up to its signature",
    async () => {
      const payload = firmwareFile('zephyr/hello_world.bin');
      const version = { major: 0, minor: 0, revision: 0, build: 0 };
      const made = must(parseImage((await makeFirmware({ ...options, payload, version, headerRoom: true })).image));
      const signed = must(parseImage(firmwareFile('zephyr/hello_world.signed.bin')));
      expect(toHex(made.hash)).toBe(toHex(signed.hash));
    },
  );

  test('is refused for an application that is empty or has no room for a header', async () => {
    await expect(makeFirmware({ ...options, payload: new Uint8Array(0) })).rejects.toMatchObject({
      code: 'empty-file',
    });
    await expect(makeFirmware({ ...options, headerRoom: true })).rejects.toMatchObject({ code: 'no-header-room' });
  });
});

test('images of any size, header and protected TLVs are read back', () => {
  const tlvs = fc.array(
    fc.record({ type: fc.integer({ min: 0xa0, max: 0xff }), value: fc.uint8Array({ maxLength: 40 }) }),
  );
  const parts = fc.record({
    payload: fc.uint8Array({ maxLength: 300 }),
    headerSize: fc.integer({ min: 32, max: 600 }),
    flags: fc.constantFrom(0, 0x10, 0x100),
    loadAddr: fc.integer({ min: 0, max: 0xffff_ffff }),
    protectedTlvs: tlvs,
  });
  fc.assert(
    fc.property(parts, (part) => {
      const image = must(parseImage(buildImage({ ...part, version: options.version })));
      expect(image).toMatchObject({ hdrSize: part.headerSize, flags: part.flags, loadAddr: part.loadAddr });
      expect(image.version).toEqual(options.version);
      expect(image.protectedTlvs.map(({ type, value }) => ({ type, value }))).toEqual(part.protectedTlvs);
      expect(image.bytes.subarray(image.hdrSize, image.hdrSize + part.payload.length)).toEqual(part.payload);
      expect(verifyImageHash(image).ok).toBe(true);
    }),
  );
  const key = demoSigningKey();
  const signed = must(parseImage(buildImage({ payload: Uint8Array.of(1), version: options.version, key })));
  expect(verifySignature(signed, [key.publicKey]).state).toBe('valid');
});

test('the demo key is one of the sample keys that readers warn of', () => {
  expect(SAMPLE_KEYS).toContainEqual(demoSigningKey().publicKey);
});

test('metadata for a bare image: hash and elements only for the application core', () => {
  const parts = { version: options.version, size: 1000, company: 0x0059 };
  expect(toHex(buildMetadata(parts, portableCrypto).metadata)).toBe('0102030004000000e8030001000000000100');
  const network = buildMetadata({ ...parts, coreType: CoreType.network }, portableCrypto);
  expect(toHex(network.metadata)).toBe('0102030004000000e8030002');
  expect(() => buildMetadata({ ...parts, company: 0x1_0000 }, portableCrypto)).toThrow(/company/);
});
