import type { Context, MessageOf } from '@meshferry/access';
import type { AdStructure } from '@meshferry/bearer';
import { Deadline, type NetIndex, toHex, type Unsubscribe } from '@meshferry/core';
import { AD_URI, type HeardDevice, isDevice, ofTypes } from './remote-provisioning-beacons.ts';
import {
  RemoteProvisioningExtendedScanReport,
  RemoteProvisioningExtendedScanStart,
} from './remote-provisioning-messages.ts';
import { clientOf, isSameClient, Reports } from './remote-provisioning-reports.ts';
import type { ScanGround } from './remote-provisioning-scan.ts';
import { RemoteProvisioningStatus as Status } from './status-codes.ts';

/** What a node tells of itself in an extended scan. */
export interface SelfDescription {
  /** Device UUID, 16 octets. */
  readonly uuid: Uint8Array;
  /** OOB Information, 16 bits. Default 0. */
  readonly oobInformation?: number;
  /** Its AD data, such as its name or URI. Default: none. */
  readonly adStructures?: readonly AdStructure[];
}

/** Devices that are looked at in parallel. */
const SCANS_MAX = 4;
/** Octets of AD structures that one report has room for. */
const AD_OCTETS = 359;

interface ExtendedScan {
  readonly reports: Reports;
  readonly uuid: Uint8Array;
  readonly asksUri: boolean;
  readonly client: Parameters<typeof isSameClient>[0];
  readonly end: Deadline;
  readonly stopListening: Unsubscribe;
  heard: HeardDevice | undefined;
}

/**
 * The Extended Scan procedure of a server [Mesh Protocol 1.1, 4.4.5.5]. It listens and does not ask: of another device
 * it finds what belongs to its beacon without doubt, the OOB Information and the URI whose hash that has.
 */
export class RemoteExtendedScan {
  readonly #ground: ScanGround;
  readonly #self: SelfDescription;
  readonly #isLinkIdle: () => boolean;
  /** By UUID. */
  readonly #scans = new Map<string, ExtendedScan>();

  constructor(ground: ScanGround, self: SelfDescription, isLinkIdle: () => boolean) {
    this.#ground = ground;
    this.#self = self;
    this.#isLinkIdle = isLinkIdle;
    ground.model.handle(RemoteProvisioningExtendedScanStart, (asked, context) => this.#start(asked, context));
  }

  netKeyRemoved(netIndex: NetIndex): void {
    for (const [name, scan] of this.#scans) if (scan.client.netIndex === netIndex) this.#remove(name);
  }

  /** Ends without a word. */
  close(): void {
    for (const name of this.#scans.keys()) this.#remove(name);
  }

  #start({ adTypes, uuid, timeout }: MessageOf<typeof RemoteProvisioningExtendedScanStart>, context: Context): void {
    if (uuid === undefined || timeout === undefined) this.#tellSelf(adTypes, context);
    else this.#lookAt(uuid, timeout, adTypes, context);
  }

  #lookAt(uuid: Uint8Array, timeout: number, adTypes: readonly number[], context: Context): void {
    const { model, beacons } = this.#ground;
    const name = toHex(uuid);
    const before = this.#scans.get(name);
    if (before !== undefined && isSameClient(before.client, context)) this.#remove(name);
    const reports = new Reports(model, clientOf(context));
    if (!this.#isLinkIdle() || this.#scans.has(name) || this.#scans.size >= SCANS_MAX || !beacons.isAttached) {
      reports.send(RemoteProvisioningExtendedScanReport, reportOf(Status.limitedResources, uuid));
      return;
    }
    const scan: ExtendedScan = {
      reports,
      uuid,
      asksUri: adTypes.includes(AD_URI),
      client: clientOf(context),
      end: new Deadline(model.clock, () => this.#complete(name)),
      stopListening: beacons.listen((device) => {
        if (isDevice(device, uuid)) this.#heard(name, device);
      }),
      heard: undefined,
    };
    scan.end.set(1000 * timeout);
    this.#scans.set(name, scan);
  }

  /** The URI may come before or after the beacon: it is looked for with each beacon. */
  #heard(name: string, device: HeardDevice): void {
    const scan = this.#scans.get(name);
    if (scan === undefined) return;
    scan.heard = device;
    const waits = scan.asksUri && device.uriHash !== undefined && this.#ground.beacons.uriOf(device) === undefined;
    if (!waits) this.#complete(name);
  }

  #complete(name: string): void {
    const scan = this.#scans.get(name);
    if (scan === undefined) return;
    const uri = scan.asksUri && scan.heard !== undefined ? this.#ground.beacons.uriOf(scan.heard) : undefined;
    this.#remove(name);
    const found = uri === undefined ? [] : [{ type: AD_URI, data: uri }];
    scan.reports.send(
      RemoteProvisioningExtendedScanReport,
      reportOf(Status.success, scan.uuid, scan.heard?.oobInformation, found),
    );
  }

  #remove(name: string): void {
    const scan = this.#scans.get(name);
    if (scan === undefined) return;
    this.#scans.delete(name);
    scan.end.clear();
    scan.stopListening();
  }

  #tellSelf(adTypes: readonly number[], context: Context): void {
    const { uuid, oobInformation = 0, adStructures = [] } = this.#self;
    const report = reportOf(Status.success, uuid, oobInformation, ofTypes(adStructures, adTypes));
    new Reports(this.#ground.model, clientOf(context)).send(RemoteProvisioningExtendedScanReport, report);
  }
}

/** AD structures that find no room are left out. */
function reportOf(
  status: number,
  uuid: Uint8Array,
  oobInformation?: number,
  found: readonly AdStructure[] = [],
): MessageOf<typeof RemoteProvisioningExtendedScanReport> {
  if (oobInformation === undefined) return { status, uuid, oobInformation: undefined, adStructures: undefined };
  let room = AD_OCTETS;
  const adStructures = found.filter(({ data }) => {
    room -= 2 + data.length;
    return room >= 0;
  });
  return { status, uuid, oobInformation, adStructures };
}
