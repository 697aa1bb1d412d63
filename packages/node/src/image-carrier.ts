import { type MeshError, toMeshError } from '@meshferry/core';
import type {
  Distributor,
  FirmwareDistributionCapabilitiesStatus,
  FirmwareDistributionClient,
  FirmwareDistributionFirmwareStatus,
} from '@meshferry/dfu';
import type { JobRun } from './job-run.ts';
import { settled } from './job-settled.ts';
import { meshCarrier, outOfBandCarrier } from './mesh-carrier.ts';
import { type SmpCarrierGround, smpCarrier } from './smp-carrier.ts';

/** One of the ways on which the image of a job comes to its Distributor. */
export interface ImageCarrier {
  /**
   * Brings it there, unless it is there, and gives its index. Told to the run as it goes, and kept in it as far as another
   * process needs it to go on. Rejects with `no-room-on-distributor` where a deletion may help.
   */
  bring(run: JobRun, client: FirmwareDistributionClient, distributor: Distributor): Promise<number>;
}

/** The way that a job asks for. */
export function carrierOf({ request }: JobRun, ground: SmpCarrierGround): ImageCarrier {
  if (request.via === 'smp') return smpCarrier(ground);
  return request.oobUri === undefined ? meshCarrier : outOfBandCarrier;
}

/**
 * Brings the image of a job to an idle Distributor. Where there is no room, the images that the Distributor has had for the
 * longest time make some [firmware-distribution.md 3, step 6]. Gives its index; rejects as the carrier does.
 */
export async function bringImage(
  run: JobRun,
  client: FirmwareDistributionClient,
  distributor: Distributor,
  carrier: ImageCarrier,
): Promise<number> {
  for (;;) {
    try {
      return await carrier.bring(run, client, distributor);
    } catch (thrown) {
      const error: MeshError = toMeshError(thrown);
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
