import {
  type DistributionReport,
  type Distributor,
  type FirmwareDistributionClient,
  watchDistribution,
} from '@meshferry/dfu';

/** What a Distributor says of its distribution now, with its whole receivers list. Rejects with `distributor-silent`. */
export function askDistribution(
  client: FirmwareDistributionClient,
  distributor: Distributor,
): Promise<DistributionReport> {
  return new Promise((resolve, reject) => {
    const stop = watchDistribution(client, distributor, {}, (event) => {
      stop();
      if (event.type === 'report' || event.type === 'ended') resolve(event.report);
      else reject(event.error);
    });
  });
}
