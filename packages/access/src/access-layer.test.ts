import { ALL_NODES, ALL_RELAYS, MemoryStore, VirtualClock } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import type { AccessReceived } from '@meshferry/network';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AccessLayer } from './access-layer.ts';
import { Model } from './model.ts';
import { LABEL, Lamp, LampSet, LampStatus, node } from './testing/lamp.ts';

const GROUP = 0xc001;
const virtual = virtualAddress(portableCrypto, LABEL);

let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});

/** Hands a Lamp Set to the layer, as the network layer would. */
function set(layer: AccessLayer, dst: number, more: Partial<AccessReceived> = {}): void {
  layer.receive({
    src: 0x0001,
    dst,
    key: { kind: 'app', index: 0 },
    netIndex: 0,
    credentials: 'flooding',
    ttl: 5,
    seq: 1,
    payload: LampSet.encode({ level: 7 }),
    ...more,
  });
}

describe('delivery', () => {
  it('goes to the model of the element addressed, with all that a reply needs', () => {
    const lamps = [new Lamp(), new Lamp()] as const;
    const layer = node(clock, 0x10, [[lamps[0].model], [lamps[1].model]]);
    for (const { model } of lamps) model.bind(0);
    set(layer, 0x11, { rssi: -70, netIndex: 3, ttl: 2 });
    expect(lamps[0].heard).toEqual([]);
    expect(lamps[1].heard).toEqual([
      {
        level: 7,
        context: {
          src: 1,
          dst: 0x11,
          element: 0x11,
          key: { kind: 'app', index: 0 },
          netIndex: 3,
          credentials: 'flooding',
          ttl: 2,
          rssi: -70,
        },
      },
    ]);
    expect(layer.counters).toEqual({ received: 1, delivered: 1, ignored: 0, malformed: 0 });
  });

  it('wants the key bound to the model', () => {
    const lamp = new Lamp();
    const layer = node(clock, 0x10, [[lamp.model]]);
    set(layer, 0x10);
    lamp.model.bind(1);
    set(layer, 0x10);
    set(layer, 0x10, { key: { kind: 'device', node: 0x10 } });
    expect(lamp.heard).toHaveLength(0);
    set(layer, 0x10, { key: { kind: 'app', index: 1 } });
    expect(lamp.heard).toHaveLength(1);
    lamp.model.unbind(1);
    set(layer, 0x10, { key: { kind: 'app', index: 1 } });
    expect(lamp.heard).toHaveLength(1);
    expect(layer.counters.ignored).toBe(4);
  });

  it('gives a server only what came under the device key of its own node', () => {
    const lamp = new Lamp({ security: 'device' });
    const layer = node(clock, 0x10, [[lamp.model]]);
    lamp.model.bind(0);
    set(layer, 0x10);
    set(layer, 0x10, { key: { kind: 'device', node: 0x01 } });
    expect(lamp.heard).toHaveLength(0);
    set(layer, 0x10, { key: { kind: 'device', node: 0x10 } });
    expect(lamp.heard).toHaveLength(1);
  });

  it('gives a client what came under the device key of the node that sent it', () => {
    const lamp = new Lamp({ security: 'peer-device' });
    const layer = node(clock, 0x10, [[lamp.model], []]);
    set(layer, 0x10, { key: { kind: 'device', node: 0x10 } });
    expect(lamp.heard).toHaveLength(0);
    set(layer, 0x10, { key: { kind: 'device', node: 0x01 } });
    set(layer, 0x10, { src: 0x11, key: { kind: 'device', node: 0x10 } });
    expect(lamp.heard).toHaveLength(2);
  });

  it('reaches, by a group, all elements with a model that subscribes to it', () => {
    const lamps = [new Lamp(), new Lamp(), new Lamp()] as const;
    const layer = node(
      clock,
      0x10,
      lamps.map(({ model }) => [model]),
    );
    for (const { model } of lamps) model.bind(0);
    expect(layer.isSubscribed(GROUP)).toBe(false);
    lamps[0].model.subscribe(GROUP);
    lamps[2].model.subscribe(GROUP);
    expect(layer.isSubscribed(GROUP)).toBe(true);
    set(layer, GROUP);
    expect(lamps.map(({ heard }) => heard.map(({ context }) => context.element))).toEqual([[0x10], [], [0x12]]);
    lamps[0].model.unsubscribe(GROUP);
    expect(layer.isSubscribed(GROUP)).toBe(true);
    lamps[2].model.unsubscribe(GROUP);
    expect(layer.isSubscribed(GROUP)).toBe(false);
  });

  it('tells virtual addresses apart by their label, not by their 16 bits', () => {
    const lamp = new Lamp();
    const layer = node(clock, 0x10, [[lamp.model]]);
    lamp.model.bind(0);
    lamp.model.subscribe(LABEL);
    expect(layer.isSubscribed(virtual)).toBe(true);
    expect(layer.labelsOf(virtual)).toEqual([LABEL]);
    expect(layer.labelsOf(GROUP)).toEqual([]);
    set(layer, virtual, { label: new Uint8Array(16) });
    set(layer, virtual);
    expect(lamp.heard).toHaveLength(0);
    set(layer, virtual, { label: LABEL });
    expect(lamp.heard[0]?.context.label).toEqual(LABEL);
    lamp.model.unsubscribe(LABEL);
    expect(layer.isSubscribed(virtual)).toBe(false);
  });

  it('reaches by a fixed group the primary element alone, all-nodes always, others while the feature is on', () => {
    const lamps = [new Lamp(), new Lamp()] as const;
    const layer = node(
      clock,
      0x10,
      lamps.map(({ model }) => [model]),
    );
    for (const { model } of lamps) model.bind(0);
    const heard = (): number[] => lamps.map(({ heard }) => heard.length);
    set(layer, ALL_NODES);
    expect(heard()).toEqual([1, 0]);
    set(layer, ALL_RELAYS);
    expect(heard()).toEqual([1, 0]);
    layer.setFeature('relay', true);
    expect(layer.isSubscribed(ALL_RELAYS)).toBe(true);
    set(layer, ALL_RELAYS);
    expect(heard()).toEqual([2, 0]);
    layer.setFeature('relay', false);
    lamps[1].model.subscribe(ALL_RELAYS);
    set(layer, ALL_RELAYS);
    expect(heard()).toEqual([2, 1]);
  });

  it('drops what is no message: unknown and cut opcodes silently, malformed ones counted and logged', () => {
    const lamp = new Lamp();
    const logged: unknown[] = [];
    const layer = node(clock, 0x10, [[lamp.model]], { log: (...line) => logged.push(line) });
    lamp.model.bind(0);
    for (const payload of [[], [0x7f, 1], [0x80], [0x80, 0xff], [0xc1, 0x59]]) {
      set(layer, 0x10, { payload: Uint8Array.from(payload) });
    }
    expect(layer.counters).toEqual({ received: 5, delivered: 0, ignored: 5, malformed: 0 });
    expect(logged).toEqual([]);
    set(layer, 0x10, { payload: Uint8Array.of(0xc1, 0x59, 0x00, 101) });
    expect(layer.counters).toMatchObject({ ignored: 5, malformed: 1 });
    expect(logged).toEqual([
      [
        'debug',
        'malformed Lamp Set dropped',
        { src: 1, message: 'Lamp Set', field: 'level', offset: 3, reason: '101 is not in 0 to 100' },
      ],
    ]);
    expect(lamp.heard).toHaveLength(0);
  });

  it('never throws on received octets', () => {
    const lamp = new Lamp();
    const layer = node(clock, 0x10, [[lamp.model]]);
    lamp.model.bind(0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 380 }), fc.integer({ min: 1, max: 0xffff }), (payload, dst) => {
        set(layer, dst, { payload });
        set(layer, 0x10, { payload: Uint8Array.of(0xc1, 0x59, 0x00, ...payload) });
      }),
    );
    const { received, delivered, ignored, malformed } = layer.counters;
    expect(delivered + ignored + malformed).toBe(received);
  });
});

