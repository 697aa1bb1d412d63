import { MeshError, VirtualClock } from '@meshferry/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { Model } from './model.ts';
import { Link } from './testing/index.ts';
import { LABEL, Lamp, LampSet, LampStatus, node } from './testing/lamp.ts';

const GROUP = 0xc001;
let clock: VirtualClock;
let link: Link;
let lamp: Lamp;
let client: Model;
let answers: { readonly at: number; readonly src: number; readonly ttl: number; readonly key: unknown }[];

beforeEach(() => {
  clock = new VirtualClock();
  link = new Link(clock, 0);
  lamp = new Lamp();
  client = new Model({ id: 0x0059_0002, name: 'Lamp Client' });
  answers = [];
  client.handle(LampStatus, (_, { src, ttl, key }) => answers.push({ at: clock.now, src, ttl, key }));
  node(clock, 0x10, [[], [lamp.model]], { link });
  node(clock, 0x01, [[client]], { link });
  lamp.model.bind(0);
  lamp.model.bind(1);
  lamp.model.subscribe(GROUP);
  lamp.model.subscribe(LABEL);
  client.bind(1);
  client.bind(0);
});

/** When answers to many requests came, counted from the request. */
function delays(dst: number, label?: Uint8Array): number[] {
  return Array.from({ length: 200 }, () => {
    const start = clock.now;
    client.send(LampSet, { level: 1 }, { dst, ...(label === undefined ? {} : { label }) });
    clock.advance(1000);
    return (answers.at(-1)?.at ?? 0) - start;
  });
}

describe('reply', () => {
  it('comes from the element that was asked, under the same key', () => {
    client.send(LampSet, { level: 1 }, { dst: 0x11, appIndex: 1, netIndex: 4 });
    clock.advance(1000);
    expect(answers).toMatchObject([{ src: 0x11, key: { kind: 'app', index: 1 } }]);
    expect(link.sent[1]).toMatchObject({ src: 0x11, dst: 0x01, netIndex: 4, key: { kind: 'app', index: 1 } });
  });

  it('waits 20 to 50 ms for a unicast request, 20 to 500 ms for a group or virtual one', () => {
    for (const [all, longest] of [
      [delays(0x11), 50],
      [delays(GROUP), 500],
      [delays(0x8000, LABEL), 500],
    ] as const) {
      expect(answers.length % 200).toBe(0);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(20);
      expect(Math.min(...all)).toBeLessThan(20 + (longest - 20) / 10);
      expect(Math.max(...all)).toBeLessThanOrEqual(longest);
      expect(Math.max(...all)).toBeGreaterThan(longest - (longest - 20) / 10);
    }
  });

  it('is not relayed when the request was not to be', () => {
    client.send(LampSet, { level: 1 }, { dst: 0x11, ttl: 0 });
    client.send(LampSet, { level: 1 }, { dst: 0x11, ttl: 3 });
    clock.advance(1000);
    expect(answers.map(({ ttl }) => ttl).sort()).toEqual([0, 5]);
  });

  it('can be told another TTL and delay', () => {
    lamp.silent = true;
    client.send(LampSet, { level: 1 }, { dst: 0x11, ttl: 0 });
    clock.advance(100);
    const context = lamp.heard[0]?.context;
    if (context === undefined) throw new Error('not heard');
    lamp.model.reply(context, LampStatus, { level: 3 }, { ttl: 7, delayMs: 1500 });
    clock.advance(1499);
    expect(answers).toEqual([]);
    clock.advance(2);
    expect(answers).toMatchObject([{ ttl: 7 }]);
  });

  it('can be told how often and how fast its PDUs go out', () => {
    lamp.silent = true;
    client.send(LampSet, { level: 1 }, { dst: 0x11 });
    clock.advance(100);
    const context = lamp.heard[0]?.context;
    if (context === undefined) throw new Error('not heard');
    const onAir = { sar: { segmentIntervalStep: 0 }, transmit: { count: 2, intervalMs: 20 } };
    lamp.model.reply(context, LampStatus, { level: 3 }, onAir);
    clock.advance(100);
    expect(link.sent.at(-1)).toMatchObject(onAir);
  });

  it('can be cancelled until it leaves, and says so', () => {
    lamp.silent = true;
    client.send(LampSet, { level: 1 }, { dst: 0x11 });
    clock.advance(100);
    const context = lamp.heard[0]?.context;
    if (context === undefined) throw new Error('not heard');
    const outcomes: (string | undefined)[] = [];
    const cancel = lamp.model.reply(context, LampStatus, { level: 3 }, {}, (error) => outcomes.push(error?.code));
    cancel();
    cancel();
    clock.advance(1000);
    expect(outcomes).toEqual(['cancelled']);
    expect(answers).toEqual([]);
  });
});

