import { type MeshError, type Result, toMeshError } from '@meshferry/core';
import {
  type Distributor,
  type FirmwareDistributionCapabilitiesStatus,
  type FirmwareDistributionClient,
  type FirmwareDistributionFirmwareStatus,
  type UploadedFirmware,
  uploadFirmware,
  uploadOutOfBand,
} from '@meshferry/dfu';
import type { JobRun } from './job-run.ts';
import { settled } from './job-settled.ts';

/**
 * Brings the image of a job to an idle Distributor, unless it is there: over the mesh, or by letting the Distributor fetch
 * it. Where there is no room, the images that the Distributor has had for the longest time make some
 * [firmware-distribution.md 3, step 6]. Gives its index; rejects as `uploadFirmware` and `uploadOutOfBand` end.
 */
export async function bringImage(
  run: JobRun,
  client: FirmwareDistributionClient,
  distributor: Distributor,
): Promise<number> {
  for (;;) {
    try {
      const upload = run.request.oobUri === undefined ? overTheMesh : outOfBand;
      const { imageIndex } = await upload(run, client, distributor);
      return imageIndex;
    } catch (thrown) {
      const error = toMeshError(thrown);
      if (error.code !== 'no-room-on-distributor' || !(await makeRoom(run, client, distributor))) throw error;
    }
  }
}

/** Deletes the oldest image; false when that would not help, or there is none. */
async function makeRoom(run: JobRun, client: FirmwareDistributionClient, distributor: Distributor): Promise<boolean> {
  const { maxFirmwareImageSize, maxUploadSpace } = await settled<FirmwareDistributionCapabilitiesStatus>((done) =>
    client.capabilitiesGet(distributor, done),
  );
  if (run.source.size > Math.min(maxFirmwareImageSize, maxUploadSpace)) return false;
  const oldest = await settled<FirmwareDistributionFirmwareStatus>((done) =>
    client.firmwareGetByIndex(distributor, 0, done),
  );
  const { firmwareId } = oldest;
  if (firmwareId === undefined) return false;
  const { status } = await settled<FirmwareDistributionFirmwareStatus>((done) =>
    client.firmwareDelete(distributor, firmwareId, done),
  );
  return status === 0;
}

function overTheMesh(
  run: JobRun,
  client: FirmwareDistributionClient,
  distributor: Distributor,
): Promise<UploadedFirmware> {
  const { request } = run;
  const begun = run.remote.uploadBlobId;
  return settled<UploadedFirmware>((done) =>
    uploadFirmware(
      client,
      {
        to: distributor,
        firmwareId: request.firmwareId,
        metadata: request.metadata,
        source: run.source,
        timeoutBase: request.timeoutBase ?? 3,
        ...(begun === undefined ? {} : { blobId: begun, resume: true }),
        ...(request.settings === undefined ? {} : { settings: request.settings }),
      },
      (event) => {
        switch (event.type) {
          case 'transfer':
            run.remote.uploadBlobId = event.blobId;
            run.save();
            break;
          case 'blob':
            run.upload.take(event.event);
            run.tell();
            break;
          case 'done':
            done(event.outcome);
        }
      },
    ),
  );
}

function outOfBand(
  run: JobRun,
  client: FirmwareDistributionClient,
  distributor: Distributor,
): Promise<UploadedFirmware> {
  const { firmwareId, oobUri: uri = '' } = run.request;
  const current = run.targets.progress.find((target) => target.firmwareIdBefore !== null)?.firmwareIdBefore;
  return settled<UploadedFirmware>((done: (outcome: Result<UploadedFirmware, MeshError>) => void) =>
    uploadOutOfBand(client, { to: distributor, uri, currentFirmwareId: current ?? firmwareId, firmwareId }, (event) => {
      if (event.type === 'done') done(event.outcome);
      else {
        run.upload.reach(event.percent);
        run.tell();
      }
    }),
  );
}