describe('elements', () => {
  it('refuse two models that receive the same message', () => {
    expect(() => node(clock, 0x10, [[new Lamp().model, new Lamp({ id: 0x0059_0002, name: 'Twin' }).model]])).toThrow(
      'Lamp Server and Twin both receive Lamp Set',
    );
  });

  it('refuse the same model twice, a model without its base, and additions to a running node', () => {
    const base = new Model({ id: 0x1400, name: 'Base' });
    expect(() => node(clock, 0x10, [[base, new Model({ id: 0x1400, name: 'Base' })]])).toThrow(
      'stands on the element twice',
    );
    const lamp = new Lamp({ extends: [new Model({ id: 0x1401, name: 'Root' })] });
    expect(() => node(clock, 0x10, [[lamp.model]])).toThrow('Lamp Server extends Root, which is on no element');
    const layer = node(clock, 0x10, [[]]);
    expect(() => layer.addElement(0, [])).toThrow('cannot be added to a running node');
    expect(() => node(clock, 0x7fff, [[], []])).toThrow('no room for element 1');
  });

  it('show in Composition Data Page 0 in their order, SIG models before vendor models', () => {
    const layer = node(clock, 0x10, [
      [new Model({ id: 0x1400, name: 'A' }), new Lamp().model],
      [new Model({ id: 2, name: 'H' })],
    ]);
    expect(layer.composition.elements).toEqual([
      { location: 0x0100, sigModels: [0x1400], vendorModels: [0x0059_0001] },
      { location: 0x0100, sigModels: [2], vendorModels: [] },
    ]);
    expect(layer.compositionPage0()).toEqual(
      Uint8Array.from(Buffer.from('590001000200200000000001010100145900010000010100' + '0200', 'hex')),
    );
  });
});

