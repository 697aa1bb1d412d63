import { type Clock, type Log, MemoryStore, SeededRandom, type Store } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { AccessLayer, type AccessLayerOptions } from '../access-layer.ts';
import type { Context } from '../contract.ts';
import { u8 } from '../fields.ts';
import { type MessageOf, message } from '../message.ts';
import { Model } from '../model.ts';
import { vendorOpcode } from '../opcode.ts';
import type { Link } from './link.ts';

/** A model of two messages for tests: a lamp that can be asked and set, and that answers. */
export const LampSet = message({
  name: 'Lamp Set',
  opcode: vendorOpcode(0x0059, 0x01),
  response: 'Lamp Status',
  source: 'test',
  fields: { level: u8({ max: 100 }) },
});
export const LampStatus = message({
  name: 'Lamp Status',
  opcode: vendorOpcode(0x0059, 0x02),
  source: 'test',
  fields: { level: u8() },
});
export type LampSet = MessageOf<typeof LampSet>;
export type LampStatus = MessageOf<typeof LampStatus>;

export const LABEL: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0x11 * i);

/** A lamp that notes what it was told, and answers if it is to. */
export class Lamp {
  readonly model: Model;
  readonly heard: { readonly level: number; readonly context: Context }[] = [];
  silent = false;

  constructor(spec: Partial<ConstructorParameters<typeof Model>[0]> = {}) {
    this.model = new Model({ id: 0x0059_0001, name: 'Lamp Server', ...spec });
    this.model.handle(LampSet, ({ level }, context) => {
      this.heard.push({ level, context });
      if (!this.silent) this.model.reply(context, LampStatus, { level });
    });
  }
}

/** A node of one element or more, joined to `link` when there is one. */
export function node(
  clock: Clock,
  address: number,
  elements: readonly (readonly Model[])[],
  more: NodeOptions = {},
): AccessLayer {
  const { link, store = new MemoryStore(), ...options } = more;
  const layer = new AccessLayer({
    clock,
    random: new SeededRandom(address),
    store,
    crypto: portableCrypto,
    address,
    identity: { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features: 0 },
    ...options,
  });
  for (const models of elements) layer.addElement(0x0100, models);
  layer.connect(link === undefined ? { defaultTtl: 5, send: () => () => {} } : link.join(layer));
  return layer;
}

export interface NodeOptions
  extends Partial<
    Pick<AccessLayerOptions, 'random' | 'deviceKeyOf' | 'profiles' | 'subscriptionListSize' | 'identity'>
  > {
  readonly link?: Link;
  readonly store?: Store;
  readonly log?: Log;
}
