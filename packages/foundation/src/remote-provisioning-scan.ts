import type { Context, MessageOf, Model } from '@meshferry/access';
import { Deadline, type NetIndex, type Random, toHex, type Unsubscribe } from '@meshferry/core';
import { type DeviceBeacons, type HeardDevice, isDevice } from './remote-provisioning-beacons.ts';
import {
  RemoteProvisioningScanCapabilitiesGet,
  RemoteProvisioningScanCapabilitiesStatus,
  RemoteProvisioningScanGet,
  RemoteProvisioningScanReport,
  RemoteProvisioningScanStart,
  RemoteProvisioningScanStatus,
  RemoteProvisioningScanStop,
} from './remote-provisioning-messages.ts';
import { type Client, clientOf, isSameClient, Reports } from './remote-provisioning-reports.ts';
import { RpScanning } from './remote-provisioning-states.ts';
import { RemoteProvisioningStatus as Status } from './status-codes.ts';

/** What the scans of a server need. */
export interface ScanGround {
  readonly model: Model;
  readonly random: Random;
  readonly beacons: DeviceBeacons;
  /** Max Scanned Items: 4 to 255. */
  readonly maxScannedItems: number;
}

/** Several servers near one device report it to the same client: they wait for different times, ms. */
const REPORT_DELAY_MS = { least: 20, spread: 480 } as const;

/** A scan under way. */
interface Scan {
  readonly client: Client;
  readonly reports: Reports;
  readonly limit: number;
  /** Of a single device scan. */
  readonly uuid: Uint8Array | undefined;
  readonly endsAt: number;
  readonly seen: Set<string>;
  readonly stopListening: Unsubscribe;
}

/** The Remote Provisioning Scan procedure of a server [Mesh Protocol 1.1, 4.4.5.1 to 4.4.5.4]: one scan at a time. */
export class RemoteScan {
  readonly #ground: ScanGround;
  #scan: Scan | undefined;
  #end: Deadline | undefined;
  /** Of the last scan: when that has found all, they are still sent. */
  #reports: Reports | undefined;

  /** Declares what the model receives. */
  constructor(ground: ScanGround) {
    const { model, maxScannedItems } = ground;
    this.#ground = ground;
    model.handle(RemoteProvisioningScanCapabilitiesGet, (_, context) => {
      model.reply(context, RemoteProvisioningScanCapabilitiesStatus, { maxScannedItems, activeScan: 0 });
    });
    model.handle(RemoteProvisioningScanGet, (_, context) => this.#tell(context, Status.success));
    model.handle(RemoteProvisioningScanStart, (asked, context) => this.#tell(context, this.#start(asked, context)));
    model.handle(RemoteProvisioningScanStop, (_, context) => {
      this.#stop();
      this.#tell(context, Status.success);
    });
  }

  /** The subnet is gone, and with it whoever was told about devices. */
  netKeyRemoved(netIndex: NetIndex): void {
    if (this.#scan?.client.netIndex === netIndex) this.close();
  }

  /** Ends without a word. */
  close(): void {
    this.#stop();
    this.#reports?.close();
  }

  #start(
    { scannedItemsLimit, timeout, uuid }: MessageOf<typeof RemoteProvisioningScanStart>,
    context: Context,
  ): number {
    const { model, beacons, maxScannedItems } = this.#ground;
    if (scannedItemsLimit > maxScannedItems) return Status.scanningCannotStart;
    if (this.#scan !== undefined && !isSameClient(this.#scan.client, context)) return Status.invalidState;
    this.close();
    const client = clientOf(context);
    this.#reports = new Reports(model, client);
    this.#end ??= new Deadline(model.clock, () => this.#stop());
    this.#end.set(1000 * timeout);
    this.#scan = {
      client,
      reports: this.#reports,
      limit: scannedItemsLimit === 0 ? maxScannedItems : scannedItemsLimit,
      uuid,
      endsAt: model.clock.now + 1000 * timeout,
      seen: new Set(),
      stopListening: beacons.listen((device) => this.#heard(device)),
    };
    return Status.success;
  }

  #heard(device: HeardDevice): void {
    const scan = this.#scan;
    if (scan === undefined || (scan.uuid !== undefined && !isDevice(device, scan.uuid))) return;
    const name = toHex(device.uuid);
    if (scan.seen.has(name)) return;
    scan.seen.add(name);
    this.#report(scan, device, name);
    if (scan.uuid !== undefined || scan.seen.size >= scan.limit) this.#stop();
  }

  #report(scan: Scan, { rssi, uuid, oobInformation, uriHash }: HeardDevice, name: string): void {
    const { model, random } = this.#ground;
    const report = { rssi: toRssi(rssi), uuid, oobInformation, uriHash };
    model.clock.after(REPORT_DELAY_MS.least + random.uniform() * REPORT_DELAY_MS.spread, () => {
      // One that did not arrive is sent again when the device is heard again.
      scan.reports.send(RemoteProvisioningScanReport, report, (error) => {
        if (error !== undefined) scan.seen.delete(name);
      });
    });
  }

  /** Reports that are on their way still arrive. */
  #stop(): void {
    this.#scan?.stopListening();
    this.#scan = undefined;
    this.#end?.clear();
  }

  #tell(context: Context, status: number): void {
    const scan = this.#scan;
    const { clock } = this.#ground.model;
    this.#ground.model.reply(context, RemoteProvisioningScanStatus, {
      status,
      rpScanning:
        scan === undefined ? RpScanning.idle : scan.uuid === undefined ? RpScanning.multiple : RpScanning.single,
      scannedItemsLimit: scan?.limit ?? 0,
      timeout: scan === undefined ? 0 : Math.ceil((scan.endsAt - clock.now) / 1000),
    });
  }
}

/** Whole dBm in a signed octet; 127 stands for unknown. */
function toRssi(rssi: number): number {
  return Number.isFinite(rssi) ? Math.max(-128, Math.min(126, Math.round(rssi))) : 127;
}
