import { readdirSync } from 'node:fs';
import { fromHex, MemoryStore, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import type { BlobCapabilities } from './capabilities.ts';
import { BlobPhase } from './constants.ts';
import { BlobInformationStatus } from './messages.ts';
import { BlobServer } from './server.ts';
import type { BlobPullOptions } from './server-contract.ts';
import { heardOnAir } from './testing/capture-radio.ts';
import {
  CAPTURES,
  hasCaptures,
  opcodeOf,
  type Part,
  RECORDINGS,
  REPLAYS,
  type RecordedMessage,
  type Recording,
  recordedKeys,
  recordedMessages,
  replayedTo,
} from './testing/capture-recording.ts';
import { ServerReplay } from './testing/capture-server.ts';
import { Flash } from './testing/mesh.ts';

/** A recorded server: in which recording, who, driven by whom, and the phase that it ended in. */
interface Row {
  readonly name: Recording;
  readonly server: number;
  readonly client: number;
  readonly ends: keyof typeof BlobPhase;
  readonly pull?: BlobPullOptions;
}

const complete = (name: Row['name'], client: number, ...servers: number[]): Row[] =>
  servers.map((server) => ({ name, server, client, ends: 'complete' }));

/** Every recorded node with a BLOB Transfer Server that was heard at all. Nobody answered in the first recording. */
const ROWS: readonly Row[] = [
  { name: 'blob-information-one-of-two-answers', server: 2, client: 1, ends: 'inactive' },
  ...complete('blob-push-4-servers', 1, 2, 3, 4, 5),
  ...complete('blob-push-unsegmented-chunks', 1, 0x101, 0x102),
  // One fell silent before the block, one in it, one after it; one stayed.
  { name: 'blob-servers-drop-out', server: 2, client: 1, ends: 'waitingForNextBlock' },
  { name: 'blob-servers-drop-out', server: 3, client: 1, ends: 'waitingForNextChunk' },
  ...complete('blob-servers-drop-out', 1, 4, 5),
  ...complete('blob-pull-5-low-power-nodes-over-friend', 1, 2, 3, 4, 5, 6),
  ...complete('dfd-initiator-full-run', 0x10, 1),
  ...complete('dfd-initiator-full-run', 1, 0x101, 0x102),
  ...complete('dfu-client-verification-fails', 1, 0x101, 0x102, 0x103),
  ...complete('dfu-distribution-1-target-2000-bytes', 1, 0x101),
  ...complete('dfu-distribution-4-targets', 1, 0x101, 0x102, 0x103, 0x104),
  ...complete('dfu-distribution-metadata-rejected-by-one', 1, 0x102),
  ...complete('dfu-distribution-pull-2-targets', 1, 0x101, 0x102),
];

/** Recordings in which no BLOB Transfer Server answers anything. */
const SILENT = [
  'blob-information-nobody-answers',
  'dfu-client-metadata-rejected-by-all',
  'dfu-client-no-answer-to-blob-information',
];

it('every recording is replayed to a client of ours, and to servers where there were any', () => {
  const clients: readonly Part[] = ['BlobClient', 'FirmwareUpdateClient', 'Distributor', 'Initiator'];
  const servers: readonly Part[] = ['BlobServer', 'FirmwareUpdateServer'];
  expect(RECORDINGS).toHaveLength(14);
  for (const name of RECORDINGS) {
    expect([name, REPLAYS[name].some((part) => clients.includes(part))]).toEqual([name, true]);
    const isAnswered = name !== 'blob-information-nobody-answers';
    expect([name, REPLAYS[name].some((part) => servers.includes(part))]).toEqual([name, isAnswered]);
  }
});

it.skipIf(!hasCaptures)('there is no recording of these models besides', () => {
  const names = readdirSync(CAPTURES).filter((file) => /^(blob|df.)-.*\.keys\.json$/.test(file));
  expect(names.map((file) => file.replace('.keys.json', '')).sort()).toEqual([...RECORDINGS].sort());
  const answered = RECORDINGS.filter((name) => recordedMessages(name).some(({ dst }) => dst <= 0x10));
  expect(RECORDINGS.filter((name) => !answered.includes(name))).toEqual(['blob-information-nobody-answers']);
});

describe.skipIf(!hasCaptures)('our BLOB Transfer Server in the place of a recorded one', () => {
  it('there is a row for every recorded server', () => {
    expect(replayedTo('BlobServer')).toEqual(RECORDINGS.filter((name) => ROWS.some((row) => row.name === name)));
    for (const name of RECORDINGS) {
      const answers = recordedMessages(name).filter(({ hex }) => /^(67|68|8303|8307)/.test(hex));
      const pairs = [...new Set(answers.map(({ src, dst }) => `${src}<${dst}`))].sort();
      const rows = ROWS.filter((row) => row.name === name);
      expect([name, rows.map(({ server, client }) => `${server}<${client}`).sort()]).toEqual([name, pairs]);
      expect(pairs.length === 0).toBe(SILENT.includes(name));
    }
  });

  it.each(ROWS)('$name: $server answers octet for octet and ends in $ends', (row) => checkReplay(row, false));

  // The network layer has tests of its own with recorded friendships; what is for a Low Power node is not repeated here.
  it.each(ROWS.filter(({ name }) => !name.includes('low-power')))(
    '$name: $server does so when it hears all that was on air, under the recorded keys',
    (row) => checkReplay(row, true),
  );
});

function checkReplay(row: Row, onAir: boolean): void {
  const { replay, server, flash } = replayed(row, onAir);
  expect(replay.heard).toEqual(replay.recorded);
  expect(replay.differing).toEqual([]);
  expect(replay.answered).toBeGreaterThan(0);
  expect(server.phase).toBe(BlobPhase[row.ends]);
  if (row.ends === 'complete') {
    const { blobs = [] } = recordedKeys(row.name);
    const recorded = blobs.find(({ src }) => src === row.client)?.sha256;
    expect(toHex(portableCrypto.sha256(flash.content))).toBe(recorded);
    expect(new Set(flash.writes).size).toBe(flash.writes.length);
  }
  expect(replay.reports.ours).toEqual(replay.reports.recorded);
}

function replayed({ name, server: address, client, pull }: Row, onAir: boolean) {
  const messages = recordedMessages(name).filter(({ hex }) => /^(66|67|68|830[0-7])/.test(hex));
  const { blobs = [], truth = {} } = recordedKeys(name);
  const clock = new VirtualClock();
  const flash = new Flash();
  const server = new BlobServer({
    clock,
    store: new MemoryStore(),
    capabilities: capabilitiesIn(
      messages,
      address,
      blobs.find(({ src }) => src === client),
    ),
    pull: { reportIntervalMs: 10_000, ...pull },
  });
  const blob = blobs.find(({ src }) => src === client);
  if (blob !== undefined) {
    const error = server.expect(BigInt(`0x${blob.id}`), {
      ttl: messages.find(({ src, hex }) => src === address && opcodeOf(hex) === '8303')?.ttl ?? 5,
      timeoutBase: truth.updateTimeoutBase ?? truth.serverTimeoutBase ?? 10,
      sink: flash,
      events: { complete: () => {}, suspended: () => {}, failed: () => {} },
    });
    expect(error).toBeUndefined();
  }
  const replay = new ServerReplay({
    clock,
    messages,
    client,
    server: address,
    models: [server.model],
    defaultTtl: 7,
    ...(onAir ? { onAir: heardOnAir(name, clock, address) } : {}),
  });
  return { replay, server, flash };
}

/** As the server told them, else what its transfer shows of them; the rest are Zephyr's defaults. */
function capabilitiesIn(
  messages: readonly RecordedMessage[],
  server: number,
  blob: { blockSizeLog: number } | undefined,
): BlobCapabilities {
  const told = messages.find(({ src, hex }) => src === server && opcodeOf(hex) === '8307')?.hex;
  const decoded = BlobInformationStatus.decode(fromHex(told ?? '8307080c00017901000008007c0103'));
  if (!decoded.ok) throw new Error('an Information Status that does not decode');
  const { blockSizeLog: log = 12 } = blob ?? {};
  return told === undefined ? { ...decoded.value, minBlockSizeLog: log, maxBlockSizeLog: log } : decoded.value;
}
