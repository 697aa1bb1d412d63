import { toHex, VirtualClock } from '@meshferry/core';
import type { AccessReceived } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { BlobClient } from './client.ts';
import type { BlobEvent, BlobTransfer, BlobTransferParameters } from './client-contract.ts';
import { sourceOf } from './sink.ts';
import { joinModels, LeastRandom } from './testing/capture-client.ts';
import { RecordedPeers } from './testing/capture-peers.ts';
import { deliveredOnAir } from './testing/capture-radio.ts';
import {
  hasCaptures,
  type Recording,
  recordedImage,
  recordedKeys,
  recordedMessages,
  replayedTo,
} from './testing/capture-recording.ts';

interface Case {
  readonly servers: readonly number[];
  readonly timeoutBase: number;
  readonly group?: number;
  /** The recorded client was told the sizes; this Information Status leads to them. */
  readonly information?: string;
  /** Zephyr's client in this test stops when it has the capabilities. */
  readonly capabilitiesOnly?: boolean;
  /** Servers that the recorded client lost, all by silence. */
  readonly lost: readonly number[];
  readonly ends: 'complete' | 'failed' | 'suspended';
  /** Messages of ours that were not recorded, by opcode, and why. */
  readonly others?: RegExp;
}

const NOT_ASKED = /^8306$/;
const CASES: Readonly<Record<string, Case>> = {
  'blob-information-nobody-answers': {
    servers: [2, 3],
    timeoutBase: 2,
    group: 0xc000,
    lost: [2, 3],
    capabilitiesOnly: true,
    ends: 'failed',
  },
  'blob-information-one-of-two-answers': {
    servers: [2, 3],
    timeoutBase: 2,
    group: 0xc000,
    lost: [3],
    capabilitiesOnly: true,
    ends: 'suspended',
    others: /^8301/,
  },
  'blob-push-4-servers': {
    servers: [2, 3, 4, 5],
    timeoutBase: 10,
    group: 0xc000,
    information: '83070c0c00017901000008007c0103',
    lost: [],
    ends: 'complete',
    others: NOT_ASKED,
  },
  'blob-push-unsegmented-chunks': {
    servers: [0x101, 0x102],
    timeoutBase: 10,
    group: 0xc000,
    information: '83070a0a00010800000008007c0103',
    lost: [],
    ends: 'complete',
    others: NOT_ASKED,
  },
  'blob-servers-drop-out': {
    servers: [2, 3, 4, 5],
    timeoutBase: 10,
    group: 0xc000,
    information: '83070c0c00017901000008007c0103',
    lost: [2, 3, 4],
    ends: 'complete',
    others: NOT_ASKED,
  },
  'blob-pull-5-low-power-nodes-over-friend': {
    servers: [2, 3, 4, 5, 6],
    timeoutBase: 10,
    information: '8307080808002400000008007c0102',
    lost: [],
    ends: 'complete',
    others: NOT_ASKED,
  },
};

describe.skipIf(!hasCaptures)('our BLOB Transfer Client between recorded servers', () => {
  it('there is a case for every recording', () =>
    expect(Object.keys(CASES).sort()).toEqual(replayedTo('BlobClient').sort()));

  it.each(Object.keys(CASES))('%s: sends what was recorded and ends as it did', (name) => {
    checkStock(new ClientReplay(name, 'stock'));
  });

  // Who answers nothing has no PDUs; friendships are the network layer's own tests.
  it.each([
    'blob-information-one-of-two-answers',
    'blob-push-4-servers',
    'blob-push-unsegmented-chunks',
    'blob-servers-drop-out',
  ])('%s: so it does when the answers come PDU by PDU, under the recorded keys', (name) => {
    const replay = new ClientReplay(name, 'stock', true);
    checkStock(replay);
    // While it waits for silent servers, Block Starts besides keep the others awake.
    expect(replay.repeated.filter((hex) => hex !== '670000007901')).toEqual([]);
  });

  // Where chunk sizes and pauses are of our own choice, the rules of the recorded servers say what they take.
  it.each(Object.keys(CASES))(
    '%s: with other chunk sizes and pauses it sends nothing that is refused, and ends as well',
    (name) => {
      const replay = new ClientReplay(name, 'auto');
      expect(replay.peers.refusals).toEqual([]);
      expect(replay.ended).toBe(replay.example.ends);
      expect(lostOf(replay.transfer)).toEqual(replay.example.lost);
    },
  );
});

