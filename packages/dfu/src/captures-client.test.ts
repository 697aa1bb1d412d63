import { BlobClient, sourceOf } from '@meshferry/blob';
import { fromHex, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { joinModels, LeastRandom } from '../../blob/src/testing/capture-client.ts';
import { RecordedPeers } from '../../blob/src/testing/capture-peers.ts';
import { deliveredOnAir } from '../../blob/src/testing/capture-radio.ts';
import {
  hasCaptures,
  type Recording,
  recordedImage,
  recordedKeys,
  recordedMessages,
  replayedTo,
} from '../../blob/src/testing/capture-recording.ts';
import { recordedUpdateStart } from './testing/capture-distributor.ts';
import { FirmwareUpdateClient } from './update-client.ts';
import { UpdatePhase, UpdateStatus } from './update-codes.ts';
import type { UpdateEvent } from './update-types.ts';

interface Case {
  readonly phase: number;
  readonly updateStatus: number;
  readonly timedOut: boolean;
}

/** Recordings of an update client alone, and how each of the three targets ended in each. */
const CASES: readonly (readonly [Recording, Case])[] = [
  [
    'dfu-client-metadata-rejected-by-all',
    {
      phase: UpdatePhase.idle,
      updateStatus: UpdateStatus.metadataCheckFailed,
      timedOut: false,
    },
  ],
  [
    'dfu-client-no-answer-to-blob-information',
    {
      phase: UpdatePhase.transferActive,
      updateStatus: UpdateStatus.internalError,
      timedOut: true,
    },
  ],
  [
    'dfu-client-verification-fails',
    {
      phase: UpdatePhase.verificationFailed,
      updateStatus: UpdateStatus.wrongPhase,
      timedOut: false,
    },
  ],
];
const TARGETS = [0x101, 0x102, 0x103];

describe.skipIf(!hasCaptures)('our Firmware Update Client between recorded Targets', () => {
  it('there is a case for every recording', () => {
    expect(CASES.map(([name]) => name)).toEqual(replayedTo('FirmwareUpdateClient'));
  });

  for (const [settings, way] of [
    ['stock', 'message by message'],
    ['auto', 'message by message'],
    ['stock', 'PDU by PDU, under the recorded keys'],
  ] as const) {
    it.each(CASES)(`%s: sends what was recorded and ends as it did (${settings}, ${way})`, (name, ends) => {
      const { peers, receivers, outcome, repeated } = replayed(name, settings, way !== 'message by message');
      expect(repeated).toEqual([]);
      expect(peers.refusals).toEqual([]);
      expect(peers.compared.filter(({ how }) => how !== 'same' && how !== 'mtu')).toEqual([]);
      expect(peers.omitted).toEqual([]);
      for (const { ours, recorded } of peers.orders) expect(ours).toEqual(recorded);
      expect(outcome).toBe('failed');
      expect(receivers).toMatchObject(TARGETS.map((address) => ({ address, ...ends })));
      expect(peers.fed).toBeGreaterThanOrEqual(3);
    });
  }
});

function replayed(name: Recording, settings: 'stock' | 'auto', isOnAir: boolean) {
  const clock = new VirtualClock();
  const onAir = isOnAir ? deliveredOnAir(name, clock, TARGETS, 1, (message) => access.receive(message)) : undefined;
  const random = new LeastRandom();
  const messages = recordedMessages(name);
  const image = recordedImage(name);
  const { updateTtl, updateTimeoutBase, updateBlobId, metadata } = recordedUpdateStart(name);
  const blob = new BlobClient({ clock, random, defaultTtl: 7 });
  const updates = new FirmwareUpdateClient({ clock, random, blob, defaultTtl: 7 });
  const peers = new RecordedPeers({
    clock,
    messages,
    client: 1,
    servers: TARGETS,
    image,
    blobId: updateBlobId,
    defaultTtl: 7,
    deliver: (message) => (onAir === undefined ? access.receive(message) : onAir.deliver(message)),
  });
  const access = joinModels(clock, 1, [blob.model, updates.model], peers);
  const events: UpdateEvent[] = [];
  const { receivers } = updates.update(
    {
      receivers: TARGETS.map((address) => ({ address, imageIndex: 0 })),
      appIndex: 0,
      ttl: updateTtl,
      timeoutBase: updateTimeoutBase,
      mode: 'push',
      blobId: updateBlobId,
      metadata,
      firmwareId: fromHex(recordedKeys(name).truth?.fwid ?? ''),
      policy: 'apply',
      source: sourceOf(image),
      settings,
    },
    (event) => events.push(event),
  );
  const last = () => events.at(-1);
  for (let i = 0; i < 200_000 && last()?.type !== 'done' && clock.step(); i++);
  const done = last();
  return {
    peers,
    receivers,
    outcome: done?.type === 'done' ? done.outcome : undefined,
    repeated: onAir?.repeated ?? [],
  };
}
