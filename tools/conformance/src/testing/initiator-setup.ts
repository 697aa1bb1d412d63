import { BlobClient, sourceOf } from '@meshferry/blob';
import { fromHex, type MeshError, type Result } from '@meshferry/core';
import {
  type DistributionReport,
  FirmwareDistributionClient,
  type FirmwareDistributionStart,
  fillReceivers,
  startDistribution,
  uploadFirmware,
  watchDistribution,
} from '@meshferry/dfu';
import type { Air, Station } from './air.ts';
import { METADATA, NEW_ID } from './target-device.ts';

/** An Initiator: it uploads, fills the list, starts and watches. */
export class InitiatorSetup {
  readonly client: FirmwareDistributionClient;
  readonly station: Station;
  readonly #air: Air;
  readonly #to: { readonly address: number; readonly appIndex: number; readonly ttl: number };

  constructor(air: Air, address: number, distributor: number) {
    const { clock, random } = air;
    const blob = new BlobClient({ clock, random });
    this.client = new FirmwareDistributionClient({ clock, random, blob });
    this.station = air.join(address, { models: [blob.model, this.client.model] });
    this.#air = air;
    this.#to = { address: distributor, appIndex: 0, ttl: 3 };
  }

  /** Brings the image to the Distributor; gives its index there. */
  upload(content: string): number {
    const source = sourceOf(fromHex(content));
    const image = { to: this.#to, firmwareId: fromHex(NEW_ID), metadata: fromHex(METADATA), source, timeoutBase: 2 };
    return this.#result<{ imageIndex: number }>((done) =>
      uploadFirmware(this.client, image, (event) => event.type === 'done' && done(event.outcome)),
    ).imageIndex;
  }

  fill(...addresses: readonly number[]): number {
    const receivers = addresses.map((address) => ({ address, imageIndex: 0 }));
    return this.#result<number>((done) => fillReceivers(this.client, this.#to, receivers, {}, done));
  }

  start(parameters: Partial<FirmwareDistributionStart> = {}): void {
    const start: FirmwareDistributionStart = {
      appKeyIndex: 0,
      distributionTtl: 3,
      timeoutBase: 2,
      transferMode: 'push',
      updatePolicy: 'verifyAndApply',
      imageIndex: 0,
      multicast: 0,
      ...parameters,
    };
    this.#result<unknown>((done) => startDistribution(this.client, this.#to, start, done));
  }

  capabilities(): object {
    return this.#result<object>((done) => this.client.capabilitiesGet(this.#to, done));
  }

  /** Watches until the distribution has ended or needs somebody. */
  watch(): DistributionReport {
    let report: DistributionReport | undefined;
    watchDistribution(this.client, this.#to, {}, (event) => {
      if (event.type === 'ended') report = event.report;
    });
    this.#air.until(() => report !== undefined, 5000, 'end of the distribution');
    return report as unknown as DistributionReport;
  }

  #result<T>(ask: (done: (outcome: Result<T, MeshError>) => void) => void): T {
    let outcome: Result<T, MeshError> | undefined;
    ask((result) => {
      outcome = result;
    });
    this.#air.until(() => outcome !== undefined, 5000, 'end of a request');
    const result = outcome as unknown as Result<T, MeshError>;
    if (!result.ok) throw result.error;
    return result.value;
  }
}
