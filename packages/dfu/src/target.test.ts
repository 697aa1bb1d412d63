import { type MessageType, Model } from '@meshferry/access';
import { BlobBlockStart, BlobChunkTransfer, BlobPhase, BlobServer, BlobTransferStart } from '@meshferry/blob';
import { fromHex, MemoryStore, MeshError, type Store, storeView, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { Link } from '../../access/src/testing/index.ts';
import {
  FirmwareUpdateApply,
  FirmwareUpdateCancel,
  FirmwareUpdateFirmwareMetadataCheck,
  FirmwareUpdateFirmwareMetadataStatus,
  FirmwareUpdateGet,
  FirmwareUpdateInformationGet,
  FirmwareUpdateInformationStatus,
  FirmwareUpdateStart,
  FirmwareUpdateStatus,
} from './firmware-update-messages.ts';
import { FirmwareUpdateServer } from './target.ts';
import type { TargetImage } from './target-application.ts';
import { informationStatus } from './target-information.ts';
import { Device, type DeviceTraits, metadataOf } from './testing/device.ts';
import { Socket } from './testing/socket.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus, updatePhaseName } from './update-codes.ts';

const NEW_ID = Uint8Array.of(0x59, 0, 2);
const IMAGE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const START: FirmwareUpdateStart = {
  updateTtl: 3,
  updateTimeoutBase: 5,
  updateBlobId: 0x1100000000000011n,
  imageIndex: 0,
  metadata: metadataOf(IMAGE, NEW_ID),
};
const OTHER_METADATA = metadataOf(Uint8Array.of(9), NEW_ID, UpdateEffect.unprovisioned);
/** A Start that differs from START in one field. */
const DIFFERENT: Readonly<Record<string, Partial<FirmwareUpdateStart>>> = {
  TTL: { updateTtl: 4 },
  'time-out base': { updateTimeoutBase: 6 },
  'BLOB ID': { updateBlobId: 7n },
  'image index': { imageIndex: 1 },
  metadata: { metadata: OTHER_METADATA },
};

/** A server and the one that talks to it, message by message. */
class Bench {
  readonly clock = new VirtualClock();
  readonly link = new Link(this.clock);
  readonly store: Store = new MemoryStore();
  readonly device: Device;
  readonly answers: { value: unknown; ttl: number }[] = [];
  /** Answers are never acknowledged. */
  loseAnswer = false;
  server!: FirmwareUpdateServer;
  blob!: BlobServer;
  readonly #client = new Model({ id: 0x1403, name: 'raw client' });
  readonly #socket: Socket;

  constructor(traits: DeviceTraits = {}) {
    this.device = new Device({ moreImages: [{ firmwareId: fromHex('59000a') }], ...traits });
    this.#hear(FirmwareUpdateStatus);
    this.#hear(FirmwareUpdateInformationStatus);
    this.#hear(FirmwareUpdateFirmwareMetadataStatus);
    new Socket(this.clock, this.link, 1).powerOn(new MemoryStore(), [this.#client]);
    this.#socket = new Socket(this.clock, this.link, 2);
    this.powerOn();
  }

  /** A new stack on the stores of the old one. */
  powerOn(): void {
    this.blob?.close();
    this.blob = new BlobServer({
      clock: this.clock,
      store: storeView(this.store, 'blob/'),
      capabilities: { minBlockSizeLog: 6 },
    });
    const store = storeView(this.store, 'update/');
    this.server = new FirmwareUpdateServer({ store, blob: this.blob, application: this.device });
    this.#socket.powerOn(storeView(this.store, 'access/'), [this.blob.model, this.server.model]);
    this.server.start();
  }

  /** The answer to a message, or undefined for silence. */
  ask<T>(type: MessageType<T>, value: T): unknown {
    this.answers.length = 0;
    this.#client.send(type, value, { dst: 2, appIndex: 0 });
    // The message has arrived, its answer has not yet left.
    this.clock.advance(15);
    this.link.failure = this.loseAnswer ? new MeshError('segmented-timeout', 'never acknowledged') : undefined;
    this.clock.advance(185);
    this.link.failure = undefined;
    expect(this.answers.length).toBeLessThan(2);
    return this.answers[0]?.value;
  }

  status<T>(type: MessageType<T>, value: T): FirmwareUpdateStatus {
    return this.ask(type, value) as FirmwareUpdateStatus;
  }

  start(change: Partial<FirmwareUpdateStart> = {}): FirmwareUpdateStatus {
    return this.status(FirmwareUpdateStart, { ...START, ...change });
  }

  get(): FirmwareUpdateStatus {
    return this.status(FirmwareUpdateGet, {});
  }

  apply(): FirmwareUpdateStatus {
    return this.status(FirmwareUpdateApply, {});
  }

  beginTransfer(): void {
    this.ask(BlobTransferStart, {
      transferMode: 'push',
      blobId: START.updateBlobId,
      blobSize: IMAGE.length,
      blockSizeLog: 6,
      clientMtuSize: 380,
    });
  }

  finishTransfer(): void {
    this.ask(BlobBlockStart, { blockNumber: 0, chunkSize: 8 });
    this.ask(BlobChunkTransfer, { chunkNumber: 0, data: IMAGE });
  }

  #hear<T>(type: MessageType<T>): void {
    this.#client.handle(type, (value, { ttl }) => this.answers.push({ value, ttl }));
  }
}

/** A bench whose server is in the phase, come to by messages. */
function benchIn(phase: number, traits: DeviceTraits = {}): Bench {
  const held = phase === UpdatePhase.verifyingUpdate;
  const failing = phase === UpdatePhase.verificationFailed;
  const bench = new Bench({ ...traits, holdVerification: held, failVerification: failing });
  if (phase !== UpdatePhase.idle) bench.start();
  if (phase === UpdatePhase.transferError) {
    bench.beginTransfer();
    bench.clock.advance(60_000);
  } else if (phase > UpdatePhase.transferActive) {
    bench.beginTransfer();
    bench.finishTransfer();
  }
  if (phase === UpdatePhase.applyingUpdate) bench.apply();
  expect(bench.server.phase).toBe(phase);
  return bench;
}

const PHASES = [0, 1, 2, 3, 4, 5, 6];
const { success, wrongPhase } = UpdateStatus;
const { idle, transferActive, applyingUpdate, verificationSucceeded } = UpdatePhase;

/** Status and phase of the answer to each message in each phase [firmware-update.md, 4.1]; a Start begins anew or resumes. */
const REACTIONS: Readonly<Record<string, readonly (readonly [status: number, phase: number])[]>> = {
  Get: PHASES.map((phase) => [success, phase]),
  Cancel: PHASES.map(() => [success, idle]),
  Apply: PHASES.map((phase) => {
    if (phase === verificationSucceeded || phase === applyingUpdate) return [success, applyingUpdate];
    return [wrongPhase, phase];
  }),
  'identical Start': PHASES.map((phase) => [success, phase < 3 ? transferActive : phase]),
};
// The device has the image in its slot by then, so that it is verified at once.
const AFTER_FAILED = UpdatePhase.verificationFailed;

describe('Firmware Update Server, reaction by phase', () => {
  for (const phase of PHASES) {
    const name = updatePhaseName(phase);

    for (const [message, reactions] of Object.entries(REACTIONS)) {
      it(`${name}: ${message}`, () => {
        const bench = benchIn(phase);
        const types: Record<string, () => FirmwareUpdateStatus> = {
          Get: () => bench.get(),
          Cancel: () => bench.status(FirmwareUpdateCancel, {}),
          Apply: () => bench.apply(),
          'identical Start': () => bench.start(),
        };
        const answer = types[message]!();
        const [status, after] = reactions[phase]!;
        expect(answer).toMatchObject({ status, phase: after });
        expect(bench.server.phase).toBe(after);
        expect(answer.updateBlobId).toBe(after === idle ? undefined : START.updateBlobId);
        expect(answer.updateTtl).toBe(after === idle ? undefined : START.updateTtl);
        expect(bench.answers[0]?.ttl).toBe(after === idle ? 5 : 3);
      });
    }

    for (const [field, change] of Object.entries(DIFFERENT)) {
      it(`${name}: Start with another ${field}`, () => {
        const bench = benchIn(phase);
        const before = phase === idle ? undefined : bench.get();
        const answer = bench.start(change);
        const begins = phase === idle || phase === UpdatePhase.transferError || phase === AFTER_FAILED;
        if (!begins) {
          expect(answer).toEqual({ ...before, status: wrongPhase });
          expect(bench.get()).toEqual(before);
          return;
        }
        const again = phase === AFTER_FAILED && field !== 'metadata' ? AFTER_FAILED : transferActive;
        const effect = field === 'metadata' ? UpdateEffect.unprovisioned : UpdateEffect.unchanged;
        const { updateTtl, updateTimeoutBase, updateBlobId, imageIndex } = { ...START, ...change };
        expect(answer).toEqual({
          status: success,
          phase: again,
          additionalInformation: effect,
          updateTtl,
          updateTimeoutBase,
          updateBlobId,
          imageIndex,
        });
      });
    }

    it(`${name}: Metadata Check is answered and changes nothing`, () => {
      const bench = benchIn(phase);
      const answer = bench.ask(FirmwareUpdateFirmwareMetadataCheck, { imageIndex: 1, metadata: OTHER_METADATA });
      expect(answer).toEqual({ status: success, additionalInformation: UpdateEffect.unprovisioned, imageIndex: 1 });
      expect(bench.server.phase).toBe(phase);
    });

    it(`${name}: Information Get is ${phase === applyingUpdate ? 'not ' : ''}answered`, () => {
      const answer = benchIn(phase).ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 255 });
      if (phase === applyingUpdate) expect(answer).toBeUndefined();
      else expect(answer).toMatchObject({ listCount: 2, firstIndex: 0, entries: [{ updateUri: '' }, {}] });
    });
  }
});

