import { MeshError, type Result, VirtualClock } from '@meshferry/core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Context } from './contract.ts';
import { Model } from './model.ts';
import { type Request, request } from './request.ts';
import { Link } from './testing/index.ts';
import { Lamp, LampSet, LampStatus, node } from './testing/lamp.ts';

let clock: VirtualClock;
let link: Link;
let lamp: Lamp;
let other: Lamp;
let client: Model;
let outcomes: { readonly at: number; readonly outcome: string }[];

const LAMP = 0x10;
const OTHER = 0x20;

beforeEach(() => {
  clock = new VirtualClock();
  link = new Link(clock, 10);
  lamp = new Lamp();
  other = new Lamp();
  client = new Model({ id: 0x0059_0002, name: 'Lamp Client' });
  client.handle(LampStatus);
  node(clock, LAMP, [[lamp.model]], { link });
  node(clock, OTHER, [[other.model]], { link });
  node(clock, 0x01, [[client]], { link });
  for (const model of [lamp.model, other.model, client]) model.bind(0);
  outcomes = [];
});

function ask(level: number, more: Partial<Request<{ level: number }, { level: number }>> = {}): () => void {
  return request(
    client,
    {
      type: LampSet,
      value: { level },
      to: { dst: LAMP },
      response: LampStatus,
      attempts: 3,
      intervalMs: 1000,
      ...more,
    },
    (outcome: Result<{ level: number }, MeshError>) =>
      outcomes.push({ at: clock.now, outcome: outcome.ok ? `level ${outcome.value.level}` : outcome.error.code }),
  );
}

describe('request', () => {
  it('gives the response, and asks no more', () => {
    ask(5);
    clock.advance(10_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['level 5']);
    expect(lamp.heard).toHaveLength(1);
  });

  it('repeats what got lost', () => {
    link.lose = 2;
    ask(5);
    clock.advance(10_000);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]?.at).toBeGreaterThan(2 * 1010);
    expect(lamp.heard).toHaveLength(1);
  });

  it('gives up after the last interval', () => {
    lamp.silent = true;
    ask(5);
    clock.advance(10_000);
    expect(outcomes).toEqual([{ at: 3 * 1010, outcome: 'no-response' }]);
    expect(lamp.heard).toHaveLength(3);
  });

  it('takes no answer from another element, or of another request', () => {
    lamp.silent = true;
    ask(5, { attempts: 1, matches: (status: { level: number }) => status.level === 5 });
    client.send(LampSet, { level: 5 }, { dst: OTHER });
    clock.advance(500);
    expect(other.heard).toHaveLength(1);
    expect(outcomes).toEqual([]);
    const context = lamp.heard[0]?.context as Context;
    lamp.model.reply(context, LampStatus, { level: 4 });
    clock.advance(100);
    expect(outcomes).toEqual([]);
    lamp.model.reply(context, LampStatus, { level: 5 });
    clock.advance(100);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['level 5']);
  });

  it('takes the first answer of a group', () => {
    for (const { model } of [lamp, other]) model.subscribe(0xc001);
    ask(8, { to: { dst: 0xc001 } });
    clock.advance(10_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['level 8']);
    expect(lamp.heard.length + other.heard.length).toBe(2);
  });

  it('tries again when a segmented message was not acknowledged, and gives up at once when no attempt can help', () => {
    link.failure = new MeshError('segmented-timeout', 'no acknowledgment');
    ask(5);
    clock.advance(500);
    link.failure = undefined;
    clock.advance(10_000);
    link.failure = new MeshError('no-key', 'AppKey 0 is not known');
    ask(6);
    clock.advance(20);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['level 5', 'no-key']);
    link.failure = undefined;
    ask(6, { to: { dst: LAMP, appIndex: 7 } });
    clock.advance(1);
    expect(outcomes.at(-1)?.outcome).toBe('key-not-bound');
  });

  it('ends once when cancelled, before or after its answer', () => {
    const cancel = ask(5);
    cancel();
    cancel();
    expect(outcomes).toEqual([{ at: 0, outcome: 'cancelled' }]);
    clock.advance(10_000);
    const late = ask(6);
    clock.advance(10_000);
    late();
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['cancelled', 'level 6']);
  });

  it('wants the response declared, and leaves nothing behind when it cannot send', () => {
    expect(() => ask(5, { response: LampSet })).toThrow('Lamp Client does not receive Lamp Set');
    expect(() => ask(200)).toThrow('level: 200 is not in 0 to 100');
    client.send(LampSet, { level: 3 }, { dst: LAMP });
    clock.advance(10_000);
    expect(outcomes).toEqual([]);
  });
});
