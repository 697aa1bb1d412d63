import type { Cancel, MeshError, Unsubscribe } from '@meshferry/core';

/** Why a link is or was closed [Mesh Protocol 1.1, 5.3.1.4.3]; reserved reasons of a peer count as `fail`. */
export type LinkCloseReason = 'success' | 'timeout' | 'fail';

/** What happens on a {@link ProvisioningLink}. */
export interface ProvisioningLinkListener {
  /** A whole Provisioning PDU of the peer, type octet first. It must not be changed. */
  received(pdu: Uint8Array): void;
  /**
   * The link has ended: the peer closed it, its bearer gave up (`timeout`), or the connection was lost (`fail`). Comes
   * once at most, and not after an own {@link ProvisioningLink.close}. `error`: what the bearer knows about it, as
   * `two-devices` when it heard two of the same UUID.
   */
  closed(reason: LinkCloseReason, error?: MeshError): void;
}

/**
 * An open provisioning link from either end, whatever carries it: PB-ADV, PB-GATT or PB-Remote
 * [Mesh Protocol 1.1, 5.2]. PDUs arrive whole, once and in order, or the link closes.
 */
export interface ProvisioningLink {
  /** Octets of the longest Provisioning PDU that fits. */
  readonly maxPdu: number;
  /**
   * Sends a Provisioning PDU after those sent before. `done` is called once, never before `send` returned: when the peer
   * has it, or with `link-closed`.
   */
  send(pdu: Uint8Array, done?: (error?: MeshError) => void): void;
  /** Takes the events of this link from now on; there is one listener. To be called as soon as the link is handed over. */
  listen(listener: ProvisioningLinkListener): void;
  /** Closes the link after what is being sent is given up; harmless when it is closed. */
  close(reason: LinkCloseReason): void;
}

/** How a Provisioner reaches devices: one kind of provisioning bearer. Several links may be open in parallel. */
export interface ProvisioningBearer {
  /**
   * Opens a link to the device with this UUID (16 octets). `done` is called once, never before `open` returned, and not
   * any more once cancelled: with the open link, or with `link-open-failed` when the device does not answer in time.
   */
  open(device: Uint8Array, done: (outcome: ProvisioningLink | MeshError) => void): Cancel;
}

/** How an unprovisioned device is reached: it announces itself and takes one link at a time. */
export interface ProvisioningAcceptor {
  /** Announces the device until cancelled; `opened` gets each link, and announcing goes on once it has closed. */
  accept(device: AnnouncedDevice, opened: (link: ProvisioningLink) => void): Unsubscribe;
}

/** What an unprovisioned device says of itself [Mesh Protocol 1.1, 3.10.2, 7.1.2.2.1]. */
export interface AnnouncedDevice {
  /** Device UUID, 16 octets. */
  readonly uuid: Uint8Array;
  /** OOB Information, 16 bits. */
  readonly oobInformation: number;
  /** URI whose hash is in the beacon; its first octet is the scheme code of the Assigned Numbers. Default: none. */
  readonly uri?: Uint8Array;
}
