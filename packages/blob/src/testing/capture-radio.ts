import { fromHex, MemoryStore, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type AccessReceived, NetworkLayer } from '@meshferry/network';
import { ScriptedAdvertising } from '../../../network/src/testing/scripted-advertising.ts';
import { LeastRandom } from './capture-client.ts';
import {
  type RecordedEvent,
  type RecordedMessage,
  type Recording,
  recordedEvents,
  recordedKeys,
  recordedMessages,
} from './capture-recording.ts';
import type { ServerReplayOptions } from './capture-server.ts';

/** AD type of a mesh message. */
const MESH_MESSAGE = 0x2a;

/** A node of ours with the keys and the address of a recorded one, which hears advertising events as they were on air. */
export class RecordedRadio {
  readonly #bearer: ScriptedAdvertising;

  constructor(name: Recording, clock: VirtualClock, address: number, receive: (message: AccessReceived) => void) {
    const { ivIndex, netKeys, appKeys } = recordedKeys(name);
    const network = new NetworkLayer({
      clock,
      random: new LeastRandom(),
      crypto: portableCrypto,
      store: new MemoryStore(),
      address,
      elements: 1,
      deviceKey: new Uint8Array(16),
      ivIndex,
      // In these recordings all servers subscribe to the group.
      host: { isSubscribed: (dst) => dst === 0xc000, labelsOf: () => [], deviceKeyOf: () => undefined, receive },
    });
    for (const { index, key } of netKeys) network.addNetKey(index, fromHex(key));
    for (const { index, key } of appKeys) network.addAppKey(index, 0, fromHex(key));
    this.#bearer = new ScriptedAdvertising(clock);
    network.attach(this.#bearer);
  }

  hear({ ad, p }: RecordedEvent): void {
    if (ad === MESH_MESSAGE) this.#bearer.hear(fromHex(p), ad);
  }
}

/** For a replay of servers: brings all events but those of their own device to the access layer, through the network layer. */
export function heardOnAir(
  name: Recording,
  clock: VirtualClock,
  address: number,
): NonNullable<ServerReplayOptions['onAir']> {
  const own = deviceOf(recordedMessages(name), address);
  return (access, until, arrived) => {
    const radio = new RecordedRadio(name, clock, address, (message) => {
      arrived(message);
      access.receive(message);
    });
    for (const event of recordedEvents(name)) {
      if (event.t / 1000 > until) break;
      clock.runUntil(event.t / 1000);
      if (event.d !== own) radio.hear(event);
    }
  };
}

/** Which events brought which message from a node to another: those of its device since the message before. */
class RecordedAir {
  readonly #groups = new Map<string, RecordedEvent[][]>();

  constructor(name: Recording, from: readonly number[], to: number) {
    const messages = recordedMessages(name);
    const events = recordedEvents(name);
    for (const node of from) {
      const device = deviceOf(messages, node);
      const clock = new VirtualClock();
      let group: RecordedEvent[] = [];
      const spy = new RecordedRadio(name, clock, to, ({ src, dst, payload }) => {
        if (src !== node || dst !== to) return;
        const key = keyOf(node, toHex(payload));
        this.#groups.set(key, [...(this.#groups.get(key) ?? []), group]);
        group = [];
      });
      for (const event of events) {
        if (event.d !== device) continue;
        clock.runUntil(event.t / 1000);
        group.push(event);
        spy.hear(event);
      }
    }
  }

  /** The events of the next message of this kind; none when all were used: it cannot be repeated, receivers would see that. */
  take(src: number, hex: string): readonly RecordedEvent[] | undefined {
    return this.#groups.get(keyOf(src, hex))?.shift();
  }
}

/** The device with this address. */
export function deviceOf(messages: readonly RecordedMessage[], node: number): number {
  const device = messages.find(({ src }) => src === node)?.device;
  if (device === undefined) throw new Error(`nothing was recorded of ${node}`);
  return device;
}

function keyOf(src: number, hex: string): string {
  return `${src} ${hex}`;
}

/**
 * For the answers of recorded peers: brings each to a node of ours as the PDUs that it was on air, under the recorded keys.
 * `repeated` collects those that are wanted more often than they were recorded.
 */
export function deliveredOnAir(
  name: Recording,
  clock: VirtualClock,
  from: readonly number[],
  to: number,
  receive: (message: AccessReceived) => void,
): { readonly deliver: (message: AccessReceived) => void; readonly repeated: string[] } {
  const air = new RecordedAir(name, from, to);
  const radio = new RecordedRadio(name, clock, to, receive);
  const repeated: string[] = [];
  const deliver = ({ src, payload }: AccessReceived): void => {
    const hex = toHex(payload);
    const events = air.take(src, hex);
    if (events === undefined) repeated.push(hex);
    for (const event of events ?? []) radio.hear(event);
  };
  return { deliver, repeated };
}
