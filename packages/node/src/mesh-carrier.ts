import type { MeshError, Result } from '@meshferry/core';
import { type UploadedFirmware, uploadFirmware, uploadOutOfBand } from '@meshferry/dfu';
import type { ImageCarrier } from './image-carrier.ts';
import { settled } from './job-settled.ts';

/** By BLOB transfer over the mesh. Rejects as `uploadFirmware` ends. */
export const meshCarrier: ImageCarrier = {
  async bring(run, client, distributor) {
    const { request } = run;
    const begun = run.remote.uploadBlobId;
    const { imageIndex } = await settled<UploadedFirmware>((done) =>
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
    return imageIndex;
  },
};

/** The Distributor fetches it from a firmware archive. Rejects as `uploadOutOfBand` ends. */
export const outOfBandCarrier: ImageCarrier = {
  async bring(run, client, distributor) {
    const { firmwareId, oobUri: uri = '' } = run.request;
    const current = run.targets.progress.find((target) => target.firmwareIdBefore !== null)?.firmwareIdBefore;
    const request = { to: distributor, uri, currentFirmwareId: current ?? firmwareId, firmwareId };
    const { imageIndex } = await settled<UploadedFirmware>(
      (done: (outcome: Result<UploadedFirmware, MeshError>) => void) =>
        uploadOutOfBand(client, request, (event) => {
          if (event.type === 'done') done(event.outcome);
          else {
            run.upload.reach(event.percent);
            run.tell();
          }
        }),
    );
    return imageIndex;
  },
};
