import { BlobServer } from '@meshferry/blob';
import { MemoryStore, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { heardOnAir } from '../../blob/src/testing/capture-radio.ts';
import {
  hasCaptures,
  RECORDINGS,
  type Recording,
  recordedKeys,
  recordedMessages,
  replayedTo,
} from '../../blob/src/testing/capture-recording.ts';
import { ServerReplay } from '../../blob/src/testing/capture-server.ts';
import { FirmwareUpdateServer } from './target.ts';
import { RecordedDevice } from './testing/capture-target.ts';
import { UpdatePhase } from './update-codes.ts';

interface Row {
  readonly name: Recording;
  readonly target: number;
  readonly ends: keyof typeof UpdatePhase;
}

const rows = (name: Recording, ends: Row['ends'], ...targets: number[]): Row[] =>
  targets.map((target) => ({ name, target, ends }));

/** Every recorded Target. Idle is what a Target is in that refused, and in that has applied. */
const ROWS: readonly Row[] = [
  ...rows('dfd-initiator-full-run', 'idle', 0x101, 0x102),
  ...rows('dfu-client-metadata-rejected-by-all', 'idle', 0x101, 0x102, 0x103),
  ...rows('dfu-client-no-answer-to-blob-information', 'transferActive', 0x101, 0x102, 0x103),
  ...rows('dfu-client-verification-fails', 'verificationFailed', 0x101, 0x102, 0x103),
  ...rows('dfu-distribution-1-target-2000-bytes', 'idle', 0x101),
  // It leaves the network when it applies.
  ...rows('dfu-distribution-4-targets', 'applyingUpdate', 0x101),
  ...rows('dfu-distribution-4-targets', 'idle', 0x102, 0x103, 0x104),
  ...rows('dfu-distribution-metadata-rejected-by-one', 'idle', 0x101, 0x102),
  ...rows('dfu-distribution-pull-2-targets', 'idle', 0x101, 0x102),
];

describe.skipIf(!hasCaptures)('our Firmware Update Server in the place of a recorded Target', () => {
  it('there is a row for every recorded Target', () => {
    const names = RECORDINGS.filter((name) => ROWS.some((row) => row.name === name));
    expect(replayedTo('FirmwareUpdateServer')).toEqual(names);
    for (const name of RECORDINGS) {
      const answers = recordedMessages(name).filter(({ hex }) => hex.startsWith('8310'));
      const targets = [...new Set(answers.map(({ src }) => src))].sort();
      expect([name, ROWS.filter((row) => row.name === name).map(({ target }) => target)]).toEqual([name, targets]);
    }
  });

  for (const way of ['message by message', 'from all that was on air, under the recorded keys'] as const) {
    it.each(ROWS)(`$name: $target answers octet for octet and ends in $ends (${way})`, ({ name, target, ends }) => {
      const messages = recordedMessages(name).filter(({ hex }) => /^(66|67|68|830.|8310)/.test(hex));
      const clock = new VirtualClock();
      const device = new RecordedDevice(name, messages, target, clock);
      const blob = new BlobServer({
        clock,
        store: new MemoryStore(),
        capabilities: { minBlockSizeLog: 8, maxBlockSizeLog: 12, maxChunksNumber: 256, maxBlobSize: 0x80000 },
      });
      const update = new FirmwareUpdateServer({ store: new MemoryStore(), blob, application: device });
      const replay = new ServerReplay({
        clock,
        messages,
        client: 1,
        server: target,
        models: [blob.model, update.model],
        defaultTtl: 7,
        ...(way === 'message by message' ? {} : { onAir: heardOnAir(name, clock, target) }),
      });
      expect(replay.heard).toEqual(replay.recorded);
      expect(replay.differing).toEqual([]);
      expect(replay.reports.ours).toEqual(replay.reports.recorded);
      expect(replay.answered).toBeGreaterThan(0);
      expect(update.phase).toBe(UpdatePhase[ends]);
      const { blobs = [], truth = {} } = recordedKeys(name);
      if (device.flash.content.length > 0) {
        const recorded = blobs.find(({ src }) => src === 1)?.sha256;
        expect(toHex(portableCrypto.sha256(device.flash.content))).toBe(recorded);
      }
      const told = messages.findLast(({ src, hex }) => src === target && hex.startsWith('8309'))?.hex;
      const isUpdated = told?.includes(truth.fwid as string) === true;
      expect(toHex(device.images()[0]!.firmwareId)).toBe(isUpdated ? truth.fwid : truth.currentFwidBefore);
    });
  }
});
