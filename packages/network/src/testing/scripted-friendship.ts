import type { Address } from '@meshferry/core';
import { friendshipCredentials, portableCrypto } from '@meshferry/crypto';
import type { ControlMessageType } from '../control-message.ts';
import { FriendOffer, FriendPoll, FriendRequest, FriendUpdate } from '../control-messages.ts';
import type { LowerTransportPdu } from '../lower-transport-pdu.ts';
import { type NetworkSecurity, networkSecurity } from '../pdu.ts';
import { NET_KEY } from './node.ts';
import type { ScriptedNode } from './scripted-node.ts';

/** The node under test, at 0x0001, and its partner, whom the test plays. */
const NODE = 1;
/** Address of the partner: the Low Power node of a Friend, the Friend of a Low Power node. */
export const PARTNER = 3;
/** From a Poll to its answer, ms: the ReceiveDelay, and a little into the Receive Window. */
export const ANSWER_MS = 110;

/** The Low Power node of a Friend under test: asks for the friendship, once; the node must offer it and seal it. */
export function scriptLowPowerNode(scripted: ScriptedNode): void {
  const { clock } = scripted;
  const values = { rssiFactor: 0, receiveWindowFactor: 0, minQueueSizeLog: 1, receiveDelay: 100, pollTimeout: 600 };
  const request = { ...values, previousAddress: 0, numElements: 1, lpnCounter: 0 };
  scripted.say(control(FriendRequest, request), { src: PARTNER, dst: 0xfffd, ttl: 0 });
  clock.advance(1000);
  expectSaid(scripted, FriendOffer.opcode);
  const security = credentials(PARTNER, NODE);
  scripted.friendship = security;
  scripted.say(control(FriendPoll, { fsn: 0 }), { src: PARTNER, ttl: 0, security });
  clock.advance(ANSWER_MS);
  expectSaid(scripted, FriendUpdate.opcode);
}

/** The Friend of a Low Power node under test: offers the friendship, and answers what it is asked. */
export class ScriptedFriend {
  readonly #scripted: ScriptedNode;
  readonly #security: NetworkSecurity = credentials(NODE, PARTNER);

  /** Lets time pass until the friendship is there and the node sleeps. */
  constructor(scripted: ScriptedNode) {
    this.#scripted = scripted;
    const { clock, node } = scripted;
    clock.advance(150);
    expectSaid(scripted, FriendRequest.opcode);
    scripted.friendship = this.#security;
    const offer = { receiveWindow: 50, queueSize: 16, subscriptionListSize: 4, rssi: -50, friendCounter: 0 };
    scripted.say(control(FriendOffer, offer), { src: PARTNER, ttl: 0 });
    clock.advance(ANSWER_MS);
    this.nothingMore();
    clock.advance(1000);
    if (node.layer.lowPower?.friend !== PARTNER) throw new Error('no friendship');
  }

  /** Delivers a PDU of another node at this time: the node has to have asked for it right before. */
  deliver(at: number, pdu: LowerTransportPdu, src: Address, seq: number): void {
    const { clock, node } = this.#scripted;
    clock.runUntil(at - ANSWER_MS);
    node.layer.lowPower?.poll();
    clock.runUntil(at);
    expectSaid(this.#scripted, FriendPoll.opcode);
    this.#scripted.say(pdu, { src, seq, ttl: 4, security: this.#security });
  }

  /** Answers the Poll that is out with a Friend Update: nothing waits. */
  nothingMore(): void {
    expectSaid(this.#scripted, FriendPoll.opcode);
    const update = control(FriendUpdate, { flags: 0, ivIndex: 0, md: 0 });
    this.#scripted.say(update, { src: PARTNER, ttl: 0, security: this.#security });
  }
}

function control<T>({ opcode, encode }: ControlMessageType<T>, value: T): LowerTransportPdu {
  return { format: 'unsegmented-control', opcode, parameters: encode(value) };
}

/** The node has said this control message, and nothing else. */
function expectSaid(scripted: ScriptedNode, opcode: number): void {
  const said = scripted.take().map(({ pdu }) => ('opcode' in pdu ? pdu.opcode : pdu.format));
  if (said.length !== 1 || said[0] !== opcode) throw new Error(`said ${said.join(', ')} instead of ${opcode}`);
}

function credentials(lpnAddress: Address, friendAddress: Address): NetworkSecurity {
  const parameters = { lpnAddress, friendAddress, lpnCounter: 0, friendCounter: 0 };
  return networkSecurity(portableCrypto, friendshipCredentials(portableCrypto, NET_KEY, parameters));
}
