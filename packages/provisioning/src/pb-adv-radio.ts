import { AD_PB_ADV, type Advertising, type Transmit } from '@meshferry/bearer';
import type { Cancel, MeshError, Unsubscribe } from '@meshferry/core';
import type { GenericProvisioningPdu } from './generic-provisioning-pdu.ts';
import { decodePbAdvPdu, encodePbAdvPdu, type PbAdvPdu } from './pb-adv-pdu.ts';

/** Segments and Link Open: a lost one is sent again by the procedure. */
const INTERVAL_MS = 20;
export const ONCE: Transmit = { count: 1, intervalMs: INTERVAL_MS };
/** What the peer does not ask for again: acknowledgments and Link Close [5.3.1.4.3: at least three times]. */
export const THRICE: Transmit = { count: 3, intervalMs: INTERVAL_MS };

/** What goes over the air with one Link ID. */
export class PbAdvRadio {
  readonly #advertising: Advertising;
  readonly #linkId: number;

  constructor(advertising: Advertising, linkId: number) {
    this.#advertising = advertising;
    this.#linkId = linkId;
  }

  /** `done`: when the last transmission has left, with an error when the bearer could not; as {@link Advertising} says. */
  send(
    transaction: number,
    generic: GenericProvisioningPdu,
    transmit: Transmit,
    done: (error?: MeshError) => void,
  ): Cancel {
    const data = encodePbAdvPdu({ linkId: this.#linkId, transaction, generic });
    return this.#advertising.send({ type: AD_PB_ADV, data }, transmit, (outcome) =>
      done('start' in outcome ? undefined : outcome),
    );
  }

  /** Packets of this link; what is none is not told. */
  receive(heard: (pdu: PbAdvPdu) => void): Unsubscribe {
    return receivePbAdv(this.#advertising, (pdu) => {
      if (pdu.linkId === this.#linkId) heard(pdu);
    });
  }
}

/** Packets of all links. */
export function receivePbAdv(advertising: Advertising, heard: (pdu: PbAdvPdu) => void): Unsubscribe {
  return advertising.receive([AD_PB_ADV], ({ data }) => {
    const decoded = decodePbAdvPdu(data);
    if (decoded.ok) heard(decoded.value);
  });
}
