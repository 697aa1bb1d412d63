import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import type { AccessTransport } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { joinModels } from '../../blob/src/testing/capture-client.ts';
import { RecordedPeers, receivedOf } from '../../blob/src/testing/capture-peers.ts';
import {
  hasCaptures,
  recordedImage,
  recordedKeys,
  recordedMessages,
  replayedTo,
} from '../../blob/src/testing/capture-recording.ts';
import { DistributionPhase } from './distribution-codes.ts';
import { FirmwareDistributionStart, FirmwareDistributionStatus } from './distribution-messages.ts';
import { FirmwareDistributionReceiversAdd } from './distribution-receivers-messages.ts';
import { RecordedDistributor, recordedUpdateStart } from './testing/capture-distributor.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';

/** Somebody who starts the distribution; in these recordings that was done by a call, not by a message. */
const INITIATOR = 0x10;

/** Phase, Update Status and Transfer Status of each receiver in the end. */
type Ends = Readonly<Record<number, readonly [phase: number, updateStatus: number, transferStatus: number]>>;

const UPDATED = [UpdatePhase.applySuccess, UpdateStatus.success, 0] as const;
const CASES: Readonly<Record<string, Ends>> = {
  'dfu-distribution-1-target-2000-bytes': { 257: UPDATED },
  // Zephyr leaves 0x0101, which left the network as it should, at Applying Update; ours says what became of it.
  'dfu-distribution-4-targets': { 257: UPDATED, 258: UPDATED, 259: UPDATED, 260: UPDATED },
  'dfu-distribution-metadata-rejected-by-one': {
    257: [UpdatePhase.idle, UpdateStatus.metadataCheckFailed, 0],
    258: UPDATED,
  },
  'dfu-distribution-pull-2-targets': { 257: UPDATED, 258: UPDATED },
};

describe.skipIf(!hasCaptures)('our Distributor between recorded Targets', () => {
  it('there is a case for every recording; one has a test of its own, as its Initiator was recorded, too', () => {
    expect(['dfd-initiator-full-run', ...Object.keys(CASES)]).toEqual(replayedTo('Distributor'));
  });

  for (const settings of ['stock', 'auto'] as const) {
    it.each(Object.entries(CASES))(`%s: sends what was recorded and ends as it did (${settings})`, (name, ends) => {
      const { peers, distributor, answers } = distributed(name, settings, Object.keys(ends).map(Number));
      expect(answers[1]).toMatchObject({ status: 0, phase: DistributionPhase.transferActive });
      expect(peers.refusals).toEqual([]);
      // Whether 0x0101 is really gone is asked once more; Zephyr does not.
      const confirms = (hex: string, dst: number) => hex === '830800ff' && dst === 0x101;
      const other = peers.compared.filter(({ how }) => how !== 'same' && how !== 'mtu');
      expect(other.filter(({ hex, dst }) => !(ends[0x104] !== undefined && confirms(hex, dst)))).toEqual([]);
      expect(peers.omitted).toEqual([]);
      expect(distributor.server.phase).toBe(DistributionPhase.completed);
      const { transferActive, applyingUpdate, completed } = DistributionPhase;
      expect(distributor.phases).toEqual([transferActive, applyingUpdate, completed]);
      const list = distributor.server.receivers.map((receiver) => [
        receiver.address,
        [receiver.retrievedUpdatePhase, receiver.updateStatus, receiver.transferStatus],
      ]);
      expect(Object.fromEntries(list)).toEqual(ends);
    });
  }
});

function distributed(name: string, settings: 'stock' | 'auto', targets: readonly number[]) {
  const clock = new VirtualClock();
  const { blobs: [blob] = [], truth = {} } = recordedKeys(name);
  const { updateTtl, updateTimeoutBase, updateBlobId, metadata } = recordedUpdateStart(name);
  const image = recordedImage(name);
  const distributor = new RecordedDistributor(clock, name, settings);
  distributor.slots.add(fromHex(truth.fwid ?? ''), metadata, image);
  const peers = new RecordedPeers({
    clock,
    messages: recordedMessages(name),
    client: 1,
    servers: targets,
    image,
    blobId: updateBlobId,
    defaultTtl: 7,
    deliver: (message) => access.receive(message),
  });
  const answers: unknown[] = [];
  const transport: AccessTransport = {
    defaultTtl: 7,
    send: (message, done) => {
      if (message.dst !== INITIATOR) return peers.send(message, done);
      const status = FirmwareDistributionStatus.decode(message.payload);
      answers.push(status.ok ? status.value : toHex(message.payload));
      clock.after(0, () => done?.());
      return () => {};
    },
  };
  const access = joinModels(clock, 1, distributor.models, transport);
  const tell = (payload: Uint8Array) => {
    access.receive(receivedOf(INITIATOR, 1, 7, toHex(payload)));
    clock.advance(60);
  };
  tell(FirmwareDistributionReceiversAdd.encode({ receivers: targets.map((address) => ({ address, imageIndex: 0 })) }));
  tell(
    FirmwareDistributionStart.encode({
      appKeyIndex: 0,
      distributionTtl: updateTtl,
      timeoutBase: updateTimeoutBase,
      transferMode: blob?.mode ?? 'push',
      updatePolicy: 'verifyAndApply',
      imageIndex: 0,
      multicast: 0,
    }),
  );
  const isOver = () => distributor.server.phase >= DistributionPhase.completed;
  for (let i = 0; i < 200_000 && !isOver() && clock.step(); i++);
  return { peers, distributor, answers };
}