describe('Firmware Update Server, Start', () => {
  const refusals: readonly [string, DeviceTraits, Partial<FirmwareUpdateStart>, number][] = [
    ['an index that is not there', {}, { imageIndex: 2 }, UpdateStatus.wrongFirmwareIndex],
    ['metadata that the device does not want', { refuseMetadata: true }, {}, UpdateStatus.metadataCheckFailed],
    ['no room', { refuseStart: 'resources' }, {}, UpdateStatus.insufficientResources],
    ['not now', { refuseStart: 'busy' }, {}, UpdateStatus.temporarilyUnavailable],
    ['other trouble', { refuseStart: 'internal' }, {}, UpdateStatus.internalError],
  ];
  for (const [why, traits, change, status] of refusals) {
    it(`refuses ${why} with one octet and changes nothing`, () => {
      const bench = new Bench(traits);
      expect(bench.start(change)).toEqual({
        status,
        phase: idle,
        updateTtl: undefined,
        additionalInformation: undefined,
        updateTimeoutBase: undefined,
        updateBlobId: undefined,
        imageIndex: undefined,
      });
      expect(bench.blob.phase).toBe(BlobPhase.inactive);
      expect(bench.get().phase).toBe(idle);
    });
  }

  it('refuses while the BLOB server works for somebody else, and tells the device', () => {
    const bench = new Bench();
    const sink = { begin: () => true, block: () => true };
    const events = { complete: () => {}, suspended: () => {}, failed: () => {} };
    bench.blob.expect(5n, { ttl: 3, timeoutBase: 0, sink, events });
    bench.ask(BlobTransferStart, {
      transferMode: 'push',
      blobId: 5n,
      blobSize: 8,
      blockSizeLog: 6,
      clientMtuSize: 380,
    });
    expect(bench.start()).toMatchObject({ status: UpdateStatus.blobTransferBusy, phase: idle });
    expect(bench.blob.blobId).toBe(5n);
    expect(bench.device.calls).toEqual(['start', 'abandoned']);
  });

  it('goes on when the client only fell silent: the next block wakes it, and it verifies the image', () => {
    const bench = benchIn(UpdatePhase.transferError);
    bench.ask(BlobBlockStart, { blockNumber: 0, chunkSize: 8 });
    expect(bench.server.phase).toBe(transferActive);
    bench.ask(BlobChunkTransfer, { chunkNumber: 0, data: IMAGE });
    expect(bench.server.phase).toBe(verificationSucceeded);
  });

  it('keeps an interrupted update when the one that would replace it is refused', () => {
    const bench = benchIn(UpdatePhase.transferError);
    const answer = bench.start({ imageIndex: 2 });
    expect(answer).toMatchObject({
      status: UpdateStatus.wrongFirmwareIndex,
      phase: UpdatePhase.transferError,
      imageIndex: 0,
    });
    expect(bench.blob.phase).toBe(BlobPhase.suspended);
  });

  for (const [what, metadata] of [
    ['the same metadata', START.metadata],
    ['no metadata', new Uint8Array(0)],
  ] as const) {
    it(`resumes with ${what}: the blocks go on where they stopped`, () => {
      const bench = benchIn(UpdatePhase.transferError);
      expect(bench.start({ metadata })).toMatchObject({ status: success, phase: transferActive });
      expect(bench.device.calls.filter((call) => call === 'start')).toHaveLength(1);
      expect(bench.blob.phase).toBe(BlobPhase.suspended);
      bench.beginTransfer();
      bench.finishTransfer();
      expect(bench.server.phase).toBe(verificationSucceeded);
    });
  }

  it('begins anew when the interrupted transfer is gone', () => {
    const bench = benchIn(UpdatePhase.transferError);
    bench.server.abort();
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
    expect(bench.blob.phase).toBe(BlobPhase.waitingForTransferStart);
  });

  it('verifies at once, without a transfer, what the device has already', () => {
    const bench = new Bench({ holdVerification: true });
    bench.device.slot = IMAGE;
    expect(bench.start()).toMatchObject({ status: success, phase: UpdatePhase.verifyingUpdate });
    expect(bench.blob.phase).toBe(BlobPhase.inactive);
    bench.device.endVerification(true);
    expect(bench.get().phase).toBe(verificationSucceeded);
  });
});

