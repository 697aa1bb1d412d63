import { concat, MeshError, SeededRandom, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  describePackage,
  type Json,
  makeFirmware,
  readFirmwarePackage,
  sampleComposition,
  writeFirmwareArchive,
  writeZip,
} from './index.ts';
import { firmwareFile, groundTruth } from './testing/shared-firmware.ts';

const crypto = portableCrypto;
const made = makeFirmware({
  payload: new SeededRandom('damage').bytes(300),
  version: { major: 2, minor: 0, revision: 0, build: 0 },
  company: 0x59,
  crypto,
  composition: sampleComposition(0x59),
});

/** Reads octets as a person's file: a package that can be described, or an error with a name and a remedy. */
async function survive(bytes: Uint8Array): Promise<'read' | 'refused'> {
  const read = await readFirmwarePackage(bytes, { crypto, acceptUnsigned: true });
  if (read.ok) {
    expect(JSON.stringify(describePackage(read.value))).toContain('"warnings"');
    return 'read';
  }
  expect(read.error).toBeInstanceOf(MeshError);
  expect(read.error.code).toMatch(/^[a-z0-9-]+$/);
  expect([read.error.message, read.error.hint]).not.toContain('');
  expect(read.error.message).not.toMatch(CONTROL);
  return 'refused';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that none of them is in a message is what is tested
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Octets with a few changes as damage on the way makes them: flipped, overwritten, cut out, repeated, cut off. */
function damage(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const below = (limit: number): number => new DataView(random.bytes(4).buffer).getUint32(0) % Math.max(1, limit);
  let changed: Uint8Array = bytes.slice();
  for (let left = 1 + below(3); left > 0; left--) {
    // Half of the changes hit the ends, where the structures are.
    const reach = below(2) === 0 ? changed.length : Math.min(changed.length, 600);
    const at = below(2) === 0 ? below(reach) : changed.length - 1 - below(reach);
    const length = below(8);
    const kind = below(8);
    if (kind < 4) changed[at]! ^= 1 << below(8);
    else if (kind === 4) changed.set(random.bytes(Math.min(length, changed.length - at)), at);
    else if (kind === 5) changed.fill(below(2) === 0 ? 0xff : 0, at, at + length);
    else if (kind === 6) changed = concat(changed.subarray(0, at), changed.subarray(at + length));
    else changed = changed.slice(0, at);
  }
  return changed;
}

describe.skipIf(groundTruth === null)('real and synthetic files, damaged at random', () => {
  const files = [
    { path: 'nordic-mesh/dfu_blinky_3.0.0.zip', cases: 300 },
    { path: 'zephyr/hello_world.signed.bin', cases: 1500 },
    { path: 'zephyr/hello_world.signed.hex', cases: 300 },
    ...(groundTruth?.synthetic ?? []).map(({ path }) => ({ path, cases: 400 })),
  ];

  test('are 10 000 cases and more', () => {
    expect(files.reduce((sum, { cases }) => sum + cases, 0)).toBeGreaterThanOrEqual(10_000);
  });

  test.each(files)('$path: $cases cases end well', async ({ path, cases }) => {
    const bytes = firmwareFile(path);
    const random = new SeededRandom(`damage of ${path}`);
    let refused = 0;
    for (let i = 0; i < cases; i++) {
      const damaged = damage(bytes, random);
      if ((await survive(damaged)) === 'refused') refused++;
    }
    // Names of entries, times and notes of the manifest are covered by no checksum of ours.
    expect(refused).toBeGreaterThan(cases / 3);
  });

  test.each(['synthetic/no-manifest.zip', 'synthetic/streamed-data-descriptors.zip'])(
    '%s: cut off anywhere, or with any octet changed, it ends well',
    async (path) => {
      const bytes = firmwareFile(path);
      for (let at = 0; at < bytes.length; at++) {
        if (at % 16 === 0) expect(await survive(bytes.subarray(0, at)), `${at} octets`).toBe('refused');
        const changed = bytes.slice();
        changed[at]! ^= 1 << (at % 8);
        await survive(changed);
      }
    },
  );
});

describe('whatever the JSON of a package says', () => {
  const hostile = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<Json>(-1, 1e300, 2 ** 53, '0x', '../x', '\u001b[2J', '\0', '__proto__', '', '99999999999999999999'),
  );
  const names = (object: object): fc.Arbitrary<string> =>
    fc.constantFrom(...Object.keys(object), '__proto__', 'toString');
  const changes = (object: object): fc.Arbitrary<[string, Json][]> =>
    fc.array(fc.tuple(names(object), hostile as fc.Arbitrary<Json>), { minLength: 1, maxLength: 3 });
  const file = { file: 'app.bin', size: 0, image_index: '0', image: 0, slot: '0', type: '', load_address: 0 };

  test('in its manifest, it ends well', async () => {
    const { image, meshMetadata } = await made;
    const metadata = { name: 'ble_mesh_metadata.json', bytes: utf8(JSON.stringify(meshMetadata)) };
    const arbitrary = fc.tuple(
      changes({ ...file, version_MCUBOOT: '', 'version_MCUBOOT+XIP': '' }),
      fc.option(changes({ files: 0, 'format-version': 0, manifest: 0 }), { freq: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([fileChanges, manifestChanges]) => {
        const one = { ...file, size: image.length, version_MCUBOOT: '2.0.0' };
        const manifest = { files: [withMembers(one, fileChanges)] };
        const json = manifestChanges === null ? manifest : withMembers(manifest, manifestChanges);
        const bytes = utf8(JSON.stringify(json));
        await survive(writeZip([{ name: 'app.bin', bytes: image }, { name: 'manifest.json', bytes }, metadata], 0));
      }),
      { numRuns: 2000 }, // each checks a signature; the JSON readers alone run 10 000 times in their own tests
    );
  });

  test('in its metadata, it ends well', async () => {
    const { image, meshMetadata } = await made;
    const manifest = { name: 'manifest.json', bytes: utf8(JSON.stringify({ files: [{ file: 'app.bin' }] })) };
    const arbitrary = fc.tuple(changes(meshMetadata), changes(sampleComposition(0)), fc.boolean());
    await fc.assert(
      fc.asyncProperty(arbitrary, async ([outer, inner, both]) => {
        const composition_data = withMembers(sampleComposition(0x59), both ? inner : []);
        const bytes = utf8(JSON.stringify(withMembers({ ...meshMetadata, composition_data }, outer)));
        const files = [{ name: 'app.bin', bytes: image }, manifest, { name: 'ble_mesh_metadata.json', bytes }];
        await survive(writeZip(files, 0));
      }),
      { numRuns: 2000 },
    );
  });
});

test('a Firmware Archive, damaged at random, ends well', async () => {
  const archive = writeFirmwareArchive({ imageFile: 'app.bin', ...(await made) });
  const random = new SeededRandom('archive');
  let refused = 0;
  for (let i = 0; i < 2000; i++) if ((await survive(damage(archive, random))) === 'refused') refused++;
  expect(refused).toBeGreaterThan(1800);
});

/** An object with other members; `__proto__` as a member of its own, as JSON has it. */
function withMembers(object: object, members: readonly (readonly [string, Json])[]): object {
  const changed = { ...object };
  for (const [name, value] of members) {
    Object.defineProperty(changed, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return changed;
}
