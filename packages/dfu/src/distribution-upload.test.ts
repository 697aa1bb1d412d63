import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { UploadPhase as Phase } from './distribution-codes.ts';
import type { FirmwareDistributionUploadStatus } from './distribution-image-messages.ts';
import { metadataOf } from './testing/device.ts';
import { InitiatorNode, runUntil, Scene, TO } from './testing/distribution-mesh.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';

const OTHER_ID = Uint8Array.of(0x59, 0, 3);
/** Long enough to be interrupted in the middle: 40 blocks of 256. */
const LONG = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 31) & 0xff);
const long = {
  firmwareId: OTHER_ID,
  metadata: metadataOf(LONG, OTHER_ID),
  source: { size: LONG.length, read: (offset: number, length: number) => LONG.subarray(offset, offset + length) },
};

describe('an upload', () => {
  it('brings image, metadata and firmware id into a slot', () => {
    const scene = new Scene([]);
    scene.upload();
    expect(scene.uploaded()).toEqual({ ok: true, value: { imageIndex: 0, alreadyThere: false } });
    const { slots } = scene.distributor;
    expect(slots.images).toMatchObject([{ firmwareId: NEW_ID, metadata: metadataOf(IMAGE, NEW_ID), size: 600 }]);
    expect(slots.source(0).read(0, 600)).toEqual(IMAGE);
    expect(scene.distributor.uploadPhases).toEqual([Phase.transferActive, Phase.transferSuccess]);
  });

  it('tells its progress', () => {
    const scene = new Scene([]);
    scene.upload(long);
    runUntil(scene.mesh, () => scene.uploadEvents.at(-1)?.type === 'done');
    const percents = scene.uploadEvents.flatMap((event) =>
      event.type === 'blob' && event.event.type === 'progress' ? [event.event.percent] : [],
    );
    expect(new Set(percents).size).toBeGreaterThan(10);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
  });

  it('comes through a radio that loses a fifth of everything', () => {
    const scene = new Scene([], { loss: 0.2 });
    scene.upload({ ...long, timeoutBase: 5 });
    expect(scene.uploaded().ok).toBe(true);
    expect(scene.distributor.slots.source(0).read(0, LONG.length)).toEqual(LONG);
  });

  it('of an image that is there already transfers nothing', () => {
    const scene = new Scene([], { limits: { images: 1 } });
    scene.upload();
    scene.uploaded();
    scene.upload();
    expect(scene.uploaded()).toEqual({ ok: true, value: { imageIndex: 0, alreadyThere: true } });
    expect(scene.distributor.uploadPhases).toEqual([Phase.transferActive, Phase.transferSuccess]);
  });

  it('is refused without room: image too large, no space, list full', () => {
    for (const limits of [{ imageSize: 500 }, { space: 500 }, { images: 0 }]) {
      const scene = new Scene([], { limits });
      scene.upload();
      expect(scene.uploaded()).toMatchObject({ ok: false, error: { code: 'no-room-on-distributor' } });
      expect(scene.distributor.server.uploadPhase).toBe(Phase.idle);
    }
  });

  it('is refused while another one runs', () => {
    const scene = new Scene([]);
    scene.upload(long);
    runUntil(scene.mesh, () => scene.distributor.server.uploadProgress > 20);
    const other = new InitiatorNode(scene.mesh, 0x0030);
    const outcome = other.outcome<FirmwareDistributionUploadStatus>((done) =>
      other.client.uploadStart(TO, uploadStart(), done),
    );
    expect(outcome).toMatchObject({
      ok: true,
      value: { status: 8, phase: Phase.transferActive, uploadType: 'inBand' },
    });
    expect(outcome.ok && toHex(outcome.value.firmwareId ?? new Uint8Array(0))).toBe('590003');
    expect(scene.uploaded().ok).toBe(true);
  });

  it('can be cancelled at any time, and leaves nothing behind', () => {
    for (const percent of [-1, 0, 1, 50, 97]) {
      const scene = new Scene([]);
      const cancel = scene.upload(long);
      if (percent >= 0) {
        runUntil(scene.mesh, () => scene.distributor.server.uploadPhase === Phase.transferActive);
        runUntil(scene.mesh, () => scene.distributor.server.uploadProgress >= percent);
      }
      cancel();
      expect(scene.uploaded()).toMatchObject({ ok: false, error: { code: 'cancelled' } });
      scene.mesh.clock.advance(60_000);
      expect(scene.distributor.server.uploadPhase).toBe(Phase.idle);
      expect(scene.distributor.slots.reservations).toEqual([]);
      expect(scene.distributor.slots.remaining).toBe(scene.distributor.slots.limits.space);
      expect(scene.distributor.store.keys('slots/')).toEqual([]);
    }
  });

  it('ends in Transfer Error when the Initiator vanishes, during the transfer and before it', () => {
    for (const percent of [0, 50]) {
      const scene = new Scene([]);
      scene.upload({ ...long, timeoutBase: 2 });
      runUntil(scene.mesh, () => scene.distributor.server.uploadPhase === Phase.transferActive);
      runUntil(scene.mesh, () => scene.distributor.server.uploadProgress >= percent);
      scene.initiator.powerOff();
      const since = scene.mesh.clock.now;
      runUntil(scene.mesh, () => scene.distributor.server.uploadPhase === Phase.transferError);
      expect(scene.mesh.clock.now - since).toBeGreaterThan(29_000);
      expect(scene.mesh.clock.now - since).toBeLessThan(31_000);
      // Then the place is free for another one.
      const other = new InitiatorNode(scene.mesh, 0x0030);
      scene.uploadEvents.length = 0;
      scene.upload({}, other);
      expect(scene.uploaded().ok).toBe(true);
      expect(scene.distributor.slots.reservations).toEqual([]);
    }
  });

  it('goes on where it stopped when the same Initiator comes back', () => {
    const scene = new Scene([]);
    const blobId = 77n;
    scene.upload({ ...long, blobId });
    runUntil(scene.mesh, () => scene.distributor.server.uploadProgress >= 50);
    scene.initiator.powerOff();
    runUntil(scene.mesh, () => scene.distributor.server.uploadPhase === Phase.transferError);
    expect(scene.distributor.server.uploadProgress).toBeGreaterThanOrEqual(50);
    scene.uploadEvents.length = 0;
    const again = new InitiatorNode(scene.mesh, 0x0030);
    scene.upload({ ...long, blobId, resume: true }, again);
    runUntil(scene.mesh, () => scene.uploadEvents.at(-1)?.type === 'done');
    const blocks = scene.uploadEvents.flatMap((event) =>
      event.type === 'blob' && event.event.type === 'block' ? [event.event.number] : [],
    );
    expect(Math.min(...blocks)).toBeGreaterThanOrEqual(19);
    expect(scene.distributor.slots.source(0).read(0, LONG.length)).toEqual(LONG);
  });

  it('says so when the Distributor falls silent, and can be resumed when it is back', () => {
    const scene = new Scene([]);
    const blobId = 78n;
    scene.upload({ ...long, blobId });
    runUntil(scene.mesh, () => scene.distributor.server.uploadProgress >= 50);
    scene.distributor.powerOff();
    expect(scene.uploaded()).toMatchObject({ ok: false, error: { code: 'distributor-silent' } });
    scene.distributor.powerOn();
    expect(scene.distributor.server.uploadPhase).toBe(Phase.transferError);
    scene.upload({ ...long, blobId, resume: true });
    expect(scene.uploaded().ok).toBe(true);
    expect(scene.distributor.slots.source(0).read(0, LONG.length)).toEqual(LONG);
  });

  it('runs while a distribution runs', () => {
    const scene = new Scene();
    scene.prepare();
    scene.start();
    scene.upload(long);
    expect(scene.uploaded()).toEqual({ ok: true, value: { imageIndex: 1, alreadyThere: false } });
    runUntil(scene.mesh, () => scene.phase === 4);
  });
});

function uploadStart() {
  return {
    uploadTtl: 0xff,
    uploadTimeoutBase: 2,
    uploadBlobId: 5n,
    uploadFirmwareSize: 600,
    metadata: new Uint8Array(0),
    firmwareId: NEW_ID,
  };
}
