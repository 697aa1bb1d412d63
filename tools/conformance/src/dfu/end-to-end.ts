import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { Air, GROUP } from '../testing/air.ts';
import { octets } from '../testing/client-setup.ts';
import { DistributorSetup } from '../testing/distributor-setup.ts';
import { InitiatorSetup } from '../testing/initiator-setup.ts';
import { PeerDistributor } from '../testing/peer-distributor.ts';
import { information } from '../testing/peer-server.ts';
import type { PeerTarget, PeerTargetOptions } from '../testing/peer-target.ts';
import { IUT } from '../testing/settings.ts';
import { METADATA, NEW_ID, OLD_ID } from '../testing/target-device.ts';
import { UpdateSetup } from '../testing/update-setup.ts';
import { WholeTarget } from '../testing/whole-target.ts';

const INITIATOR = 0x0002;
const FIRST = 0x0201;

/** Ten real targets behind a real Distributor: one refuses the image, one falls back to the old one, one is not there. */
function awayInitiator(): void {
  const image = octets(400);
  const { air, server, blob } = new DistributorSetup({ loss: 0.05 });
  const targets = Array.from(
    { length: 10 },
    (_, i) => new WholeTarget(air, FIRST + i, { image, isBad: i === 3, isReverted: i === 6 }),
  );
  targets[8]?.powerOff();
  const initiator = new InitiatorSetup(air, INITIATOR, IUT);
  assert.equal(initiator.upload(image), 0);
  assert.equal(initiator.fill(...targets.map(({ address }) => address)), 10);
  initiator.start({ multicast: GROUP });
  assert.equal(blob.phase, 4);
  initiator.station.close();
  air.until(() => server.phase === 4, 5000, 'Completed without the Initiator');
  const { status, receivers } = new InitiatorSetup(air, INITIATOR + 1, IUT).watch();
  assert.deepEqual([status.phase, status.multicastAddress], [4, GROUP]);
  assert.equal(receivers.length, 10);
  for (const [i, { address, retrievedUpdatePhase, updateStatus, transferProgress }] of receivers.entries()) {
    const { running, booted, address: expected } = targets[i] as WholeTarget;
    assert.equal(address, expected);
    // What is told is so.
    assert.equal(retrievedUpdatePhase === 8, running === NEW_ID, `report of ${i}`);
    const [phase, code] = { 3: [5, 2], 6: [9, 3], 8: [10, 3] }[i] ?? [8, 0];
    assert.deepEqual([retrievedUpdatePhase, updateStatus], [phase, code], `report of ${i}`);
    assert.equal(transferProgress, i === 8 ? 0 : 100);
    assert.deepEqual([running, booted], phase === 8 ? [NEW_ID, 1] : [OLD_ID, 0]);
  }
}

/** Drops the last chunk of a block whose size is a multiple of the chunk size. */
function dropsLastChunk(): PeerTargetOptions {
  let target: PeerTarget | undefined;
  return {
    answer: (usual, _, self) => {
      target = self;
      return usual;
    },
    listens: (hex) => {
      if (!hex.startsWith('66') || target === undefined) return true;
      const { chunkSize, block, size } = target.blob;
      const blockSize = Math.min(256, size - block * 256);
      const number = Number.parseInt(hex.slice(2, 4), 16);
      return blockSize % chunkSize !== 0 || number !== blockSize / chunkSize - 1;
    },
    information: information(8, 8),
  };
}

/** Targets with the mistakes of other stacks: a Transfer MTU of 384, and the last chunk that is dropped. */
function oddTargets(): void {
  for (const size of [80, 256, 321, 600]) {
    for (const mode of ['push', 'pull'] as const) {
      const content = octets(size);
      const setup = new UpdateSetup({
        targets: [dropsLastChunk(), { information: information(8, 8, { mtu: 384 }) }],
      });
      setup.start({ content, mode });
      setup.ends('complete');
      assert.deepEqual(setup.results, ['0/8', '0/8'], `${size} octets, ${mode}`);
      for (const { blob } of setup.targets) {
        assert.equal(blob.content, content);
        const [start] = blob.station.heard.filter(({ hex }) => hex.startsWith('8301'));
        assert.equal(start?.hex.slice(-4), '7c01', 'Client MTU 380, whatever the server says');
      }
    }
  }
}

/** A pull target that would ask for chunks from 2048 on in a wrong code: blocks are chosen that have fewer. */
function wrongCode(): void {
  const content = octets(23_000);
  const wrong = { isCodeWrong: true, information: information(6, 15, { chunks: 4096, chunkSize: 11, size: 40_000 }) };
  const setup = new UpdateSetup({ targets: [wrong] });
  setup.start({ content, mode: 'pull' });
  setup.ends('complete', 20_000);
  const [target] = setup.targets as [PeerTarget];
  const numbers = target.heard('66').map(({ hex }) => Number.parseInt(hex.slice(4, 6) + hex.slice(2, 4), 16));
  assert.ok(Math.max(...numbers) < 2048);
  assert.equal(target.blob.content, content);
  assert.deepEqual(setup.results, ['0/8']);
}

/** A Distributor with the habits of ESP-IDF's. */
function oddDistributor(): void {
  const air = new Air();
  const image = octets(200);
  const distributor = new PeerDistributor(air, IUT);
  const initiator = new InitiatorSetup(air, INITIATOR, IUT);
  const { oobRetrievalSupported, ...sizes } = initiator.capabilities() as Record<string, unknown>;
  assert.equal(oobRetrievalSupported, false);
  assert.deepEqual(Object.values(sizes).slice(0, 5), [128, 2, 4096, 8192, 8192]);
  assert.equal(initiator.upload(image), 0);
  assert.equal(distributor.blob.content, image);
  const start = distributor.blob.station.heard.find(({ hex }) => hex.startsWith('831f'))?.hex ?? '';
  assert.equal(start.slice(26), `c800000008${METADATA}${NEW_ID}`);
  const addresses = Array.from({ length: 12 }, (_, i) => FIRST + i);
  assert.equal(initiator.fill(...addresses), 12);
  assert.deepEqual(distributor.receivers, addresses);
  initiator.start({ multicast: GROUP });
  const { status, receivers } = initiator.watch();
  assert.equal(status.phase, 4);
  assert.deepEqual(
    receivers.map(({ address, retrievedUpdatePhase }) => [address, retrievedUpdatePhase]),
    addresses.map((address) => [address, 8]),
  );
}

export const endToEnd: readonly Case[] = [
  specified(
    'E2E/01',
    'Initiator, Distributor, 10 targets, 5 % loss; the Initiator is away: the report is what is',
    awayInitiator,
  ),
  specified('E2E/02', 'mistakes and habits of other stacks: the update still completes', () => {
    oddTargets();
    wrongCode();
    oddDistributor();
  }),
];
