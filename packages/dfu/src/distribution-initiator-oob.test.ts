import { fromHex, type MeshError, type Result } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { UploadPhase } from './distribution-codes.ts';
import type { FirmwareDistributionUploadStatus } from './distribution-image-messages.ts';
import { type OobUpload, type OobUploadEvent, uploadOutOfBand } from './distribution-initiator-oob.ts';
import type { UploadedFirmware } from './distribution-initiator-upload.ts';
import type { OobFirmware } from './distribution-oob.ts';
import { metadataOf } from './testing/device.ts';
import { runUntil, Scene, TO, uploadOf } from './testing/distribution-mesh.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';
import { OobArchive } from './testing/oob-archive.ts';

const UPLOAD: OobUpload = {
  to: TO,
  uri: 'https://fw.example.com/lamp',
  currentFirmwareId: fromHex('59000100'),
  firmwareId: NEW_ID,
};
const FIRMWARE: OobFirmware = { firmwareId: NEW_ID, metadata: metadataOf(IMAGE, NEW_ID), image: IMAGE };

/** An Initiator, and a Distributor with an archive behind it. */
function scene(): { scene: Scene; archive: OobArchive } {
  let archive: OobArchive | undefined;
  const made = new Scene([{}], {
    archive: (clock) => {
      archive = new OobArchive(clock, FIRMWARE);
      return archive;
    },
  });
  return { scene: made, archive: archive as unknown as OobArchive };
}

/** Runs an upload to its end. */
function upload(
  { mesh, initiator }: Scene,
  changes: Partial<OobUpload> = {},
  watch: (event: OobUploadEvent, cancel: () => void) => void = () => {},
): { outcome: Result<UploadedFirmware, MeshError>; progress: number[] } {
  const progress: number[] = [];
  const outcomes: Result<UploadedFirmware, MeshError>[] = [];
  const cancel = uploadOutOfBand(initiator.client, { ...UPLOAD, ...changes }, (event) => {
    if (event.type === 'progress') progress.push(event.percent);
    else outcomes.push(event.outcome);
    watch(event, () => cancel());
  });
  runUntil(mesh, () => outcomes.length > 0);
  mesh.clock.advance(60_000);
  expect(outcomes).toHaveLength(1);
  return { outcome: outcomes[0] as Result<UploadedFirmware, MeshError>, progress };
}

describe('an upload out of band by an Initiator', () => {
  it('lets the Distributor fetch the image, and follows how far it is', () => {
    const { scene: mesh, archive } = scene();
    const { outcome, progress } = upload(mesh);
    expect(outcome).toEqual({ ok: true, value: { imageIndex: 0, alreadyThere: false } });
    expect(progress.length).toBeGreaterThan(2);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(archive.calls.filter((call) => call.startsWith('fetch'))).toHaveLength(1);
    expect(upload(mesh).outcome).toEqual({ ok: true, value: { imageIndex: 0, alreadyThere: true } });
  });

  it('waits for a Distributor that looks at the URI for long', () => {
    const { scene: mesh, archive } = scene();
    archive.checkMs = 80_000;
    expect(upload(mesh).outcome).toMatchObject({ ok: true });
    expect(archive.calls.filter((call) => call.startsWith('check'))).toHaveLength(1);
  });

  it.each([
    ['unreachable', 'uri-unreachable'],
    ['malformed', 'uri-malformed'],
    ['not-supported', 'uri-not-supported'],
  ] as const)('ends with what the check found: %s', (refuse, code) => {
    const { scene: mesh, archive } = scene();
    archive.refuse = refuse;
    expect(upload(mesh).outcome).toMatchObject({ ok: false, error: { code, hint: expect.any(String) } });
  });

  it('says that there is nothing newer, or something else', () => {
    const nothing = scene();
    nothing.archive.firmware = undefined;
    expect(upload(nothing.scene).outcome).toMatchObject({ ok: false, error: { code: 'no-newer-firmware' } });
    const other = scene();
    const outcome = upload(other.scene, { firmwareId: fromHex('59000909') }).outcome;
    expect(outcome).toMatchObject({ ok: false, error: { code: 'other-firmware-fetched' } });
  });

  it('ends when the transfer breaks off', () => {
    const { scene: mesh, archive } = scene();
    archive.breakAt = 50;
    const { outcome } = upload(mesh);
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: 'upload-failed', message: expect.stringContaining('fetch') },
    });
  });

  it('refuses schemes that the Distributor has not, and Distributors that cannot fetch, before it begins', () => {
    const { scene: mesh, archive } = scene();
    expect(upload(mesh, { uri: 'ftp://fw.example.com/x' }).outcome).toMatchObject({
      ok: false,
      error: { code: 'uri-not-supported' },
    });
    expect(archive.calls).toEqual([]);
    expect(upload(new Scene()).outcome).toMatchObject({ ok: false, error: { code: 'oob-not-supported' } });
  });

  it('can be cancelled at any time, at the Distributor too', () => {
    const { scene: mesh, archive } = scene();
    const { outcome } = upload(mesh, {}, (event, cancel) => {
      if (event.type === 'progress') cancel();
    });
    expect(outcome).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(
      mesh.initiator.answer<FirmwareDistributionUploadStatus>((done) => mesh.initiator.client.uploadGet(TO, done))
        .phase,
    ).toBe(UploadPhase.idle);
    expect(archive.calls.at(-1)).toBe('cancel fetch');
    const early: Result<UploadedFirmware, MeshError>[] = [];
    uploadOutOfBand(mesh.initiator.client, UPLOAD, (event) => {
      if (event.type === 'done') early.push(event.outcome);
    })();
    expect(early).toMatchObject([{ ok: false, error: { code: 'cancelled' } }]);
  });

  it('says so when the Distributor is silent, and when it is busy with another upload', () => {
    const { scene: mesh } = scene();
    mesh.distributor.powerOff();
    expect(upload(mesh).outcome).toMatchObject({ ok: false, error: { code: 'distributor-silent' } });
    const busy = scene().scene;
    const start = { ...uploadOf(), to: TO };
    busy.initiator.answer((done) =>
      busy.initiator.client.uploadStart(
        TO,
        {
          uploadTtl: 5,
          uploadTimeoutBase: 5,
          uploadBlobId: 1n,
          uploadFirmwareSize: 100,
          metadata: start.metadata,
          firmwareId: fromHex('11000022'),
        },
        done,
      ),
    );
    expect(upload(busy).outcome).toMatchObject({ ok: false, error: { code: 'distributor-busy' } });
  });
});
