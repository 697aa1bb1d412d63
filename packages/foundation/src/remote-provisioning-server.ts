import { Model } from '@meshferry/access';
import type { Advertising, GattCentral } from '@meshferry/bearer';
import { type Log, MeshError, silent, type Unsubscribe } from '@meshferry/core';
import { type ProvisioningBearer, type ProvisioningGround, pbAdv, pbGatt } from '@meshferry/provisioning';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import { type NodeRefresh, type NppiOffer, NppiServer } from './nppi-server.ts';
import { DeviceBeacons } from './remote-provisioning-beacons.ts';
import { RemoteExtendedScan, type SelfDescription } from './remote-provisioning-extended-scan.ts';
import { RemoteLink } from './remote-provisioning-link.ts';
import { RemoteScan } from './remote-provisioning-scan.ts';

export interface RemoteProvisioningServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
  readonly ground: ProvisioningGround;
  /** What the node says of itself. */
  readonly self: SelfDescription;
  /**
   * The node is to become another (NPPI): durably, all of it, before it returns, as `commitRefresh` does it; after an Address
   * Refresh it restarts with its new address. Throws when that fails: then nothing has changed.
   */
  readonly refresh: (refresh: NodeRefresh) => void;
  /** What it offers when it is provisioned anew by itself. Default: no OOB data, its device key is enough. */
  readonly nppi?: NppiOffer;
  /** Max Scanned Items, 4 to 255. Default 32. */
  readonly maxScannedItems?: number;
  readonly log?: Log;
}

/**
 * Remote Provisioning Server [Mesh Protocol 1.1, 4.4.5]: finds unprovisioned devices near the node for a client that may be
 * far away, carries Provisioning PDUs between both, and lets the client refresh the node itself (NPPI). It stands on the
 * primary element; with it the node shows Composition Data Pages 128 and up.
 *
 * ```ts
 * const remote = new RemoteProvisioningServer({ host: () => node, ground, self: { uuid }, refresh });
 * access.addElement(0, [configuration.model, remote.model]);
 * remote.attach({ advertising });
 * ```
 */
export class RemoteProvisioningServer {
  readonly model: Model;
  readonly #ground: ProvisioningGround;
  readonly #beacons: DeviceBeacons;
  readonly #bearers = new Set<ProvisioningBearer>();
  readonly #scan: RemoteScan;
  readonly #extendedScan: RemoteExtendedScan;
  readonly #link: RemoteLink;

  /** Throws `bad-field` for a limit out of range. */
  constructor({ host, ground, self, refresh, nppi = {}, ...options }: RemoteProvisioningServerOptions) {
    const { maxScannedItems = 32, log = silent } = options;
    checkLimit(maxScannedItems);
    this.#ground = ground;
    this.#beacons = new DeviceBeacons(ground.crypto);
    this.model = new Model({
      id: FoundationModelId.remoteProvisioningServer,
      name: 'Remote Provisioning Server',
      security: 'device',
    });
    const { model } = this;
    const scanGround = { model, random: ground.random, beacons: this.#beacons, maxScannedItems };
    this.#scan = new RemoteScan(scanGround);
    this.#link = new RemoteLink({
      model,
      log,
      bearer: () => firstOf([...this.#bearers]),
      nppi: new NppiServer(ground, host, nppi),
      refresh,
    });
    this.#extendedScan = new RemoteExtendedScan(scanGround, self, () => this.#link.isIdle);
    model.whenConnected(() => {
      host().network.changes.subscribe((change) => {
        if (change.type !== 'net-key-removed') return;
        this.#scan.netKeyRemoved(change.netIndex);
        this.#extendedScan.netKeyRemoved(change.netIndex);
        this.#link.netKeyRemoved(change.netIndex);
      });
    });
  }

  /** Looks for devices and reaches them over these bearers, too. */
  attach({ advertising, central }: { advertising?: Advertising; central?: GattCentral }): Unsubscribe {
    const bearers: ProvisioningBearer[] = [];
    if (advertising !== undefined) bearers.push(pbAdv(this.#ground, advertising));
    if (central !== undefined) bearers.push(pbGatt(this.#ground, central));
    for (const bearer of bearers) this.#bearers.add(bearer);
    const forget = advertising === undefined ? undefined : this.#beacons.attach(advertising);
    return () => {
      forget?.();
      for (const bearer of bearers) this.#bearers.delete(bearer);
    };
  }

  /** Ends scans and the link without a word, as a power cut would. */
  close(): void {
    this.#scan.close();
    this.#extendedScan.close();
    this.#link.close();
  }
}

/** The link that opens first; undefined without a bearer. */
function firstOf(bearers: readonly ProvisioningBearer[]): ProvisioningBearer | undefined {
  if (bearers.length < 2) return bearers[0];
  return {
    open: (device, done) => {
      let failures = 0;
      const cancels = bearers.map((bearer, own) =>
        bearer.open(device, (outcome) => {
          if (outcome instanceof MeshError && ++failures < bearers.length) return;
          for (const [other, cancel] of cancels.entries()) if (other !== own) cancel();
          done(outcome);
        }),
      );
      return () => {
        for (const cancel of cancels) cancel();
      };
    },
  };
}

function checkLimit(maxScannedItems: number): void {
  if (Number.isInteger(maxScannedItems) && maxScannedItems >= 4 && maxScannedItems <= 0xff) return;
  throw new MeshError('bad-field', `Max Scanned Items: ${maxScannedItems}`, { hint: 'Give 4 to 255.' });
}
