import { AccessLayer, type MessageType, Model } from '@meshferry/access';
import { BlobClient } from '@meshferry/blob';
import { MemoryStore, type MeshError, type Result, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { Link } from '../../access/src/testing/index.ts';
import { FirmwareDistributionClient } from './distribution-client.ts';
import { cancelDistribution } from './distribution-initiator.ts';
import {
  FirmwareDistributionCancel,
  FirmwareDistributionCapabilitiesGet,
  FirmwareDistributionCapabilitiesStatusOfEspIdf,
  FirmwareDistributionGet,
  FirmwareDistributionStart,
  FirmwareDistributionStatus,
  FirmwareDistributionSuspend,
} from './distribution-messages.ts';
import { startOf } from './testing/distribution-mesh.ts';

const TO = { address: 0x0010, appIndex: 0 };

/** A client, and a peer that answers as the test says: for what our own server does not do. */
class Peer {
  readonly clock: VirtualClock = new VirtualClock();
  readonly link: Link = new Link(this.clock);
  readonly model: Model = new Model({ id: 0x1404, name: 'Peer' });
  readonly client: FirmwareDistributionClient;

  constructor() {
    const blob = new BlobClient({ clock: this.clock, random: new SeededRandom(1) });
    this.client = new FirmwareDistributionClient({ clock: this.clock, random: new SeededRandom(2), blob });
  }

  /** Answers each `request` with the next of the phases. */
  phases<T>(request: MessageType<T>, ...phases: readonly number[]): void {
    const left = [...phases];
    this.model.handle(request, (_, context) => {
      const phase = left.shift();
      if (phase === undefined) return;
      const parameters = phase === 0 ? NO_PARAMETERS : { ...PARAMETERS, multicastAddress: 0 };
      this.model.reply(context, FirmwareDistributionStatus, { status: 0, phase, ...parameters });
    });
  }

  run<R>(ask: (done: (outcome: Result<R, MeshError>) => void) => void): Result<R, MeshError> | undefined {
    this.#join(TO.address, [this.model]);
    this.#join(0x0020, [this.client.blob.model, this.client.model]);
    let answer: Result<R, MeshError> | undefined;
    ask((outcome) => {
      answer = outcome;
    });
    this.clock.advance(60_000);
    return answer;
  }

  #join(address: number, models: readonly Model[]): void {
    const access = new AccessLayer({
      clock: this.clock,
      random: new SeededRandom(address),
      crypto: portableCrypto,
      store: new MemoryStore(),
      address,
      identity: { cid: 0x59, pid: 0, vid: 0, crpl: 10, features: 0 },
    });
    access.addElement(0, models);
    access.connect(this.link.join(access));
    for (const model of models) model.bind(0);
  }
}

const { multicast: _, ...PARAMETERS } = startOf();
const NO_PARAMETERS = {
  multicastAddress: undefined,
  appKeyIndex: undefined,
  distributionTtl: undefined,
  timeoutBase: undefined,
  transferMode: undefined,
  updatePolicy: undefined,
  imageIndex: undefined,
};

describe('FirmwareDistributionClient', () => {
  it('takes the capabilities under the opcode of their request, as ESP-IDF sends them', () => {
    const peer = new Peer();
    const capabilities = {
      maxReceiversCount: 8,
      maxFirmwareImagesListSize: 1,
      maxFirmwareImageSize: 524_288,
      maxUploadSpace: 524_288,
      remainingUploadSpace: 524_288,
      oobRetrievalSupported: false,
      supportedUriSchemes: [],
    };
    peer.model.handle(FirmwareDistributionCapabilitiesGet, (_, context) =>
      peer.model.reply(context, FirmwareDistributionCapabilitiesStatusOfEspIdf, capabilities),
    );
    expect(peer.run((done) => peer.client.capabilitiesGet(TO, done))).toEqual({ ok: true, value: capabilities });
  });

  it('does not take a late answer to Get for one to Start or Suspend, and asks again', () => {
    const start = new Peer();
    start.phases(FirmwareDistributionStart, 0, 1);
    const started = start.run<FirmwareDistributionStatus>((done) => start.client.start(TO, startOf(), done));
    expect(started).toMatchObject({ ok: true, value: { phase: 1 } });
    const suspend = new Peer();
    suspend.phases(FirmwareDistributionSuspend, 1, 7);
    const suspended = suspend.run<FirmwareDistributionStatus>((done) => suspend.client.suspend(TO, done));
    expect(suspended).toMatchObject({ ok: true, value: { phase: 7 } });
  });

  it('asks ten times within half a minute, then says that the Distributor is silent', () => {
    const peer = new Peer();
    const outcome = peer.run<FirmwareDistributionStatus>((done) => peer.client.get(TO, done));
    expect(outcome).toMatchObject({ ok: false, error: { code: 'distributor-silent' } });
    expect(outcome?.ok === false && outcome.error.hint).toMatch('0x1404');
    expect(peer.link.sent).toHaveLength(10);
  });

  it('waits for Idle after Cancel, however long the Distributor takes', () => {
    const peer = new Peer();
    peer.phases(FirmwareDistributionCancel, 6);
    peer.phases(FirmwareDistributionGet, 6, 6, 6, 0);
    const outcome = peer.run<FirmwareDistributionStatus>((done) => cancelDistribution(peer.client, TO, done));
    expect(outcome).toMatchObject({ ok: true, value: { phase: 0 } });
    expect(peer.link.sent.filter(({ src }) => src === 0x0020)).toHaveLength(5);
  });

  it('can be told to stop waiting, in a request and between two', () => {
    for (const after of [5, 4000]) {
      const peer = new Peer();
      peer.phases(FirmwareDistributionCancel, 6);
      peer.phases(FirmwareDistributionGet, 6, 6, 6, 6);
      const outcome = peer.run<FirmwareDistributionStatus>((done) => {
        const stop = cancelDistribution(peer.client, TO, done);
        peer.clock.after(after, stop);
      });
      expect(outcome).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    }
  });
});
