import {
  type Bearer,
  type GattCentral,
  type GattLink,
  type GattOffer,
  type GattPeripheral,
  type GattService,
  MESH_PROXY_SERVICE,
} from '@meshferry/bearer';
import { type Cancel, MeshError, toHex } from '@meshferry/core';
import type { Stage } from './stage.ts';

export type Central = Bearer & { readonly central: GattCentral };
export type Peripheral = Bearer & { readonly peripheral: GattPeripheral };

export const PROXY = 0x1828;

/** One end of a link, and what it was told. */
export interface LinkEnd {
  readonly link: GattLink;
  readonly received: readonly Uint8Array[];
  /** Whether it was told that the link has ended. */
  readonly hasEnded: boolean;
}

/** How one value ended: nothing yet, taken, or the code of an error. */
export interface ValueRecord {
  readonly outcomes: (string | undefined)[];
}

/** Takes the events of a link, and watches that they come as they must. */
export function watch(stage: Stage, link: GattLink, then?: (value: Uint8Array) => void): LinkEnd {
  const received: Uint8Array[] = [];
  let ended = 0;
  link.listen({
    received: (value) => {
      if (ended > 0) stage.violated('a value came after the link was told to have ended');
      received.push(value); // and looked at later: it must stay as it is
      then?.(value);
    },
    disconnected: () => {
      if (++ended > 1) stage.violated(`the end of a link was told ${ended} times`);
    },
  });
  return {
    link,
    received,
    get hasEnded() {
      return ended > 0;
    },
  };
}

/** Sends a value, and watches that `done` comes once, not before `send` returned. */
export function sendValue(stage: Stage, link: GattLink, value: Uint8Array, then?: () => void): ValueRecord {
  const outcomes: (string | undefined)[] = [];
  let returned = false;
  link.send(value, (error) => {
    outcomes.push(error?.code);
    if (!returned) stage.violated('done was called before the send of a value returned');
    if (outcomes.length > 1) stage.violated(`done was called ${outcomes.length} times for one value`);
    then?.();
  });
  returned = true;
  return { outcomes };
}

/** How connecting ended. */
export interface ConnectRecord {
  readonly outcomes: (LinkEnd | MeshError)[];
  readonly cancel: Cancel;
}

/** Connects, and watches that `done` comes once, not before `connect` returned, not once cancelled. */
export function connect(
  stage: Stage,
  central: GattCentral,
  peer: string,
  { service = MESH_PROXY_SERVICE, then }: { service?: GattService; then?: (end: LinkEnd) => void } = {},
): ConnectRecord {
  const outcomes: (LinkEnd | MeshError)[] = [];
  let [returned, cancelled] = [false, false];
  const inner = central.connect(peer, service, (outcome) => {
    if (!returned) stage.violated('done was called before connect returned');
    if (cancelled) stage.violated('done was called once connecting was cancelled');
    const end = outcome instanceof MeshError ? outcome : watch(stage, outcome);
    outcomes.push(end);
    if (outcomes.length > 1) stage.violated(`done was called ${outcomes.length} times for one connect`);
    if (!(end instanceof MeshError)) then?.(end);
  });
  returned = true;
  return {
    outcomes,
    cancel: () => {
      cancelled ||= outcomes.length === 0;
      inner();
    },
  };
}

/** Connects, and waits for the link. */
export async function connected(stage: Stage, central: GattCentral, peer: string): Promise<LinkEnd> {
  const { outcomes } = connect(stage, central, peer);
  await stage.until(() => outcomes.length > 0, stage.gatt.connectMs, 'connecting ends');
  const outcome = outcomes[0]!;
  if (outcome instanceof MeshError) return stage.fail(`connecting ended with ${outcome.code}: ${outcome.message}`);
  return outcome;
}

