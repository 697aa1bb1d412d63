import { equal, type Timer } from '@meshferry/core';
import { EVENT, LE_EVENT, OPCODE, STATUS } from '../codes.ts';
import type { AdvertisingEvent } from './emulated-air.ts';
import type { EmulatedController, Handler } from './emulated-controller.ts';

interface AclPacket {
  readonly flags: number;
  readonly data: Uint8Array;
}

/** One end of a connection. */
interface Connection {
  readonly handle: number;
  readonly owner: EmulatedController;
  peer: Connection;
  /** From the host, not yet sent. */
  readonly queue: AclPacket[];
  /** Of both ends. */
  readonly link: Link;
}

interface Link {
  intervalMs: number;
  latency: number;
  timeoutMs: number;
  readonly started: number;
  timer: Timer | undefined;
  over: boolean;
}

interface Initiation {
  readonly peerType: number;
  readonly peer: Uint8Array;
  readonly intervalMs: number;
  readonly latency: number;
  readonly timeoutMs: number;
  readonly ownAddress: Uint8Array;
  readonly ownType: number;
}

const INTERVAL_MS = 1.25;
const TIMEOUT_MS = 10;
const FIRST_HANDLE = 0x40;
/** Octets of a link layer packet. */
const LL_OCTETS = 251;

/** Initiating, connections and their ACL data: at each connection event so many packets in each direction. */
export class Connections {
  readonly #controller: EmulatedController;
  readonly #open = new Map<number, Connection>();
  #initiation: Initiation | undefined;
  #afterAnswer: (() => void)[] = [];

  constructor(controller: EmulatedController) {
    this.#controller = controller;
  }

  get initiating(): boolean {
    return this.#initiation !== undefined;
  }