describe('Firmware Update Server, Apply', () => {
  it('applies only when its answer has arrived', () => {
    const bench = benchIn(verificationSucceeded);
    bench.device.restart = () => bench.device.calls.push(`${bench.answers.length} answers`);
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    expect(bench.device.calls.slice(-2)).toEqual(['apply', '1 answers']);
  });

  it('goes back to Verification Succeeded when the answer is lost, and applies once when asked again', () => {
    const bench = benchIn(verificationSucceeded);
    bench.loseAnswer = true;
    expect(bench.apply()).toBeUndefined();
    expect(bench.server.phase).toBe(verificationSucceeded);
    expect(bench.device.calls).not.toContain('apply');
    bench.loseAnswer = false;
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    expect(bench.apply()).toMatchObject({ status: success, phase: applyingUpdate });
    expect(bench.device.calls.filter((call) => call === 'apply')).toHaveLength(1);
  });

  it('tells the client by "Wrong Phase, Idle" and the new firmware id that it has applied', () => {
    const bench = benchIn(applyingUpdate);
    bench.device.boot();
    bench.powerOn();
    expect(bench.get().phase).toBe(applyingUpdate);
    bench.server.applied(true);
    expect(bench.apply()).toMatchObject({ status: wrongPhase, phase: idle });
    const list = bench.ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 1 });
    expect(list).toMatchObject({ listCount: 2, entries: [{ firmwareId: NEW_ID }] });
  });

  it('is Idle with the old firmware when the bootloader went back', () => {
    const bench = benchIn(verificationSucceeded, { failBoot: true, applyInPlace: true });
    bench.apply();
    expect(bench.apply()).toMatchObject({ status: wrongPhase, phase: idle });
    const list = bench.ask(FirmwareUpdateInformationGet, { firstIndex: 0, entriesLimit: 1 });
    expect(list).toMatchObject({ entries: [{ firmwareId: Uint8Array.of(0x59, 0, 1) }] });
  });

  it('does not listen to an apply that ends after it was cancelled', () => {
    const bench = benchIn(applyingUpdate);
    bench.status(FirmwareUpdateCancel, {});
    bench.start();
    bench.device.endApply(true);
    expect(bench.server.phase).not.toBe(idle);
  });
});

