import assert from 'node:assert/strict';
import { fromHex, type MeshError, type Result } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import type { PeerTarget } from '../testing/peer-target.ts';
import { blockStart, chunk, DATA, ID, TTL } from '../testing/settings.ts';
import { METADATA } from '../testing/target-device.ts';
import { updateStart } from '../testing/update-octets.ts';
import { UpdateSetup } from '../testing/update-setup.ts';

/** What a single request ended with. */
function answered<T>(
  setup: UpdateSetup,
  ask: (done: (outcome: Result<T, MeshError>) => void) => void,
  maxSeconds = 60,
): Result<T, MeshError> {
  let outcome: Result<T, MeshError> | undefined;
  ask((result) => {
    outcome = result;
  });
  setup.air.until(() => outcome !== undefined, maxSeconds, 'end of the request');
  return outcome as unknown as Result<T, MeshError>;
}

function resultOf<T>(outcome: Result<T, MeshError>): T {
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

/** All that a target heard. */
function heardBy(target: PeerTarget | undefined): readonly string[] {
  return (target as PeerTarget).heard('').map(({ hex }) => hex);
}

/** A target that has never heard of an update. */
function oneTarget(): { setup: UpdateSetup; target: PeerTarget; address: number } {
  const setup = new UpdateSetup({ targets: [{ effect: 1, moreImages: ['02590000', '04590001ff026162'] }] });
  const target = setup.targets[0] as PeerTarget;
  return { setup, target, address: target.address };
}

/** A silent node is asked five times, about 2 s apart, then there is no answer. */
function givesUp(ask: (setup: UpdateSetup, done: (outcome: Result<unknown, MeshError>) => void) => void): void {
  const setup = new UpdateSetup({ targets: [{ ignores: '83' }] });
  const outcome = answered(setup, (done) => ask(setup, done));
  assert.equal(!outcome.ok && outcome.error.code, 'no-response');
  const times = (setup.targets[0] as PeerTarget).heard('').map(({ at }) => at);
  assert.equal(times.length, 5);
  for (let i = 1; i < 5; i++) {
    const pause = (times[i] as number) - (times[i - 1] as number);
    assert.ok(pause >= 1900 && pause <= 3000, `asked again after ${pause} ms`);
  }
}

export const clientSteps: readonly Case[] = [
  specified('TESTER/977', 'Information Get with limit 1: the list image by image', () => {
    const { setup, target, address } = oneTarget();
    const { entries } = resultOf(
      answered<{ readonly entries: readonly { readonly firmwareId: Uint8Array }[] }>(setup, (done) =>
        setup.client.informationGet(address, 0, done, 1),
      ),
    );
    assert.deepEqual(heardBy(target), ['83080001', '83080101', '83080201']);
    assert.deepEqual(
      entries.map(({ firmwareId }) => Buffer.from(firmwareId).toString('hex')),
      ['11000010', '5900', '590001ff'],
    );
    givesUp((silent, done) => silent.client.informationGet(0x0101, 0, done, 1));
  }),
  specified('TESTER/989', 'Metadata Check of image 0 with the metadata of the tester', () => {
    const { setup, target, address } = oneTarget();
    const metadata = fromHex(METADATA);
    const verdict = answered<unknown>(setup, (done) => setup.client.metadataCheck(address, 0, 0, metadata, done));
    assert.deepEqual(heardBy(target), [`830a00${METADATA}`]);
    assert.deepEqual(resultOf(verdict), { status: 0, effect: 1 });
    givesUp((silent, done) => silent.client.metadataCheck(0x0101, 0, 0, metadata, done));
  }),
  specified('TESTER/990', 'Start to the given targets', () => {
    const setup = new UpdateSetup({ targets: [{}, {}, {}] });
    setup.start({ receivers: [0x0101, 0x0103].map((address, imageIndex) => ({ address, imageIndex })) });
    setup.until('transferring');
    const starts = setup.targets.map((target) => target.heard('830d').map(({ hex, ttl }) => [hex, ttl]));
    assert.deepEqual(starts, [[[updateStart(), TTL]], [], [[updateStart({ index: 1 }), TTL]]]);
  }),
  specified('TESTER/991', 'Apply, 20 s later, when it is verified', () => {
    const setup = new UpdateSetup({ targets: [{ verifyMs: 20_000 }] });
    const target = setup.targets[0] as PeerTarget;
    setup.start({ policy: 'verify' });
    setup.until('verified');
    setup.silentFor(30);
    assert.equal(target.heard('830f').length, 0, 'not before it is told to');
    assert.equal(setup.run.apply(), true);
    setup.ends('complete');
    assert.equal(target.heard('830f')[0]?.hex, '830f');
    assert.equal(target.applied, 1);
    assert.deepEqual(setup.results, ['0/8']);
  }),
  specified('TESTER/992', 'Get', () => {
    const { setup, target, address } = oneTarget();
    const idle = answered<object>(setup, (done) => setup.client.updateGet(address, 0, done));
    assert.deepEqual(heardBy(target), ['830c']);
    assert.deepEqual(Object.values(resultOf(idle)).slice(0, 3), [0, 0, undefined]);
    setup.start();
    setup.until('transferring');
    const status = answered<object>(setup, (done) => setup.client.updateGet(address, 0, done));
    assert.deepEqual(
      { ...resultOf(status) },
      {
        status: 0,
        phase: 2,
        updateTtl: 3,
        additionalInformation: 1,
        updateTimeoutBase: 5,
        updateBlobId: 0x1100000000000011n,
        imageIndex: 0,
      },
    );
    givesUp((silent, done) => silent.client.updateGet(0x0101, 0, done));
  }),
  specified('TESTER/993', 'Cancel', () => {
    const { setup, target, address } = oneTarget();
    const outcome = answered<object>(setup, (done) => setup.client.updateCancel(address, 0, done));
    assert.deepEqual(heardBy(target), ['830e']);
    assert.deepEqual(Object.values(resultOf(outcome)).slice(0, 2), [0, 0]);
    // A running update is cancelled at each of its targets.
    setup.start();
    setup.until('transferring');
    setup.run.cancel();
    setup.ends('cancelled');
    assert.deepEqual([target.heard('830e').length, target.phase, target.blob.phase], [2, 0, 0]);
    assert.deepEqual(setup.results, ['0/7']);
    setup.silentFor(100);
    givesUp((silent, done) => silent.client.updateCancel(0x0101, 0, done));
  }),
  specified(
    'DFU/CL/FU/BV-02',
    'the whole procedure with the tester settings, the BLOB transfer starts by itself',
    () => {
      const setup = new UpdateSetup({ targets: [{ effect: 0 }] });
      const target = setup.targets[0] as PeerTarget;
      setup.start();
      setup.ends('complete');
      const all = heardBy(target);
      // A chunk may be as large as the client likes; here it is one that a whole block fits in.
      const chunkSize = Number.parseInt(all.find((hex) => hex.startsWith('8304'))?.slice(8, 10) as string, 16);
      assert.ok(chunkSize >= 64);
      assert.deepEqual(
        all.filter((hex) => !hex.startsWith('8305')),
        [
          updateStart(),
          '8306',
          `830140${ID}50000000067c01`,
          blockStart(0, chunkSize),
          chunk(0, 64),
          blockStart(1, chunkSize),
          chunk(0, 16),
          '8300',
          '830c',
          '830f',
          '830f',
          '830800ff',
        ],
      );
      assert.ok(target.heard('').every(({ ttl, appIndex }) => ttl === TTL && appIndex === 0));
      assert.equal(target.blob.content, DATA);
      assert.deepEqual([target.applied, target.firmwareId], [1, '11000011']);
      assert.deepEqual(setup.results, ['0/8']);
      assert.deepEqual(setup.phases, [
        'starting',
        'transferring',
        'refreshing',
        'verified',
        'applying',
        'confirming',
        'done',
      ]);
      setup.silentFor(100);
    },
  ),
];
