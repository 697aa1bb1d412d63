import { existsSync, readFileSync } from 'node:fs';
import { BlobServer } from '@meshferry/blob';
import { concat, fromHex, MemoryStore, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { FirmwareUpdateServer } from '@meshferry/dfu';
import { decodeFirmwareId } from '@meshferry/firmware';
import { describe, expect, it } from 'vitest';
import { joinModels } from '../../blob/src/testing/capture-client.ts';
import { receivedOf } from '../../blob/src/testing/capture-peers.ts';
import { TargetScene } from '../../dfu/src/testing/vector-target.ts';
import { McubootTarget } from './mcuboot-target.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly kind: 'ok' | 'context' | 'malformed';
  readonly fields: {
    readonly type?: string;
    readonly version?: { readonly major: number; readonly minor: number };
    readonly size?: number;
    readonly coreType?: number;
    readonly compositionHash?: string;
    readonly hash?: string;
    readonly text?: string | null;
  };
}

const url = new URL('../../firmware/src/vectors/firmware-metadata.json', import.meta.url);
const vectors = JSON.parse(readFileSync(url, 'utf8')) as Vector[];
const ofType = (wanted: string) => vectors.filter(({ fields: { type = 'metadata' } }) => type === wanted);

/** Composition Data Page 0 of the SDK's target sample, without the page number; its hash is 0x7e567089. */
const SAMPLE = '5900000000000a000300010004000000020000140214';
const SLOT = 0x800000;

const reference = new URL('../../../../shared/vectors/firmware-metadata.json', import.meta.url);

it.skipIf(!existsSync(reference))('the vectors are those of the reference', () => {
  expect(readFileSync(url, 'utf8')).toBe(readFileSync(reference, 'utf8'));
});

// How they are encoded and decoded is tested where the codec is, in packages/firmware.
describe('the vectors of firmware metadata, told to a Target with an MCUboot image', () => {
  it('are all run', () => {
    const counts = ['metadata', 'compositionHash', 'firmwareId'].map((type) => ofType(type).length);
    expect([vectors.length, ...counts]).toEqual([32, 22, 4, 6]);
    const refused = ofType('metadata').filter((vector) => reactionTo(vector).endsWith('0500'));
    expect(refused.map(({ name }) => name)).toEqual([
      'largest values',
      'network core: no hash, no element count',
      'application-specific BLOB with user data',
      'network core as the SDK encoder writes it: hash and elements of 0 follow anyway',
      '11 octets',
      'application core without hash',
      'application core, 17 octets',
      'old build script: core type 0 yet hash and elements present',
    ]);
  });

  it.each(ofType('metadata'))('$name: taken or refused, with the effect that the hash says', (vector) => {
    expect(checked(vector.hex, SAMPLE)).toBe(reactionTo(vector));
  });

  it.each(ofType('compositionHash'))(
    '$name: a Target made so takes that hash for no change, another for one',
    ({ hex, fields }) => {
      const hash = Number(fields.hash);
      expect(checked(metadataWith(hash), hex)).toBe('830b0000');
      expect(checked(metadataWith((hash ^ 1) >>> 0), hex)).toBe('830b1800');
    },
  );

  it.each(ofType('firmwareId'))('$name: a Target that runs it says so, and who asks can read it', ({ hex, fields }) => {
    const scene = new TargetScene(0, [{ firmwareId: fromHex(hex) }]);
    const length = toHex(Uint8Array.of(hex.length / 2));
    expect(scene.say('830800ff')).toEqual([`83090100${length}${hex}00`]);
    expect(decodeFirmwareId(fromHex(hex))).toMatchObject({ ok: true, value: { text: fields.text } });
  });
});

/** What the form says: for the application core, fits, newer than 0.0.0; effect 0 when the hash is its own, else 3. */
function reactionTo({ kind, fields: { coreType = 0, size = 0, compositionHash } }: Vector): string {
  if (kind === 'malformed' || (coreType & 1) === 0 || size > SLOT) return '830b0500';
  return compositionHash === '0x7e567089' ? '830b0000' : '830b1800';
}

/** Version 1.0.0+0, 1000 octets, application core, a hash, one element. */
function metadataWith(hash: number): string {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, hash, true);
  return toHex(concat(fromHex('0100000000000000e8030001'), octets, fromHex('0100')));
}

/** The answer of a Target with this Composition Data Page 0 to a Metadata Check. */
function checked(metadata: string, page0: string): string {
  const clock = new VirtualClock();
  const blob = new BlobServer({ clock, store: new MemoryStore() });
  const application = new McubootTarget({
    store: new MemoryStore(),
    crypto: portableCrypto,
    company: 0x0059,
    version: { major: 0, minor: 0, revision: 0, build: 0 },
    slotSize: SLOT,
    effect: 'auto',
    compositionPage0: () => fromHex(page0),
    downgrade: false,
    restart: () => {},
  });
  const { model } = new FirmwareUpdateServer({ store: new MemoryStore(), blob, application });
  const sent: string[] = [];
  const access = joinModels(clock, 0x0100, [blob.model, model], {
    defaultTtl: 5,
    send: ({ payload }) => {
      sent.push(toHex(payload));
      return () => {};
    },
  });
  access.receive(receivedOf(1, 0x0100, 5, `830a00${metadata}`));
  clock.advance(100);
  return sent.join(' ');
}