describe('Firmware Update Server, power cut', () => {
  const after: readonly [number, number][] = [
    [idle, idle],
    [UpdatePhase.transferError, UpdatePhase.transferError],
    [transferActive, UpdatePhase.transferError],
    [UpdatePhase.verifyingUpdate, UpdatePhase.verifyingUpdate],
    [verificationSucceeded, verificationSucceeded],
    [UpdatePhase.verificationFailed, UpdatePhase.verificationFailed],
    [applyingUpdate, applyingUpdate],
  ];
  for (const [before, phase] of after) {
    it(`${updatePhaseName(before)} is ${updatePhaseName(phase)} after it`, () => {
      const bench = benchIn(before);
      bench.powerOn();
      expect(bench.get()).toMatchObject({ status: success, phase });
    });
  }

  it('verifies again what was verified, and fails what has changed meanwhile', () => {
    const bench = benchIn(verificationSucceeded);
    bench.device.slot = IMAGE.map((octet) => octet ^ 1);
    bench.powerOn();
    expect(bench.get().phase).toBe(UpdatePhase.verificationFailed);
  });

  it('resumes a transfer that the power cut interrupted', () => {
    const bench = benchIn(transferActive);
    bench.beginTransfer();
    bench.powerOn();
    expect(bench.blob.phase).toBe(BlobPhase.suspended);
    expect(bench.start()).toMatchObject({ status: success, phase: transferActive });
    bench.beginTransfer();
    bench.finishTransfer();
    expect(bench.get().phase).toBe(verificationSucceeded);
  });

  it('survives a power cut at each write of a whole update: a new Start leaves whatever state it is in', () => {
    for (let cut = 0; cut < 30; cut++) {
      const bench = new Bench({ applyInPlace: true });
      const { batch } = bench.store;
      let writes = 0;
      bench.store.batch = (changes) => {
        if (writes++ >= cut) throw new MeshError('store-failed', 'no power');
        batch.call(bench.store, changes);
      };
      let cutHere = false;
      try {
        bench.start();
        bench.beginTransfer();
        bench.finishTransfer();
        bench.apply();
      } catch {
        cutHere = true;
      }
      bench.store.batch = batch;
      bench.powerOn();
      bench.server.applied(true);
      if (bench.device.firmwareId[2] !== 2) {
        if (bench.start().status !== success) bench.status(FirmwareUpdateCancel, {});
        expect(bench.start().status).toBe(success);
        bench.beginTransfer();
        bench.finishTransfer();
        bench.apply();
      }
      expect(bench.device.firmwareId).toEqual(NEW_ID);
      if (!cutHere && writes < cut) return;
    }
    throw new Error('the update writes more often than expected');
  });
});