describe('send', () => {
  it('takes the bound AppKey of the lowest index by default', () => {
    client.send(LampSet, { level: 1 }, { dst: 0x11 });
    expect(link.sent[0]?.key).toEqual({ kind: 'app', index: 0 });
  });

  it('takes a device key when it is named', () => {
    client.send(LampSet, { level: 1 }, { dst: 0x11, deviceKeyOf: 0x10 });
    expect(link.sent[0]).toEqual({
      src: 1,
      dst: 0x11,
      key: { kind: 'device', node: 0x10 },
      payload: LampSet.encode({ level: 1 }),
    });
  });

  it('reports an AppKey that is not bound, later and not by throwing', () => {
    const outcomes: (string | undefined)[] = [];
    client.send(LampSet, { level: 1 }, { dst: 0x11, appIndex: 9 }, (error) => outcomes.push(error?.message));
    client.unbind(0);
    client.unbind(1);
    client.send(LampSet, { level: 1 }, { dst: 0x11 }, (error) => outcomes.push(error?.code));
    expect(outcomes).toEqual([]);
    clock.advance(1);
    expect(outcomes).toEqual(['AppKey 9 not bound to Lamp Client', 'key-not-bound']);
    expect(link.sent).toEqual([]);
  });

  it('logs a failure that nobody asked about', () => {
    const logged: unknown[] = [];
    const model = new Model({ id: 1, name: 'Sender' });
    node(clock, 0x30, [[model]], { link, log: (...line) => logged.push(line) });
    model.bind(0);
    link.failure = new MeshError('segmented-timeout', 'nobody acknowledged');
    model.send(LampSet, { level: 1 }, { dst: 0x11 });
    clock.advance(10);
    expect(logged).toEqual([
      ['debug', 'Sender: message not sent', { code: 'segmented-timeout', message: 'nobody acknowledged' }],
    ]);
  });

  it('throws for a value that the message cannot hold', () => {
    expect(() => client.send(LampSet, { level: 101 }, { dst: 0x11 })).toThrow('level: 101 is not in 0 to 100');
  });
});

describe('model', () => {
  it('stands on no element at first', () => {
    const model = new Model({ id: 1, name: 'Loose' });
    for (const use of [() => model.element, () => model.bind(0), () => model.send(LampSet, { level: 1 }, { dst: 1 })]) {
      expect(use).toThrow('Loose is on no element yet');
    }
  });

  it('is complete when it is put on an element, and stands on one alone', () => {
    expect(client.element).toBe(0x01);
    expect(() => client.handle(LampSet)).toThrow('Lamp Client is on an element already');
    expect(() => node(clock, 0x20, [[client]])).toThrow('Lamp Client is on an element already');
    expect(() => {
      const model = new Model({ id: 1, name: 'Twice' });
      model.handle(LampSet);
      model.handle(LampSet);
    }).toThrow('Twice handles Lamp Set already');
  });

  it('subscribes to groups and labels alone', () => {
    for (const address of [0x0000, 0x0005, 0x8001, 0xffff]) {
      expect(() => lamp.model.subscribe(address)).toThrow('a model cannot subscribe to');
    }
    expect(() => lamp.model.subscribe(new Uint8Array(15))).toThrow();
    expect(lamp.model.subscriptions).toHaveLength(2);
  });

  it('tells a message only to those who listened when it came', () => {
    const order: string[] = [];
    const model = new Model({ id: 3, name: 'Ear' });
    model.handle(LampSet);
    const leave = model.listen(LampSet, ({ level }) => {
      order.push(`first ${level}`);
      leave();
      model.listen(LampSet, ({ level }) => order.push(`second ${level}`));
    });
    node(clock, 0x40, [[model]], { link });
    model.bind(0);
    client.send(LampSet, { level: 4 }, { dst: 0x40 });
    clock.advance(10);
    client.send(LampSet, { level: 5 }, { dst: 0x40 });
    clock.advance(10);
    expect(order).toEqual(['first 4', 'second 5']);
  });

  it('tells listeners before the handler, until they leave', () => {
    const order: string[] = [];
    const model = new Model({ id: 3, name: 'Ear' });
    model.handle(LampSet, () => order.push('handler'));
    const leave = model.listen(LampSet, ({ level }) => order.push(`listener ${level}`));
    node(clock, 0x40, [[model]], { link });
    model.bind(0);
    client.send(LampSet, { level: 4 }, { dst: 0x40 });
    clock.advance(10);
    leave();
    client.send(LampSet, { level: 5 }, { dst: 0x40 });
    clock.advance(10);
    expect(order).toEqual(['listener 4', 'handler', 'handler']);
  });
});

describe('priority', () => {
  it('is that of the model for what it sends of itself, unless the message has its own; answers are interactive', () => {
    const bulk = new Model({ id: 0x0059_0003, name: 'Bulk Client', priority: 'bulk' });
    const server = new Lamp({ id: 0x0059_0004, priority: 'bulk' });
    node(clock, 0x20, [[bulk], [server.model]], { link });
    bulk.bind(0);
    server.model.bind(0);
    bulk.send(LampSet, { level: 1 }, { dst: 0x11 });
    bulk.send(LampSet, { level: 2 }, { dst: 0x11, priority: 'interactive' });
    client.send(LampSet, { level: 3 }, { dst: 0x21, appIndex: 0 });
    clock.advance(1000);
    const priorities = link.sent.map(({ src, priority }) => [src, priority ?? 'interactive']);
    expect(priorities.slice(0, 3)).toEqual([
      [0x20, 'bulk'],
      [0x20, 'interactive'],
      [0x01, 'interactive'],
    ]);
    expect(priorities).toContainEqual([0x21, 'interactive']);
    expect(priorities).not.toContainEqual([0x21, 'bulk']);
  });
});
