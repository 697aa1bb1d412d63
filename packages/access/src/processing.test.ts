import { type MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { Context } from './contract.ts';
import { Model, type ModelSecurity } from './model.ts';
import { Lamp, LampSet, LampStatus, node } from './testing/lamp.ts';
import { Link } from './testing/link.ts';

const UNDER_APP_KEY: Context = {
  src: 0x0001,
  dst: 0x0010,
  key: { kind: 'app', index: 0 },
  netIndex: 0,
  credentials: 'flooding',
  ttl: 5,
  element: 0x0010,
};
const dim = LampSet.encode({ level: 7 });

describe('a message inside of another one', () => {
  it('reaches the model of the element it names, and its answer is captured', () => {
    const clock = new VirtualClock();
    const link = new Link(clock);
    const lamp = new Lamp();
    const layer = node(clock, 0x0010, [[], [lamp.model]], { link });
    lamp.model.bind(0);
    const answers: Uint8Array[] = [];
    const outcome = layer.process(0x0011, dim, { ...UNDER_APP_KEY, rssi: -40 }, (answer) => answers.push(answer) > 0);
    expect(outcome).toBe('processed');
    expect(answers).toEqual([LampStatus.encode({ level: 7 })]);
    expect(lamp.heard[0]?.context).toMatchObject({ src: 0x0001, dst: 0x0011, element: 0x0011, rssi: -40 });
    clock.advance(1000);
    expect(link.sent).toEqual([]);
  });

  it('is answered on air when its answer is not captured', () => {
    const clock = new VirtualClock();
    const link = new Link(clock);
    const lamp = new Lamp();
    const layer = node(clock, 0x0010, [[lamp.model]], { link });
    lamp.model.bind(0);
    layer.process(0x0010, dim, UNDER_APP_KEY, () => false);
    clock.advance(1000);
    expect(link.sent).toMatchObject([{ src: 0x0010, dst: 0x0001, key: UNDER_APP_KEY.key }]);
  });

  it('is refused for a wrong opcode, key or content, in this order', () => {
    const lamp = new Lamp();
    const layer = node(new VirtualClock(), 0x0010, [[lamp.model]]);
    const outcomes = () =>
      [LampStatus.encode({ level: 7 }), Uint8Array.of(0x7f), new Uint8Array(0), Uint8Array.of(...dim, 1), dim].map(
        (payload) => layer.process(0x0010, payload, UNDER_APP_KEY, () => true),
      );
    const unknown = ['wrong-opcode', 'wrong-opcode', 'wrong-opcode'];
    expect(outcomes()).toEqual([...unknown, 'wrong-key', 'wrong-key']);
    lamp.model.bind(0);
    expect(outcomes()).toEqual([...unknown, 'malformed', 'processed']);
    expect(layer.process(0x0011, dim, UNDER_APP_KEY, () => true)).toBe('wrong-opcode');
  });
});

describe('what is sent while sending is held back', () => {
  it('goes out in its order when it is released, but for what was cancelled; that can be cancelled later as well', () => {
    const clock = new VirtualClock();
    const link = new Link(clock);
    const lamp = new Lamp();
    const layer = node(clock, 0x0010, [[lamp.model]], { link });
    lamp.model.bind(0);
    const outcomes: (string | undefined)[] = [];
    const cancels: (() => void)[] = [];
    const release = layer.holdSending(() => {
      for (let level = 0; level < 3; level++) {
        const done = (error?: MeshError) => {
          outcomes[level] = error?.code ?? 'sent';
        };
        cancels.push(lamp.model.send(LampSet, { level }, { dst: 0x0001 }, done));
      }
    });
    cancels[1]?.();
    cancels[1]?.();
    expect(link.sent).toEqual([]);
    release();
    cancels[2]?.();
    clock.advance(1000);
    expect(link.sent.map(({ payload }) => payload.at(-1))).toEqual([0, 2]);
    expect(outcomes).toEqual(['sent', 'cancelled', 'cancelled']);
  });

  it('is not held back any more when something fails', () => {
    const clock = new VirtualClock();
    const link = new Link(clock);
    const lamp = new Lamp();
    const layer = node(clock, 0x0010, [[lamp.model]], { link });
    lamp.model.bind(0);
    const failing = () => {
      throw new Error('defect');
    };
    expect(() => layer.holdSending(failing)).toThrow('defect');
    lamp.model.send(LampSet, { level: 1 }, { dst: 0x0001 });
    expect(link.sent).toHaveLength(1);
  });
});

it.each<[ModelSecurity, app: boolean, own: boolean, peer: boolean]>([
  ['app', false, false, false],
  ['device', false, true, false],
  ['peer-device', false, false, true],
  ['any', true, true, false],
  ['peer-any', true, false, true],
])(
  'a model of security %s without bindings takes AppKeys: %s, the own device key: %s, that of a peer: %s',
  (security, ...takes) => {
    const lamp = new Lamp({ security });
    const layer = node(new VirtualClock(), 0x0010, [[lamp.model]]);
    const keys: Context['key'][] = [
      { kind: 'app', index: 3 },
      { kind: 'device', node: 0x0010 },
      { kind: 'device', node: 0x0001 },
    ];
    const taken = keys.map((key) => layer.process(0x0010, dim, { ...UNDER_APP_KEY, key }, () => true) === 'processed');
    expect(taken).toEqual(takes);
  },
);

it('a model that takes any AppKey sends under any', () => {
  const clock = new VirtualClock();
  const link = new Link(clock);
  const lamp = new Lamp({ security: 'peer-any' });
  node(clock, 0x0010, [[lamp.model]], { link });
  lamp.model.send(LampSet, { level: 1 }, { dst: 0x0001, appIndex: 3 });
  expect(link.sent).toMatchObject([{ key: { kind: 'app', index: 3 } }]);
});

it('tells a model when the node is complete, unless it says so too late', () => {
  const model = new Model({ id: 0x1000, name: 'Model' });
  const told: string[] = [];
  model.whenConnected(() => told.push(`${model.element}`));
  node(new VirtualClock(), 0x0010, [[model]]);
  expect(told).toEqual(['16']);
  expect(() => model.whenConnected(() => {})).toThrow('is on an element already');
});