describe('Firmware Information List in messages', () => {
  const images = (count: number, length: number): TargetImage[] =>
    Array.from({ length: count }, (_, i) => ({ firmwareId: new Uint8Array(length).fill(i) }));

  for (const [count, length] of [
    [0, 2],
    [1, 108],
    [3, 10],
    [255, 2],
    [255, 108],
  ] as const) {
    it(`pages through ${count} images of ${length} octets`, () => {
      const list = images(count, length);
      const seen: Uint8Array[] = [];
      do {
        const page = informationStatus(list, seen.length, 255);
        expect(FirmwareUpdateInformationStatus.encode(page).length).toBeLessThanOrEqual(380);
        expect(page.listCount).toBe(count);
        seen.push(...page.entries.map(({ firmwareId }) => firmwareId));
        if (page.entries.length === 0) break;
      } while (seen.length < count);
      expect(seen).toEqual(list.map(({ firmwareId }) => firmwareId));
    });
  }

  it('keeps to the limit, and is empty past the end', () => {
    const list = images(3, 4);
    expect(informationStatus(list, 0, 0).entries).toHaveLength(0);
    expect(informationStatus(list, 1, 1).entries).toEqual([{ firmwareId: list[1]!.firmwareId, updateUri: '' }]);
    expect(informationStatus(list, 3, 255)).toEqual({ listCount: 3, firstIndex: 3, entries: [] });
    expect(informationStatus(list, 200, 255).entries).toHaveLength(0);
  });

  it('counts the octets of a URI, not its letters', () => {
    const updateUri = 'ü'.repeat(120);
    const page = informationStatus([{ firmwareId: fromHex('5900'), updateUri }, ...images(20, 30)], 0, 255);
    expect(FirmwareUpdateInformationStatus.encode(page).length).toBeLessThanOrEqual(380);
  });
});