/** Connects in vain, and waits for the error. */
export async function refused(stage: Stage, central: GattCentral, peer: string, service?: GattService): Promise<void> {
  const { outcomes } = connect(stage, central, peer, service === undefined ? {} : { service });
  await stage.until(() => outcomes.length > 0, stage.gatt.connectMs, 'connecting in vain ends');
  const outcome = outcomes[0]!;
  const code = outcome instanceof MeshError ? outcome.code : 'a link';
  stage.expect(code === 'connect-failed', `connecting in vain ended with ${code} instead of connect-failed`);
}

/** What peripherals show here: 9 octets like those of a proxy, of which `number` is one. */
export function offer(stage: Stage, number: number): GattOffer {
  const data = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, number);
  return { service: PROXY, data, intervalMs: stage.gatt.intervalMs, privateAddress: false };
}

/** Waits until the offer is heard; who made it. */
export async function find(stage: Stage, central: GattCentral, { service, data }: GattOffer): Promise<string> {
  let peer: string | undefined;
  const stop = central.discover([service as number], (found) => {
    if (toHex(found.data) === toHex(data)) peer = found.peer;
  });
  await stage.until(() => peer !== undefined, stage.gatt.connectMs, 'an offer is discovered');
  stop();
  return peer!;
}

/** A peripheral that shows itself and takes clients. */
export interface Server {
  readonly bearer: Peripheral;
  readonly offer: GattOffer;
  readonly ends: readonly LinkEnd[];
  readonly unserve: Cancel;
  readonly unadvertise: Cancel;
}

/** `greet` is called with each link at once, as it is handed over. */
export async function serve(stage: Stage, number: number, greet?: (link: GattLink) => void): Promise<Server> {
  const bearer = (await stage.open('peripheral')) as Peripheral;
  const ends: LinkEnd[] = [];
  const unserve = bearer.peripheral.serve(MESH_PROXY_SERVICE, (link) => {
    ends.push(watch(stage, link));
    greet?.(link);
  });
  const shown = offer(stage, number);
  return { bearer, offer: shown, ends, unserve, unadvertise: bearer.peripheral.advertise(shown) };
}

export async function openCentral(stage: Stage): Promise<Central> {
  return (await stage.open('central')) as Central;
}

/** Both ends of an open link. */
export interface Linked {
  readonly central: Central;
  readonly server: Server;
  readonly peer: string;
  readonly client: LinkEnd;
  readonly served: LinkEnd;
}

export async function linked(stage: Stage): Promise<Linked> {
  const server = await serve(stage, 1);
  const central = await openCentral(stage);
  const peer = await find(stage, central.central, server.offer);
  return { central, server, peer, ...(await join(stage, central, server, peer)) };
}

/** Another link of a central to a server; both ends. */
export async function join(
  stage: Stage,
  { central }: Central,
  { ends }: Server,
  peer: string,
): Promise<{ readonly client: LinkEnd; readonly served: LinkEnd }> {
  const before = ends.length;
  const client = await connected(stage, central, peer);
  await stage.until(() => ends.length > before, stage.gatt.connectMs, 'the server gets the link');
  return { client, served: ends[before]! };
}

/** A value that can be told from others by its number. */
export function value(number: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i === 0 ? number : i === 1 ? number >> 8 : number * 5 + i));
}

/** Sends values one after the other is taken, and waits until they have arrived as they were sent, in order. */
export async function carries(stage: Stage, from: LinkEnd, to: LinkEnd, values: readonly Uint8Array[]): Promise<void> {
  const before = to.received.length;
  for (const octets of values) {
    const { outcomes } = sendValue(stage, from.link, octets);
    await stage.until(() => outcomes.length > 0, stage.gatt.latencyMs, `a value of ${octets.length} octets is taken`);
    stage.expect(outcomes[0] === undefined, `a value of ${octets.length} octets ended with ${outcomes[0]}`);
  }
  const all = () => to.received.length >= before + values.length;
  await stage.until(all, stage.gatt.latencyMs, `${values.length} values arrive`);
  stage.expect(sameValues(to.received.slice(before), values), 'values did not arrive as they were sent, in order');
}

export function sameValues(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((octets, i) => toHex(octets) === toHex(b[i]!));
}