describe('extension', () => {
  it('shares one Subscription List among all models connected on an element, however they hang together', () => {
    const root = new Model({ id: 0x1000, name: 'Root' });
    const left = new Model({ id: 0x1001, name: 'Left', extends: [root] });
    const right = new Model({ id: 0x1002, name: 'Right', extends: [root] });
    const top = new Model({ id: 0x1003, name: 'Top', extends: [left] });
    const alone = new Model({ id: 0x1004, name: 'Alone' });
    const elsewhere = new Model({ id: 0x1000, name: 'Elsewhere' });
    node(clock, 0x10, [[top, alone, right, root, left], [elsewhere]]);
    top.subscribe(GROUP);
    right.subscribe(LABEL);
    right.subscribe(GROUP);
    for (const model of [root, left, right, top]) {
      expect(model.subscriptions, model.name).toEqual([{ address: GROUP }, { address: virtual, label: LABEL }]);
    }
    expect(alone.subscriptions).toEqual([]);
    expect(elsewhere.subscriptions).toEqual([]);
    root.unsubscribe(GROUP);
    expect(top.subscriptions).toEqual([{ address: virtual, label: LABEL }]);
  });

  it('leaves bindings to each model', () => {
    const root = new Model({ id: 0x1000, name: 'Root' });
    const top = new Model({ id: 0x1001, name: 'Top', extends: [root] });
    node(clock, 0x10, [[root, top]]);
    top.bind(4);
    top.bind(2);
    top.bind(4);
    expect(top.appKeys).toEqual([2, 4]);
    expect(root.appKeys).toEqual([]);
  });
});

describe('what a power cut leaves', () => {
  it('is every binding and subscription', () => {
    const store = new MemoryStore();
    const build = (): { layer: AccessLayer; lamp: Lamp; base: Model } => {
      const base = new Model({ id: 0x1400, name: 'Base' });
      const lamp = new Lamp({ extends: [base] });
      return { layer: node(clock, 0x10, [[], [base, lamp.model]], { store }), lamp, base };
    };
    const before = build();
    before.lamp.model.bind(5);
    before.lamp.model.bind(6);
    before.lamp.model.unbind(6);
    before.base.subscribe(GROUP);
    before.base.subscribe(0xc002);
    before.base.subscribe(LABEL);
    before.base.unsubscribe(0xc002);

    const { layer, lamp, base } = build();
    expect(lamp.model.appKeys).toEqual([5]);
    expect(base.appKeys).toEqual([]);
    expect(lamp.model.subscriptions).toEqual([{ address: GROUP }, { address: virtual, label: LABEL }]);
    expect(layer.isSubscribed(GROUP)).toBe(true);
    expect(layer.labelsOf(virtual)).toEqual([LABEL]);
    set(layer, GROUP, { key: { kind: 'app', index: 5 } });
    set(layer, virtual, { key: { kind: 'app', index: 5 }, label: LABEL });
    expect(lamp.heard).toHaveLength(2);
  });

  it('is the state before a change that the store refused, in memory as well', () => {
    const store = new MemoryStore();
    const lamp = new Lamp();
    const layer = node(clock, 0x10, [[lamp.model]], { store });
    store.batch = () => {
      throw new Error('disk full');
    };
    expect(() => lamp.model.bind(1)).toThrow('disk full');
    expect(() => lamp.model.subscribe(GROUP)).toThrow('disk full');
    expect(lamp.model.appKeys).toEqual([]);
    expect(lamp.model.subscriptions).toEqual([]);
    expect(layer.isSubscribed(GROUP)).toBe(false);
  });

  it('leaves no record of what was undone', () => {
    const store = new MemoryStore();
    const lamp = new Lamp();
    node(clock, 0x10, [[lamp.model]], { store });
    lamp.model.bind(1);
    lamp.model.subscribe(GROUP);
    const records = (): string[] => store.keys('').filter((key) => !/^(composition|metadata)\//.test(key));
    expect(records()).toHaveLength(2);
    lamp.model.unbind(1);
    lamp.model.unsubscribe(GROUP);
    expect(records()).toEqual([]);
  });
});

it('ties a listener to a message that the model receives', () => {
  const lamp = new Lamp();
  expect(() => lamp.model.listen(LampStatus, () => {})).toThrow('Lamp Server does not receive Lamp Status');
});