function checkStock(replay: ClientReplay): void {
  expect(replay.peers.refusals).toEqual([]);
  expect(replay.ended).toBe(replay.example.ends);
  expect(lostOf(replay.transfer)).toEqual(replay.example.lost);
  expect(replay.unrecorded.filter((hex) => !replay.example.others?.test(hex))).toEqual([]);
  expect(replay.peers.omitted).toEqual([]);
  for (const { ours, recorded } of replay.peers.orders) expect(withoutChunks(ours)).toEqual(withoutChunks(recorded));
  expect(replay.chunkOrder).toEqual(replay.recordedChunkOrder);
}

class ClientReplay {
  readonly name: string;
  readonly example: Case;
  readonly peers: RecordedPeers;
  readonly transfer: BlobTransfer;
  readonly events: BlobEvent[] = [];
  /** Answers that were wanted more often than they were recorded. */
  readonly repeated: readonly string[];
  readonly #isPull: boolean;
  ended: string | undefined;

  constructor(name: string, settings: 'auto' | 'stock', isOnAir = false) {
    const example = CASES[name]!;
    this.name = name;
    this.example = example;
    const clock = new VirtualClock();
    const { blobs: [blob] = [] } = recordedKeys(name);
    this.#isPull = blob?.mode === 'pull';
    // Where nothing was transferred, what would be does not matter.
    const image = blob === undefined ? new Uint8Array(4096) : recordedImage(name);
    const blobId = blob === undefined ? 1n : BigInt(`0x${blob.id}`);
    const client = new BlobClient({ clock, random: new LeastRandom(), defaultTtl: 7 });
    this.peers = new RecordedPeers({
      clock,
      messages: recordedMessages(name),
      client: 1,
      servers: example.servers,
      image,
      blobId: blob === undefined ? undefined : blobId,
      defaultTtl: 7,
      ...(example.information === undefined ? {} : { information: example.information }),
      deliver: (message) => {
        const isAdded = example.information === toHex(message.payload);
        if (onAir === undefined || isAdded) access.receive(message);
        else onAir.deliver(message);
      },
    });
    const access = joinModels(clock, 1, [client.model], this.peers);
    const onAir = isOnAir ? onAirFor(name, clock, (message) => access.receive(message)) : undefined;
    this.repeated = onAir?.repeated ?? [];
    const parameters: BlobTransferParameters = {
      blobId,
      source: sourceOf(image),
      receivers: example.servers.map((address) => ({ address })),
      appIndex: 0,
      ttl: 0xff,
      timeoutBase: example.timeoutBase,
      mode: blob?.mode ?? 'push',
      group: example.group,
      settings,
    };
    this.transfer = client.start(parameters, (event) => {
      this.events.push(event);
      if (event.type === 'capabilities' && example.capabilitiesOnly) this.transfer.suspend();
      if (event.type === 'suspended') this.ended = 'suspended';
      if (event.type === 'done') this.ended = event.outcome;
    });
    for (let i = 0; i < 200_000 && this.ended === undefined && clock.step(); i++);
  }

  /** Messages of ours that were not recorded. */
  get unrecorded(): string[] {
    return this.peers.compared.filter(({ how }) => how === 'other' || how === 'ttl').map(({ hex }) => hex);
  }

  get chunkOrder(): string[] {
    return this.#chunksOf(this.peers.compared.map(({ hex }) => hex));
  }

  get recordedChunkOrder(): string[] {
    return this.#chunksOf(recordedMessages(this.name).map(({ hex }) => hex));
  }

  /** Chunk messages in order, each once; in pull mode the recorded order depends on what got lost. */
  #chunksOf(hexes: readonly string[]): string[] {
    const chunks = [...new Set(hexes.filter((hex) => hex.startsWith('66')))];
    return this.#isPull ? chunks.sort() : chunks;
  }
}

/** Their order is compared apart. */
function withoutChunks(hexes: readonly string[]): string[] {
  return hexes.filter((hex) => !hex.startsWith('66'));
}

function onAirFor(name: string, clock: VirtualClock, receive: (message: AccessReceived) => void) {
  const answering = new Set(recordedMessages(name).flatMap(({ src }) => (src === 1 ? [] : [src])));
  return deliveredOnAir(name as Recording, clock, [...answering], 1, receive);
}

function lostOf({ receivers }: BlobTransfer): number[] {
  return receivers.filter(({ lost, timedOut }) => lost && timedOut).map(({ address }) => address);
}
