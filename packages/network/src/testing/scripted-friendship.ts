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

/** A Low Power node of the Friend under test. */
export class ScriptedLowPowerNode {
  readonly address: Address;
  readonly #scripted: ScriptedNode;
  readonly #security: NetworkSecurity;

  /** `friendCounter`: of the Offer that it is going to accept. */
  constructor(scripted: ScriptedNode, address: Address = PARTNER, friendCounter = 0) {
    this.#scripted = scripted;
    this.address = address;
    this.#security = credentials(address, NODE, friendCounter);
    scripted.friendship = this.#security;
  }

  /** Asks for the friendship; with the factors 3 the Offer comes much later. */
  request(factor = 0): void {
    const criteria = { rssiFactor: factor, receiveWindowFactor: factor, minQueueSizeLog: 1 };
    const rest = { receiveDelay: 100, pollTimeout: 600, previousAddress: 0, numElements: 1, lpnCounter: 0 };
    const how = { src: this.address, dst: 0xfffd, ttl: 0 };
    this.#scripted.say(control(FriendRequest, { ...criteria, ...rest }), how);
  }

  /** Under the credentials of the friendship. */
  say<T>(type: ControlMessageType<T>, value: T): void {
    this.sayPdu(control(type, value), NODE);
  }

  sayPdu(pdu: LowerTransportPdu, dst: Address): void {
    this.#scripted.say(pdu, { src: this.address, dst, ttl: 0, security: this.#security });
  }

  /** Lets time pass until the friendship is there: the node must offer it and seal it. */
  befriend(): void {
    const { clock } = this.#scripted;
    this.request();
    clock.advance(400);
    expectSaid(this.#scripted, FriendOffer.opcode);
    this.say(FriendPoll, { fsn: 0 });
    clock.advance(ANSWER_MS);
    expectSaid(this.#scripted, FriendUpdate.opcode);
  }
}

/** The Friend of a Low Power node under test: offers the friendship, and answers what it is asked. */
export class ScriptedFriend {
  readonly #scripted: ScriptedNode;
  readonly #security: NetworkSecurity = credentials(NODE, PARTNER, 0);

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

  /** Under the credentials of the friendship. */
  say<T>(type: ControlMessageType<T>, value: T): void {
    this.#scripted.say(control(type, value), { src: PARTNER, ttl: 0, security: this.#security });
  }

  /** Answers the Poll that is out with a Friend Update: nothing waits. */
  nothingMore(): void {
    expectSaid(this.#scripted, FriendPoll.opcode);
    this.say(FriendUpdate, { flags: 0, ivIndex: 0, md: 0 });
  }
}

function control<T>({ opcode, encode }: ControlMessageType<T>, value: T): LowerTransportPdu {
  return { format: 'unsegmented-control', opcode, parameters: encode(value) };
}

/** The node has said this control message, and nothing else. */
function expectSaid(scripted: ScriptedNode, opcode: number): void {
  const said = saidOpcodes(scripted);
  if (said.length !== 1 || said[0] !== opcode) throw new Error(`said ${said.join(', ')} instead of ${opcode}`);
}

/** What the node has said since the last time: opcodes of control messages, formats of others. */
export function saidOpcodes(scripted: ScriptedNode): (number | string)[] {
  return scripted.take().map(({ pdu }) => ('opcode' in pdu ? pdu.opcode : pdu.format));
}

function credentials(lpnAddress: Address, friendAddress: Address, friendCounter: number): NetworkSecurity {
  const parameters = { lpnAddress, friendAddress, lpnCounter: 0, friendCounter };
  return networkSecurity(portableCrypto, friendshipCredentials(portableCrypto, NET_KEY, parameters));
}
