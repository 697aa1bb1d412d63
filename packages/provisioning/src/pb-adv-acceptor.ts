import type { Advertising } from '@meshferry/bearer';
import { equal, type Unsubscribe } from '@meshferry/core';
import type { AnnouncedDevice, ProvisioningAcceptor, ProvisioningLink } from './link.ts';
import { type AnnounceGround, checkUuid } from './link-rules.ts';
import { PbAdvLink } from './pb-adv-link.ts';
import type { PbAdvPdu } from './pb-adv-pdu.ts';
import { PbAdvRadio, receivePbAdv } from './pb-adv-radio.ts';
import { UnprovisionedBeacon } from './unprovisioned-beacon.ts';

/**
 * PB-ADV for a device: sends its Unprovisioned Device beacon, and takes one link at a time [Mesh Protocol 1.1, 5.3].
 *
 * ```ts
 * pbAdvAcceptor({ clock, random, crypto }, radio.advertising).accept({ uuid, oobInformation: 0 }, (link) => {});
 * ```
 */
export function pbAdvAcceptor(ground: AnnounceGround, advertising: Advertising): ProvisioningAcceptor {
  return {
    accept: (device, opened) => {
      const accepting = new Accepting(ground, advertising, device, opened);
      return () => accepting.stop();
    },
  };
}

/** States: announcing, linked; each with or without being stopped, which lets an open link live on. */
class Accepting {
  readonly #ground: AnnounceGround;
  readonly #advertising: Advertising;
  readonly #uuid: Uint8Array;
  readonly #opened: (link: ProvisioningLink) => void;
  readonly #beacon: UnprovisionedBeacon;
  readonly #unsubscribe: Unsubscribe;
  #link: { readonly id: number; readonly link: PbAdvLink } | undefined;
  #stopped = false;

  constructor(
    ground: AnnounceGround,
    advertising: Advertising,
    device: AnnouncedDevice,
    opened: (link: ProvisioningLink) => void,
  ) {
    this.#ground = ground;
    this.#advertising = advertising;
    this.#uuid = checkUuid(device.uuid);
    this.#opened = opened;
    this.#beacon = new UnprovisionedBeacon(ground, advertising, device);
    this.#unsubscribe = receivePbAdv(advertising, (pdu) => this.#heard(pdu));
    this.#beacon.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#beacon.stop();
    if (this.#link === undefined) this.#unsubscribe();
  }

  #heard(pdu: PbAdvPdu): void {
    if (this.#link !== undefined) {
      if (pdu.linkId === this.#link.id) this.#link.link.receive(pdu);
      return;
    }
    if (!this.#stopped && pdu.generic.kind === 'link-open' && equal(pdu.generic.deviceUuid, this.#uuid)) {
      this.#open(pdu.linkId);
    }
  }

  #open(id: number): void {
    const { clock, random } = this.#ground;
    const radio = new PbAdvRadio(this.#advertising, id);
    const link = new PbAdvLink({ clock, random, radio, role: 'device', ended: () => this.#ended() });
    this.#link = { id, link };
    this.#beacon.stop();
    link.acknowledgeOpen();
    this.#opened(link);
  }

  #ended(): void {
    this.#link = undefined;
    if (this.#stopped) this.#unsubscribe();
    else this.#beacon.start();
  }
}
