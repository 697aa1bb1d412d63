import type { Advertising } from '@meshferry/bearer';
import { type Cancel, Deadline, type MeshError, toHex, type Unsubscribe } from '@meshferry/core';
import type { LinkCloseReason, ProvisioningBearer, ProvisioningLink } from './link.ts';
import { checkUuid, LINK_TIMEOUT_MS, type LinkGround, linkOpenFailed } from './link-rules.ts';
import { PbAdvLink } from './pb-adv-link.ts';
import { PbAdvRadio, THRICE } from './pb-adv-radio.ts';

/**
 * From one burst of Link Open to the next, ms. Not less than a second: BlueZ as the device puts its Link ACK to the end
 * of a slow queue again whenever it hears a Link Open.
 */
const OPEN_INTERVAL_MS = 1500;

/**
 * PB-ADV for a Provisioner: links over an advertising bearer, any number in parallel [Mesh Protocol 1.1, 5.3].
 *
 * ```ts
 * const bearer = pbAdv({ clock, random }, radio.advertising);
 * bearer.open(deviceUuid, (link) => {});
 * ```
 */
export function pbAdv(ground: LinkGround, advertising: Advertising): ProvisioningBearer {
  const linkIds = new Set<number>();
  return {
    open: (device, done) => {
      const linkId = newLinkId(ground, linkIds);
      const opening = new Opening(ground, new PbAdvRadio(advertising, linkId), checkUuid(device), {
        done,
        released: () => linkIds.delete(linkId),
      });
      return () => opening.cancel();
    },
  };
}

interface OpeningListener {
  done(outcome: ProvisioningLink | MeshError): void;
  /** The Link ID is free again. */
  released(): void;
}

const LINK_OPEN = 'opening';

/** States: opening, then linked (packets go to the link) or ended. */
class Opening {
  readonly #ground: LinkGround;
  readonly #radio: PbAdvRadio;
  readonly #device: Uint8Array;
  readonly #listener: OpeningListener;
  readonly #again: Deadline;
  readonly #timeout: Deadline;
  readonly #unsubscribe: Unsubscribe;
  #state: typeof LINK_OPEN | 'ended' | PbAdvLink = LINK_OPEN;
  #stopSending: Cancel | undefined;

  constructor(ground: LinkGround, radio: PbAdvRadio, device: Uint8Array, listener: OpeningListener) {
    this.#ground = ground;
    this.#radio = radio;
    this.#device = device;
    this.#listener = listener;
    this.#again = new Deadline(ground.clock, () => this.#sendOpen());
    this.#timeout = new Deadline(ground.clock, () => this.#fail('timeout', silentDevice(device)));
    this.#unsubscribe = radio.receive((pdu) => {
      if (this.#state instanceof PbAdvLink) this.#state.receive(pdu);
      else if (this.#state === LINK_OPEN && pdu.generic.kind === 'link-ack') this.#opened();
      else if (this.#state === LINK_OPEN && pdu.generic.kind === 'link-close') this.#refused();
    });
    this.#timeout.set(LINK_TIMEOUT_MS);
    this.#sendOpen();
  }

  /** The device may have taken the link already: it is told. */
  cancel(): void {
    if (this.#state === LINK_OPEN) this.#giveUp('fail');
  }

  #sendOpen(): void {
    const open = { kind: 'link-open', deviceUuid: this.#device } as const;
    this.#stopSending = this.#radio.send(0, open, THRICE, (error) => {
      if (error !== undefined) this.#fail('fail', linkOpenFailed('the bearer sends nothing', 'Open it again.', error));
    });
    this.#again.set(OPEN_INTERVAL_MS * (1 + this.#ground.random.uniform() / 10));
  }

  #opened(): void {
    const { clock, random } = this.#ground;
    this.#stop();
    const link = new PbAdvLink({
      clock,
      random,
      radio: this.#radio,
      role: 'provisioner',
      ended: () => this.#release(),
    });
    this.#state = link;
    this.#listener.done(link);
  }

  #refused(): void {
    this.#stop();
    this.#release();
    const message = `the device ${toHex(this.#device)} closed the link before it was open`;
    this.#listener.done(linkOpenFailed(message, 'Try again; it may be busy with another provisioner.'));
  }

  #fail(reason: LinkCloseReason, error: MeshError): void {
    this.#giveUp(reason);
    this.#listener.done(error);
  }

  #giveUp(reason: LinkCloseReason): void {
    this.#stop();
    this.#release();
    this.#radio.send(0, { kind: 'link-close', reason: reason === 'timeout' ? 1 : 2 }, THRICE, () => {});
  }

  #stop(): void {
    this.#again.clear();
    this.#timeout.clear();
    this.#stopSending?.();
  }

  #release(): void {
    this.#state = 'ended';
    this.#unsubscribe();
    this.#listener.released();
  }
}

function newLinkId({ random }: LinkGround, taken: Set<number>): number {
  for (;;) {
    const linkId = new DataView(random.bytes(4).buffer).getUint32(0);
    if (taken.has(linkId)) continue;
    taken.add(linkId);
    return linkId;
  }
}

function silentDevice(device: Uint8Array): MeshError {
  return linkOpenFailed(
    `the device ${toHex(device)} did not answer for ${LINK_TIMEOUT_MS / 1000} s`,
    'It has to be switched on, in reach, unprovisioned and without a link to another provisioner.',
  );
}
