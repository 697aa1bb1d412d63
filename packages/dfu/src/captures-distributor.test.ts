import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import type { AccessTransport } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { joinModels } from '../../blob/src/testing/capture-client.ts';
import { type ComparedMessage, RecordedPeers, receivedOf } from '../../blob/src/testing/capture-peers.ts';
import { deliveredOnAir } from '../../blob/src/testing/capture-radio.ts';
import {
  hasCaptures,
  type Recording,
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

interface End {
  readonly address: number;
  readonly retrievedUpdatePhase: number;
  readonly updateStatus: number;
}

const updated = (...addresses: number[]): End[] =>
  addresses.map((address) => ({
    address,
    retrievedUpdatePhase: UpdatePhase.applySuccess,
    updateStatus: UpdateStatus.success,
  }));

const CASES: readonly (readonly [name: Recording, ends: readonly End[]])[] = [
  ['dfu-distribution-1-target-2000-bytes', updated(0x101)],
  [
    'dfu-distribution-4-targets',
    [
      // It left the network, as it said it would.
      { address: 0x101, retrievedUpdatePhase: UpdatePhase.applyingUpdate, updateStatus: UpdateStatus.success },
      ...updated(0x102, 0x103, 0x104),
    ],
  ],
  [
    'dfu-distribution-metadata-rejected-by-one',
    [
      { address: 0x101, retrievedUpdatePhase: UpdatePhase.idle, updateStatus: UpdateStatus.metadataCheckFailed },
      ...updated(0x102),
    ],
  ],
  ['dfu-distribution-pull-2-targets', updated(0x101, 0x102)],
];

describe.skipIf(!hasCaptures)('our Distributor between recorded Targets', () => {
  it('there is a case for every recording; one has a test of its own, as its Initiator was recorded, too', () => {
    expect(['dfd-initiator-full-run', ...CASES.map(([name]) => name)]).toEqual(replayedTo('Distributor'));
  });

  for (const [settings, way] of [
    ['stock', 'message by message'],
    ['auto', 'message by message'],
    ['stock', 'PDU by PDU, under the recorded keys'],
  ] as const) {
    it.each(CASES)(`%s: sends what was recorded and ends as it did (${settings}, ${way})`, (name, ends) => {
      const onAir = way !== 'message by message';
      const { peers, distributor, answers, repeated } = distributed(
        name,
        settings,
        ends.map(({ address }) => address),
        onAir,
      );
      expect(repeated).toEqual([]);
      expect(answers[1]).toMatchObject({ status: 0, phase: DistributionPhase.transferActive });
      expect(peers.refusals).toEqual([]);
      // Whether 0x0101 is really gone is asked once more; Zephyr does not.
      const isAskedMore = ({ hex, dst }: ComparedMessage) => hex === '830800ff' && dst === 0x101 && ends.length === 4;
      const other = peers.compared.filter((message) => !isAskedMore(message));
      expect(other.filter(({ how }) => how !== 'same' && how !== 'mtu')).toEqual([]);
      expect(peers.omitted).toEqual([]);
      for (const { ours, recorded } of peers.orders) expect(ours).toEqual(recorded);
      expect(distributor.server.phase).toBe(DistributionPhase.completed);
      const { transferActive, applyingUpdate, completed } = DistributionPhase;
      expect(distributor.phases).toEqual([transferActive, applyingUpdate, completed]);
      expect(distributor.server.receivers).toMatchObject(ends.map((end) => ({ ...end, transferStatus: 0 })));
    });
  }
});

function distributed(name: Recording, settings: 'stock' | 'auto', targets: readonly number[], isOnAir: boolean) {
  const clock = new VirtualClock();
  const onAir = isOnAir ? deliveredOnAir(name, clock, targets, 1, (message) => access.receive(message)) : undefined;
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
    deliver: (message) => (onAir === undefined ? access.receive(message) : onAir.deliver(message)),
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
  return { peers, distributor, answers, repeated: onAir?.repeated ?? [] };
}
