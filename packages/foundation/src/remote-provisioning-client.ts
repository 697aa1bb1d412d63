import { type Context, type MessageOf, Model } from '@meshferry/access';
import type { AdStructure } from '@meshferry/bearer';
import { Emitter, equal, type NetIndex, toHex, type Unicast } from '@meshferry/core';
import {
  answerTimeMs,
  ClientRequests,
  LONGEST_ANSWER,
  type RequestOptions,
  type RequestTarget,
} from './client-request.ts';
import { FoundationModelId } from './model-ids.ts';
import { RemoteLinks } from './pb-remote-links.ts';
import {
  RemoteProvisioningExtendedScanReport,
  RemoteProvisioningExtendedScanStart,
  RemoteProvisioningLinkGet,
  RemoteProvisioningLinkStatus,
  RemoteProvisioningScanCapabilitiesGet,
  RemoteProvisioningScanCapabilitiesStatus,
  RemoteProvisioningScanGet,
  RemoteProvisioningScanReport,
  RemoteProvisioningScanStart,
  RemoteProvisioningScanStatus,
  RemoteProvisioningScanStop,
} from './remote-provisioning-messages.ts';
import { RemoteProvisioningStatusError } from './remote-provisioning-words.ts';

/** An unprovisioned device that a server has heard. */
export interface RemoteDevice {
  /** The server that heard it. */
  readonly server: Unicast;
  readonly netIndex: NetIndex;
  /** Device UUID, 16 octets. */
  readonly uuid: Uint8Array;
  /** 16 bits [Mesh Protocol 1.1, 3.10.2]. */
  readonly oobInformation: number;
  /** 4 octets; undefined for none. */
  readonly uriHash: Uint8Array | undefined;
  /** At the server, dBm; undefined when it does not know. */
  readonly rssi: number | undefined;
}

/** The scan of a server. */
export interface ScanState {
  readonly scanning: 'idle' | 'multiple' | 'single';
  /** Devices that it looks for at most. */
  readonly limit: number;
  /** Seconds left. */
  readonly seconds: number;
}

/** What is looked for in a scan. */
export interface ScanRequest {
  /** 1 to 255. */
  readonly seconds: number;
  /** Devices at most; 0 (default): as many as the server can. */
  readonly limit?: number;
  /** This device alone. */
  readonly uuid?: Uint8Array;
}

/** What an extended scan found. */
export interface ExtendedScanResult {
  readonly uuid: Uint8Array;
  /** Undefined: the device was not heard. */
  readonly oobInformation: number | undefined;
  readonly adStructures: readonly AdStructure[];
}

const SCANNING = ['idle', 'multiple', 'single'] as const;
const RSSI_UNKNOWN = 127;
/** Reports wait up to 0.5 s at the server, and follow each other, ms. */
const REPORT_MS = 1000;
/** Bits of OOB Information that are reserved. */
const OOB_RESERVED = 0x0600;

/**
 * Remote Provisioning Client [Mesh Protocol 1.1, 4.4.6]: finds unprovisioned devices with the servers of a network, and
 * reaches them through these (`pbRemote`). Procedures reject with `RemoteProvisioningStatusError`
 * (`remote-provisioning-status`) when the server refuses, or with `no-response`, `cancelled`, `no-key`, `bad-field`.
 *
 * ```ts
 * const [device] = await client.scan({ address: 0x0100 }, { seconds: 10 });
 * pbRemote(client, { address: 0x0100 }).open(device.uuid, (link) => {});
 * ```
 */
export class RemoteProvisioningClient {
  readonly model: Model;
  /** What servers report while they scan. */
  readonly devices: Emitter<RemoteDevice> = new Emitter();
  /** For `pbRemote` and NPPI. */
  readonly links: RemoteLinks;
  readonly #requests: ClientRequests;

