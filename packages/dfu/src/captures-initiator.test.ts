import { BlobClient, sourceOf } from '@meshferry/blob';
import { fromHex, type MeshError, type Result, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { joinModels, LeastRandom } from '../../blob/src/testing/capture-client.ts';
import { RecordedPeers } from '../../blob/src/testing/capture-peers.ts';
import { heardOnAir } from '../../blob/src/testing/capture-radio.ts';
import {
  hasCaptures,
  recordedImage,
  recordedKeys,
  recordedMessages,
  replayedTo,
} from '../../blob/src/testing/capture-recording.ts';
import { type ComparedExchange, ServerReplay } from '../../blob/src/testing/capture-server.ts';
import { FirmwareDistributionClient } from './distribution-client.ts';
import { DistributionPhase, DistributionStatus, UploadPhase } from './distribution-codes.ts';
import { fillReceivers, freeDistributor, startDistribution } from './distribution-initiator.ts';
import { type FirmwareUploadEvent, uploadFirmware } from './distribution-initiator-upload.ts';
import { FirmwareDistributionReceiversList } from './distribution-receivers-messages.ts';
import { type WatchEvent, watchDistribution } from './distribution-watch.ts';
import { RecordedDistributor, recordedUpdateStart } from './testing/capture-distributor.ts';
import { UpdatePhase } from './update-codes.ts';

const NAME = 'dfd-initiator-full-run';
const INITIATOR = 0x10;
const DISTRIBUTOR = 0x01;
const TARGETS = [0x101, 0x102];
const RECEIVERS = TARGETS.map((address) => ({ address, imageIndex: 0 }));

describe.skipIf(!hasCaptures)(
  `${NAME}: our Distributor between the recorded Initiator and the recorded Targets`,
  () => {
    for (const [settings, way] of [
      ['stock', 'message by message'],
      ['auto', 'message by message'],
      ['stock', 'from all that was on air, under the recorded keys'],
    ] as const) {
      it(`answers the Initiator, asks the Targets and ends as it did (${settings}, ${way})`, () => {
        const { replay, peers, distributor } = distributed(settings, way !== 'message by message');
        expect(replay.heard).toEqual(replay.recorded);
        expect(replay.heard).toEqual(replay.recorded);
        expect(replay.answered).toBe(26);
        expect(replay.differing.filter((exchange) => !isOfProgress(exchange))).toEqual([]);
        expect(replay.differing.length).toBeLessThanOrEqual(3);
        expect(peers.refusals).toEqual([]);
        expect(peers.compared.filter(({ how }) => how !== 'same' && how !== 'mtu')).toEqual([]);
        expect(peers.omitted).toEqual([]);
        for (const { ours, recorded } of peers.orders) expect(ours).toEqual(recorded);
        expect(distributor.server.phase).toBe(DistributionPhase.idle);
        const { transferActive, applyingUpdate, completed, idle } = DistributionPhase;
        expect(distributor.phases).toEqual([transferActive, applyingUpdate, completed, idle]);
        expect(distributor.server.uploadPhase).toBe(UploadPhase.transferSuccess);
        expect(distributor.slots.images).toHaveLength(1);
      });
    }
  },
);

/**
 * Receivers Lists that differ in two things only: before the first distribution a receiver's phase is Unknown with us
 * [firmware-distribution.md 1.1] and Idle with Zephyr, and our Transfer Progress counts chunks, Zephyr's blocks.
 */
function isOfProgress({ request, recorded, ours }: ComparedExchange): boolean {
  if (!request.startsWith('8314') || recorded === undefined || ours === undefined) return false;
  return alikeList(recorded) === alikeList(ours);
}

function alikeList(answer: string): string {
  const decoded = FirmwareDistributionReceiversList.decode(fromHex(answer.split(' ')[0] as string));
  if (!decoded.ok) return 'no list';
  const { entries, ...counts } = decoded.value;
  const alike = entries.map(({ transferProgress: _, retrievedUpdatePhase: phase, ...entry }) => ({
    ...entry,
    phase: phase === UpdatePhase.unknown ? UpdatePhase.idle : phase,
  }));
  return JSON.stringify({ ...counts, alike });
}

/** On air the answers of the Targets come at the recorded times, as long as ours asks no later than theirs did. */
function distributed(settings: 'stock' | 'auto', isOnAir: boolean) {
  const clock = new VirtualClock();
  const messages = recordedMessages(NAME);
  const distributor = new RecordedDistributor(clock, NAME, settings);
  let receive: ConstructorParameters<typeof RecordedPeers>[0]['deliver'] = () => {};
  const peers = new RecordedPeers({
    clock,
    messages,
    client: DISTRIBUTOR,
    servers: TARGETS,
    image: recordedImage(NAME),
    blobId: recordedUpdateStart(NAME).updateBlobId,
    defaultTtl: 7,
    lockstep: true,
    deliver: (message) => (isOnAir ? undefined : receive(message)),
  });
  const replay = new ServerReplay({
    clock,
    messages,
    client: INITIATOR,
    server: DISTRIBUTOR,
    models: distributor.models,
    defaultTtl: 7,
    others: peers,
    ...(isOnAir ? { onAir: heardOnAir(NAME, clock, DISTRIBUTOR) } : {}),
    joined: (access) => {
      receive = (message) => access.receive(message);
    },
  });
  return { replay, peers, distributor };
}

describe.skipIf(!hasCaptures)(`${NAME}: our Initiator before the recorded Distributor`, () => {
  it('it is the only recording of one', () => expect(replayedTo('Initiator')).toEqual([NAME]));

  it.each(['stock', 'auto'] as const)('goes through the whole procedure, to the recorded end (%s)', (settings) => {
    const initiator = new Initiator(settings);
    const { client, to, peers } = initiator;
    expect(initiator.answer<unknown>((done) => freeDistributor(client, to, done))).toMatchObject({ phase: 0 });
    expect(initiator.answer<number>((done) => fillReceivers(client, to, RECEIVERS, {}, done))).toBe(2);
    expect(initiator.upload()).toEqual({ imageIndex: 0, alreadyThere: false });
    const start = {
      appKeyIndex: 0,
      distributionTtl: 2,
      timeoutBase: 10,
      transferMode: 'push',
      updatePolicy: 'verifyAndApply',
      imageIndex: 0,
      multicast: 0,
    } as const;
    expect(initiator.answer<unknown>((done) => startDistribution(client, to, start, done))).toMatchObject({
      phase: DistributionPhase.transferActive,
    });
    const watched = initiator.watch();
    expect(watched.map((event) => ('report' in event ? event.report.status.phase : event.type))).toEqual([1, 1, 3, 4]);
    const last = watched.at(-1);
    expect(last?.type === 'ended' && last.report.receivers).toMatchObject(
      TARGETS.map((address) => ({
        address,
        retrievedUpdatePhase: UpdatePhase.applySuccess,
        updateStatus: 0,
        transferStatus: 0,
        transferProgress: 100,
      })),
    );
    const { firmwareId } = initiator;
    expect(initiator.answer<unknown>((done) => client.firmwareDelete(to, firmwareId, done))).toMatchObject({
      status: DistributionStatus.busyWithDistribution,
    });
    expect(initiator.answer<unknown>((done) => client.firmwareGetByIndex(to, 0, done))).toMatchObject({ status: 0 });
    expect(initiator.answer<unknown>((done) => client.receiversDeleteAll(to, done))).toMatchObject({
      receiversListCount: 0,
    });
    expect(peers.refusals).toEqual([]);
    // Only the BLOB server's sizes are asked for besides. Ours sends all of the upload with the Upload TTL, which is 2,
    // the recorded Initiator with its Default TTL.
    const hows = peers.compared.filter(({ hex }) => hex !== '8306').map(({ how }) => how);
    expect(new Set(hows)).toEqual(new Set(['same', 'ttl']));
    expect(peers.omitted).toEqual([]);
    // What only asks may come in another order.
    const changing = (hexes: readonly string[]) =>
      hexes.filter((hex) => /^(66|8301|8304|83(11|12|19|1f|25))/.test(hex));
    for (const { ours, recorded } of peers.orders) expect(changing(ours)).toEqual(changing(recorded));
  });
});

class Initiator {
  readonly to = { address: DISTRIBUTOR, appIndex: 0 };
  readonly clock = new VirtualClock();
  readonly client: FirmwareDistributionClient;
  readonly peers: RecordedPeers;
  readonly firmwareId = fromHex(recordedKeys(NAME).truth?.fwid ?? '');
  readonly #image = recordedImage(NAME);
  readonly #blobId = 0x1122334455667788n;
  readonly #settings: 'stock' | 'auto';
  #uploaded = false;

  constructor(settings: 'stock' | 'auto') {
    this.#settings = settings;
    const { clock } = this;
    const random = new LeastRandom();
    const blob = new BlobClient({ clock, random, defaultTtl: 7 });
    this.client = new FirmwareDistributionClient({ clock, random, blob });
    this.peers = new RecordedPeers({
      clock,
      messages: recordedMessages(NAME),
      client: INITIATOR,
      servers: [DISTRIBUTOR],
      image: this.#image,
      blobId: this.#blobId,
      defaultTtl: 7,
      information: '8307080c00017901000008007c0103',
      // Only after the upload it was asked for the image.
      supplement: (hex) => (hex.startsWith('8323') && !this.#uploaded ? `8327040000ffff${hex.slice(4)}` : undefined),
      deliver: (message) => access.receive(message),
    });
    const access = joinModels(clock, INITIATOR, [blob.model, this.client.model], this.peers);
  }

  answer<T>(ask: (done: (outcome: Result<T, MeshError>) => void) => unknown): T {
    const outcomes: Result<T, MeshError>[] = [];
    ask((outcome) => outcomes.push(outcome));
    for (let i = 0; i < 100_000 && outcomes.length === 0 && this.clock.step(); i++);
    const outcome = outcomes[0];
    if (outcome?.ok !== true) throw outcome?.error ?? new Error('no answer');
    return outcome.value;
  }

  upload() {
    const { to, firmwareId } = this;
    const { metadata } = recordedUpdateStart(NAME);
    const events: FirmwareUploadEvent[] = [];
    uploadFirmware(
      this.client,
      {
        to: { ...to, ttl: 2 },
        firmwareId,
        metadata,
        source: sourceOf(this.#image),
        timeoutBase: 10,
        blobId: this.#blobId,
        settings: this.#settings,
      },
      (event) => {
        events.push(event);
        if (event.type === 'transfer') this.#uploaded = true;
      },
    );
    for (let i = 0; i < 100_000 && events.at(-1)?.type !== 'done' && this.clock.step(); i++);
    const last = events.at(-1);
    if (last?.type !== 'done' || !last.outcome.ok) throw new Error(JSON.stringify(last));
    return last.outcome.value;
  }

  watch(): WatchEvent[] {
    const events: WatchEvent[] = [];
    const isOver = () => events.at(-1)?.type === 'ended' || events.at(-1)?.type === 'lost';
    watchDistribution(this.client, this.to, { pageSize: 2 }, (event) => events.push(event));
    for (let i = 0; i < 100_000 && !isOver() && this.clock.step(); i++);
    return events;
  }
}