  get handles(): number[] {
    return [...this.#open.keys()];
  }

  get handlers(): [number, Handler][] {
    const create: [number, Handler][] = [[OPCODE.LE_CREATE_CONNECTION, (p) => this.#create(p)]];
    if (this.#controller.options.extended)
      create.push([OPCODE.LE_EXTENDED_CREATE_CONNECTION, (p) => this.#extendedCreate(p)]);
    return [
      ...create,
      [OPCODE.LE_CREATE_CONNECTION_CANCEL, () => this.#cancel()],
      [OPCODE.DISCONNECT, (p) => this.#disconnect(word(p, 0), p[2]!)],
      [OPCODE.LE_CONNECTION_UPDATE, (p) => this.#update(p)],
      [OPCODE.LE_READ_REMOTE_FEATURES, (p) => this.#features(p)],
      [OPCODE.LE_SET_DATA_LENGTH, (p) => (this.#open.has(word(p, 0)) ? p.slice(0, 2) : STATUS.UNKNOWN_CONNECTION)],
    ];
  }

  /** All connections break off without a word: the other ends notice by their supervision timeout. */
  reset(): void {
    this.#initiation = undefined;
    this.#afterAnswer = [];
    for (const { peer, link } of this.#open.values()) {
      link.over = true;
      link.timer?.cancel();
      peer.owner.later(link.timeoutMs, () => peer.owner.connections.ended(peer, STATUS.CONNECTION_TIMEOUT));
    }
    this.#open.clear();
  }

  /** What follows the answer to the last command. */
  afterAnswer(): void {
    for (const run of this.#afterAnswer.splice(0)) run();
  }

  /** An advertiser was heard: perhaps the one to connect to. */
  hear({ kind, addressType, address, connected }: AdvertisingEvent): void {
    const initiation = this.#initiation;
    if (initiation === undefined || kind !== 'ADV_IND') return;
    if (initiation.peerType === addressType && equal(initiation.peer, address)) connected(this.#controller);
  }

  /** A connection by `central`, as the peripheral; returns its handle. */
  accept(central: EmulatedController): number {
    return central.connections.#connect(this.#controller);
  }

  fromHost(handle: number, flags: number, data: Uint8Array): void {
    const connection = this.#open.get(handle);
    if (connection === undefined) return;
    if (
      data.length > this.#controller.options.aclLength ||
      connection.queue.length >= this.#controller.options.aclPackets
    ) {
      this.#controller.event(EVENT.DATA_BUFFER_OVERFLOW, [1]);
      return;
    }
    connection.queue.push({ flags, data });
    schedule(connection);
  }

  /** The host is told that a connection has ended. */
  ended(connection: Connection, reason: number): void {
    if (!this.#open.delete(connection.handle)) return;
    this.#controller.event(EVENT.DISCONNECTION_COMPLETE, [STATUS.SUCCESS, ...pair(connection.handle), reason]);
  }

  /** Sends what fits into a connection event to the other end, and reports it completed. */
  sendEvent(connection: Connection): void {
    let packets = this.#controller.options.packetsPerEvent;
    let completed = 0;
    while (packets > 0) {
      const packet = connection.queue.shift();
      if (packet === undefined) break;
      packets -= Math.max(1, Math.ceil(packet.data.length / LL_OCTETS));
      completed++;
      connection.peer.owner.connections.#toHost(connection.peer, packet);
    }
    if (completed > 0)
      this.#controller.event(EVENT.NUMBER_OF_COMPLETED_PACKETS, [1, ...pair(connection.handle), ...pair(completed)]);
  }

  #toHost({ handle }: Connection, { flags, data }: AclPacket): void {
    // Host to controller "first" is 0b00, controller to host 0b10; continuations are 0b01 in both directions.
    const word = handle | ((flags & 0b11) === 0b01 ? 0x1000 : 0x2000);
    this.#controller.inject(Uint8Array.of(0x02, ...pair(word), ...pair(data.length), ...data));
  }

  #create(p: Uint8Array): number {
    const ownType = p[12]!;
    return this.#initiate(p.length === 25, p[5]!, p.slice(6, 12), ownType, p.subarray(13));
  }

  #extendedCreate(p: Uint8Array): number {
    const ok = p.length === 26 && p[9] === 1;
    return this.#initiate(ok, p[2]!, p.slice(3, 9), p[1]!, p.subarray(14));
  }

  /** `timing`: interval min and max, latency, timeout. */
  #initiate(ok: boolean, peerType: number, peer: Uint8Array, ownType: number, timing: Uint8Array): number {
    const { randomAddress, publicAddress, options } = this.#controller;
    const interval = word(timing, 0);
    if (!ok || interval < 6 || interval > word(timing, 2)) return STATUS.INVALID_PARAMETERS;
    if (ownType === 1 && randomAddress === undefined) return STATUS.INVALID_PARAMETERS;
    if (this.#initiation !== undefined) return STATUS.COMMAND_DISALLOWED;
    if (this.#open.size >= options.connections) return 0x09;
    this.#initiation = {
      peerType,
      peer,
      ownType,
      ownAddress: ownType === 1 ? randomAddress! : publicAddress,
      intervalMs: interval * INTERVAL_MS,
      latency: word(timing, 4),
      timeoutMs: word(timing, 6) * TIMEOUT_MS,
    };
    return STATUS.SUCCESS;
  }

  #cancel(): number {
    if (this.#initiation === undefined) return STATUS.COMMAND_DISALLOWED;
    const { peerType, peer } = this.#initiation;
    this.#initiation = undefined;
    this.#afterAnswer.push(() => this.#connectionComplete(STATUS.UNKNOWN_CONNECTION, 0, 0, peerType, peer, undefined));
    return STATUS.SUCCESS;
  }

  /** As the central: returns the handle at the peripheral. */
  #connect(peripheral: EmulatedController): number {
    const { intervalMs, latency, timeoutMs, peer, peerType, ownAddress, ownType } = this.#initiation!;
    this.#initiation = undefined;
    const started = this.#controller.air.clock.now;
    const link: Link = { intervalMs, latency, timeoutMs, started, timer: undefined, over: false };
    const own = { handle: this.#freeHandle(), owner: this.#controller, queue: [], link } as unknown as Connection;
    const theirs = peripheral.connections;
    const other: Connection = { handle: theirs.#freeHandle(), owner: peripheral, queue: [], link, peer: own };
    own.peer = other;
    this.#open.set(own.handle, own);
    theirs.#open.set(other.handle, other);
    this.#connectionComplete(STATUS.SUCCESS, own.handle, 0, peerType, peer, link);
    theirs.#connectionComplete(STATUS.SUCCESS, other.handle, 1, ownType, ownAddress, link);
    return other.handle;
  }

  #connectionComplete(status: number, handle: number, role: number, type: number, peer: Uint8Array, link?: Link): void {
    const { intervalMs = 0, latency = 0, timeoutMs = 0 } = link ?? {};
    const enhanced = (this.#controller.leEventMask & (1 << (LE_EVENT.ENHANCED_CONNECTION_COMPLETE - 1))) !== 0;
    const timing = [...pair(intervalMs / INTERVAL_MS), ...pair(latency), ...pair(timeoutMs / TIMEOUT_MS), 0];
    const who = [status, ...pair(handle), role, type, ...peer];
    if (enhanced)
      this.#controller.leEvent(LE_EVENT.ENHANCED_CONNECTION_COMPLETE, [...who, ...new Uint8Array(12), ...timing]);
    else this.#controller.leEvent(LE_EVENT.CONNECTION_COMPLETE, [...who, ...timing]);
  }

  #disconnect(handle: number, reason: number): number {
    const connection = this.#open.get(handle);
    if (connection === undefined) return STATUS.UNKNOWN_CONNECTION;
    const { link, peer } = connection;
    this.#controller.later(link.intervalMs, () => {
      link.over = true;
      link.timer?.cancel();
      this.ended(connection, STATUS.TERMINATED_BY_LOCAL_HOST);
      peer.owner.connections.ended(peer, reason);
    });
    return STATUS.SUCCESS;
  }

  #update(p: Uint8Array): number {
    const connection = this.#open.get(word(p, 0));
    if (connection === undefined) return STATUS.UNKNOWN_CONNECTION;
    const { link } = connection;
    link.intervalMs = word(p, 2) * INTERVAL_MS;
    link.latency = word(p, 6);
    link.timeoutMs = word(p, 8) * TIMEOUT_MS;
    const timing = [...p.slice(2, 4), ...p.slice(6, 10)];
    for (const { owner, handle } of [connection, connection.peer])
      owner.later(link.intervalMs, () =>
        owner.leEvent(LE_EVENT.CONNECTION_UPDATE_COMPLETE, [0, ...pair(handle), ...timing]),
      );
    return STATUS.SUCCESS;
  }

  #features(p: Uint8Array): number {
    if (!this.#open.has(word(p, 0))) return STATUS.UNKNOWN_CONNECTION;
    this.#afterAnswer.push(() =>
      this.#controller.leEvent(LE_EVENT.READ_REMOTE_FEATURES_COMPLETE, [0, p[0]!, p[1]!, ...new Uint8Array(8)]),
    );
    return STATUS.SUCCESS;
  }

  #freeHandle(): number {
    let handle = FIRST_HANDLE;
    while (this.#open.has(handle)) handle++;
    return handle;
  }
}

/** The next connection event, when there is something to send. */
function schedule(connection: Connection): void {
  const { link, owner, peer } = connection;
  if (link.timer !== undefined || link.over) return;
  const since = owner.air.clock.now - link.started;
  link.timer = owner.air.clock.after(link.intervalMs - (since % link.intervalMs), () => {
    link.timer = undefined;
    if (link.over) return;
    for (const end of [connection, peer]) end.owner.connections.sendEvent(end);
    if (connection.queue.length > 0 || peer.queue.length > 0) schedule(connection);
  });
}

function word(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8);
}

function pair(value: number): [number, number] {
  return [value & 0xff, (value >> 8) & 0xff];
}
