import { type Address, equal, type Unicast } from '@meshferry/core';
import type { FriendshipParameters } from '@meshferry/crypto';
import type { NetworkPdu } from '@meshferry/network';

/** What a SEQ was used for. */
interface Use {
  readonly dst: Address;
  readonly ctl: boolean;
  readonly friendship: FriendshipParameters | undefined;
  readonly transportPdu: Uint8Array;
  /** Passed on into or out of a friendship: it told nothing that an earlier use had not told. */
  readonly passedOn: boolean;
}

/**
 * A PDU that was not heard before; the same under the same credentials; the same passed on by a Friend into a friendship,
 * or out of it by a relay; other content under a SEQ that was used before.
 */
export type Novelty = 'new' | 'duplicate' | 'passed-on' | 'replay';

/**
 * Every (SRC, IV Index, SEQ) heard and what it was used for: tells repetitions and relayed copies, which have the same
 * content, from replays, which have another. Under friendship credentials other content is legitimate: a Friend keeps SRC
 * and SEQ of what it passes on, to each of its Low Power nodes. Grows with the PDUs heard.
 */
export class ObserverSequences {
  readonly #uses = new Map<number, Map<number, Use[]>>();

  judge(pdu: NetworkPdu, ivIndex: number, friendship: FriendshipParameters | undefined): Novelty {
    const uses = this.#usesOf(pdu.src, ivIndex, pdu.seq);
    let passedOn = false;
    for (const use of uses) {
      if (!hasContent(use, pdu)) continue;
      if (use.friendship === friendship) return 'duplicate';
      // Two friendships are two audiences, flooding and a friendship are not.
      if (!use.passedOn && (use.friendship === undefined || friendship === undefined)) passedOn = true;
    }
    if (!passedOn && uses.length > 0 && friendship === undefined) return 'replay';
    const { dst, ctl, transportPdu } = pdu;
    uses.push({ dst, ctl, friendship, transportPdu, passedOn });
    return passedOn ? 'passed-on' : 'new';
  }

  #usesOf(src: Unicast, ivIndex: number, seq: number): Use[] {
    let ofIvIndex = this.#uses.get(ivIndex);
    if (ofIvIndex === undefined) {
      ofIvIndex = new Map();
      this.#uses.set(ivIndex, ofIvIndex);
    }
    const key = src * 0x100_0000 + seq;
    let uses = ofIvIndex.get(key);
    if (uses === undefined) {
      uses = [];
      ofIvIndex.set(key, uses);
    }
    return uses;
  }
}

function hasContent(use: Use, { dst, ctl, transportPdu }: NetworkPdu): boolean {
  return use.dst === dst && use.ctl === ctl && equal(use.transportPdu, transportPdu);
}
