import { AD_MESH_BEACON, type AdStructure, type Advertising, type Transmit } from '@meshferry/bearer';
import { Deadline } from '@meshferry/core';
import { uriHash } from '@meshferry/crypto';
import { encodeUnprovisionedDeviceBeacon } from '@meshferry/network';
import type { AnnouncedDevice } from './link.ts';
import { type AnnounceGround, checkUuid } from './link-rules.ts';

/** AD type of a URI: its first octet stands for the scheme, as the Assigned Numbers say. */
export const AD_URI = 0x24;

/** From beacon to beacon, ms; a random part keeps devices apart that were switched on together. */
const INTERVAL_MS = 3000;
const SPREAD_MS = 1000;
const FIRST_MS = 200;
const TRANSMIT: Transmit = { count: 3, intervalMs: 20 };

/** Sends the Unprovisioned Device beacon of a device, and its URI in packets of its own [Mesh Protocol 1.1, 3.10.2]. */
export class UnprovisionedBeacon {
  readonly #ground: AnnounceGround;
  readonly #advertising: Advertising;
  readonly #structures: readonly AdStructure[];
  readonly #next: Deadline;
  #stopSending: (() => void)[] = [];

  constructor(ground: AnnounceGround, advertising: Advertising, device: AnnouncedDevice) {
    this.#ground = ground;
    this.#advertising = advertising;
    this.#structures = structuresOf(ground, device);
    this.#next = new Deadline(ground.clock, () => this.#send());
  }

  start(): void {
    this.#next.set(this.#ground.random.uniform() * FIRST_MS);
  }

  /** What waits in the bearer is not sent any more, either. */
  stop(): void {
    this.#next.clear();
    for (const stop of this.#stopSending.splice(0)) stop();
  }

  #send(): void {
    // A bearer that closes sends no more beacons: the next one fails as well, and costs nothing.
    this.#stopSending = this.#structures.map((ad) => this.#advertising.send(ad, TRANSMIT, () => {}));
    this.#next.set(INTERVAL_MS + this.#ground.random.uniform() * SPREAD_MS);
  }
}

function structuresOf({ crypto }: AnnounceGround, { uuid, oobInformation, uri }: AnnouncedDevice): AdStructure[] {
  const beacon = encodeUnprovisionedDeviceBeacon({
    deviceUuid: checkUuid(uuid),
    oobInformation,
    ...(uri && { uriHash: uriHash(crypto, uri) }),
  });
  const structure = { type: AD_MESH_BEACON, data: beacon };
  return uri === undefined ? [structure] : [structure, { type: AD_URI, data: uri.slice() }];
}