  constructor() {
    this.model = new Model({
      id: FoundationModelId.remoteProvisioningClient,
      name: 'Remote Provisioning Client',
      security: 'peer-device',
    });
    this.model.handle(RemoteProvisioningScanReport, (report, context) => this.#heard(report, context));
    this.model.handle(RemoteProvisioningScanCapabilitiesStatus);
    this.model.handle(RemoteProvisioningScanStatus);
    this.model.handle(RemoteProvisioningExtendedScanReport);
    this.#requests = new ClientRequests(this.model);
    this.links = new RemoteLinks(this.model, this.#requests);
  }

  /** How many devices the server can report in one scan, and whether it scans actively. */
  async scanCapabilities(
    to: RequestTarget,
    options?: RequestOptions,
  ): Promise<{ readonly maxScannedItems: number; readonly active: boolean }> {
    const response = RemoteProvisioningScanCapabilitiesStatus;
    const exchange = { type: RemoteProvisioningScanCapabilitiesGet, value: {}, response };
    const { maxScannedItems, activeScan } = await this.#requests.ask(exchange, to, options);
    return { maxScannedItems, active: activeScan === 1 };
  }

  async scanGet(to: RequestTarget, options?: RequestOptions): Promise<ScanState> {
    const exchange = { type: RemoteProvisioningScanGet, value: {}, response: RemoteProvisioningScanStatus };
    return scanState(await this.#requests.ask(exchange, to, options), to);
  }

  /** Begins a scan, or begins the own one anew; {@link devices} tells what is found. */
  async scanStart(
    to: RequestTarget,
    { seconds, limit = 0, uuid }: ScanRequest,
    options?: RequestOptions,
  ): Promise<ScanState> {
    const value = { scannedItemsLimit: limit, timeout: seconds, uuid };
    const exchange = { type: RemoteProvisioningScanStart, value, response: RemoteProvisioningScanStatus };
    return scanState(await this.#requests.ask(exchange, to, options), to);
  }

  async scanStop(to: RequestTarget, options?: RequestOptions): Promise<ScanState> {
    const exchange = { type: RemoteProvisioningScanStop, value: {}, response: RemoteProvisioningScanStatus };
    return scanState(await this.#requests.ask(exchange, to, options), to);
  }

  /**
   * A whole scan: the devices found until its time is over, the device or as many as wanted have been found, or `signal` of
   * the options is aborted. Each is told to `found` at once.
   */
  async scan(
    to: RequestTarget,
    request: ScanRequest,
    found: (device: RemoteDevice) => void = () => {},
    options: RequestOptions = {},
  ): Promise<RemoteDevice[]> {
    const devices = new Map<string, RemoteDevice>();
    let enough: () => void = () => {};
    const most = request.uuid === undefined ? request.limit || Number.POSITIVE_INFINITY : 1;
    const unsubscribe = this.devices.subscribe((device) => {
      const name = toHex(device.uuid);
      if (device.server !== to.address || devices.has(name)) return;
      if (request.uuid !== undefined && !equal(request.uuid, device.uuid)) return;
      devices.set(name, device);
      found(device);
      if (devices.size >= most) enough();
    });
    try {
      const { seconds } = await this.scanStart(to, request, options);
      if (devices.size < most) {
        await this.#wait(
          1000 * seconds + REPORT_MS + answerTimeMs(LONGEST_ANSWER, options.ttl),
          options.signal,
          (end) => {
            enough = end;
          },
        );
      }
      if (options.signal?.aborted) await this.scanStop(to, { attempts: 2 }).catch(() => {});
    } finally {
      unsubscribe();
    }
    return [...devices.values()];
  }

  /**
   * Asks for AD types of a device (`seconds` from 1 to 21 are needed then), or of the server itself. Names and UUID lists
   * are asked for by their complete forms (0x09, 0x03, 0x05, 0x07).
   */
  async extendedScan(
    to: RequestTarget,
    { adTypes, uuid, seconds }: { adTypes: readonly number[]; uuid?: Uint8Array; seconds?: number },
    options?: RequestOptions,
  ): Promise<ExtendedScanResult> {
    const timeout = uuid === undefined ? undefined : (seconds ?? 10);
    const report = await this.#requests.ask(
      {
        type: RemoteProvisioningExtendedScanStart,
        value: { adTypes: [...adTypes], uuid, timeout },
        response: RemoteProvisioningExtendedScanReport,
        matches: (answer) => uuid === undefined || equal(answer.uuid, uuid),
        answerOctets: LONGEST_ANSWER,
        extraMs: 1000 * (timeout ?? 0),
      },
      to,
      options,
    );
    if (report.status !== 0) throw refused(to, 'extended scan', report.status);
    const oobInformation = report.oobInformation === undefined ? undefined : oobInformationOf(report.oobInformation);
    return { uuid: report.uuid, oobInformation, adStructures: report.adStructures ?? [] };
  }

  /** The state of the server's link, in words. BlueZ does not answer while it has none. */
  async linkGet(to: RequestTarget, options?: RequestOptions): Promise<LinkStateName> {
    const exchange = { type: RemoteProvisioningLinkGet, value: {}, response: RemoteProvisioningLinkStatus };
    return LINK_STATES[(await this.#requests.ask(exchange, to, options)).rpState]!;
  }

  #heard(report: MessageOf<typeof RemoteProvisioningScanReport>, { src, netIndex }: Context): void {
    const { uuid, uriHash, rssi } = report;
    const oobInformation = oobInformationOf(report.oobInformation);
    const strength = rssi === RSSI_UNKNOWN ? undefined : rssi;
    this.devices.emit({ server: src, netIndex, uuid, oobInformation, uriHash, rssi: strength });
  }

  /** Until the time is over, the signal aborted, or what `begin` gets was called. */
  #wait(ms: number, signal: AbortSignal | undefined, begin: (end: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = this.model.clock.after(ms, end);
      signal?.addEventListener('abort', end);
      begin(end);
      if (signal?.aborted) end();
    });
  }
}

const LINK_STATES: readonly LinkStateName[] = ['idle', 'opening', 'active', 'outbound', 'closing'];
/** The Remote Provisioning Link state of a server [4.2.37]; `outbound`: it sends a PDU to the device. */
export type LinkStateName = 'idle' | 'opening' | 'active' | 'outbound' | 'closing';

/**
 * OOB Information as servers report it: little-endian, as other numbers of messages, but big-endian from BlueZ and from
 * phones. What has reserved bits in one order and none in the other is in that other order.
 */
export function oobInformationOf(littleEndian: number): number {
  const bigEndian = ((littleEndian & 0xff) << 8) | (littleEndian >> 8);
  const isReversed = (littleEndian & OOB_RESERVED) !== 0 && (bigEndian & OOB_RESERVED) === 0;
  return isReversed ? bigEndian : littleEndian;
}

function scanState(
  { status, rpScanning, scannedItemsLimit, timeout }: MessageOf<typeof RemoteProvisioningScanStatus>,
  to: RequestTarget,
): ScanState {
  if (status !== 0) throw refused(to, 'scan', status);
  return { scanning: SCANNING[rpScanning]!, limit: scannedItemsLimit, seconds: timeout };
}

function refused({ address }: RequestTarget, what: string, status: number): RemoteProvisioningStatusError {
  return new RemoteProvisioningStatusError('remote-provisioning-status', address, what, status);
}
