import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readProfile } from './profile.ts';

const FULL = {
  defaultTtl: 7,
  networkTransmit: { count: 3, intervalMs: 20 },
  relay: { count: 2, intervalMs: 30 },
  beacon: true,
  gattProxy: false,
  friend: true,
  netKeys: [0, '1'],
  appKeys: ['0x2'],
  models: [
    { model: '0x1402', bind: [0], subscribe: ['0xC000', 'f4a002c7-fb1e-4ca0-a469-a021de0db875'] },
    { model: '1000', element: 0, publish: { to: '0xC001', appKey: 0, ttl: 5, periodMs: 10_000 } },
    { model: '0x00590001', element: 1, publish: null },
  ],
};

describe('a profile', () => {
  it('is read whole, text for numbers where people write hex', () => {
    expect(readProfile(JSON.stringify(FULL))).toEqual({
      ok: true,
      value: {
        defaultTtl: 7,
        networkTransmit: { count: 3, intervalMs: 20 },
        relay: { count: 2, intervalMs: 30 },
        beacon: true,
        gattProxy: false,
        friend: true,
        netKeys: [0, 1],
        appKeys: [2],
        models: [
          {
            model: 0x1402,
            bind: [0],
            subscribe: [0xc000, Uint8Array.from(Buffer.from('f4a002c7fb1e4ca0a469a021de0db875', 'hex'))],
          },
          {
            model: 0x1000,
            element: 0,
            publish: {
              to: 0xc001,
              appKey: 0,
              ttl: 5,
              friendship: false,
              periodMs: 10_000,
              retransmit: { count: 1, intervalMs: 50 },
            },
          },
          { model: 0x0059_0001, element: 1, publish: null },
        ],
      },
    });
  });

  it('takes addresses as network documents write them: in hexadecimal', () => {
    const profile = readProfile(
      '{"models": [{"model": "1000", "subscribe": ["C000", "0xC001"], "publish": {"to": "0100", "appKey": 0}}]}',
    );
    expect(profile).toMatchObject({
      value: { models: [{ subscribe: [0xc000, 0xc001], publish: { to: 0x0100 } }] },
    });
  });

  it('may be empty, and may switch relaying off', () => {
    expect(readProfile('{}')).toEqual({ ok: true, value: {} });
    expect(readProfile('{"relay": false}')).toEqual({ ok: true, value: { relay: false } });
  });

  it.each([
    ['nonsense', '{"defaultTtl": 7', 'profile as a whole: is not JSON'],
    ['no object', '[]', 'profile as a whole: [] is not an object'],
    ['an unknown member', '{"ttl": 5}', 'profile /ttl: is not known'],
    ['a TTL of 1', '{"defaultTtl": 1}', 'profile /defaultTtl: 1 is not 0 or 2 to 127'],
    ['a fraction', '{"defaultTtl": 2.5}', 'profile /defaultTtl: 2.5 is not 0 or 2 to 127'],
    ['a word for yes', '{"beacon": "yes"}', 'profile /beacon: "yes" is not true or false'],
    ['an interval between steps', '{"relay": {"count": 2, "intervalMs": 25}}', 'profile /relay/intervalMs: 25'],
    ['no interval', '{"networkTransmit": {"count": 2}}', 'profile /networkTransmit/intervalMs: is missing'],
    ['no list', '{"appKeys": 0}', 'profile /appKeys: 0 is not a list'],
    ['a key index too large', '{"appKeys": [0, 4096]}', 'profile /appKeys/1: 4096 is not 0 to 4095'],
    ['no model', '{"models": [{}]}', 'profile /models/0/model: is missing'],
    ['a model of five digits', '{"models": [{"model": "0x14021"}]}', 'profile /models/0/model: "0x14021" is not'],
    [
      'a model given twice',
      '{"models": [{"model": 1}, {"model": "0001"}]}',
      '/models/1: is the same model as /models/0',
    ],
    [
      'a unicast subscription',
      '{"models": [{"model": 1, "subscribe": [5]}]}',
      '/models/0/subscribe/0: 5 is not a group',
    ],
    ['all-nodes', '{"models": [{"model": 1, "subscribe": ["0xffff"]}]}', '/models/0/subscribe/0: "0xffff"'],
    [
      'a publication to nobody',
      '{"models": [{"model": 1, "publish": {"to": 0, "appKey": 0}}]}',
      '/publish/to: 0 is not',
    ],
    ['a publish TTL', '{"models": [{"model": 1, "publish": {"to": 5, "appKey": 0, "ttl": 128}}]}', '/publish/ttl: 128'],
    ['something long', `{"beacon": "${'x'.repeat(100)}"}`, `"${'x'.repeat(39)}…`],
  ])('that holds %s is refused by its place', (_, text, message) => {
    const outcome = readProfile(text);
    expect(outcome.ok).toBe(false);
    if (outcome.ok) return;
    expect(outcome.error.code).toBe('bad-profile');
    expect(outcome.error.message).toContain(message);
    expect(outcome.error.hint).toMatch(/\w/);
  });
});

it('never throws, whatever text it is given', () => {
  const member = fc.constantFrom(
    'models',
    'model',
    'bind',
    'publish',
    'to',
    'appKey',
    'relay',
    'count',
    'intervalMs',
    'x',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, 5, -1, 2.5, 0xc000, '0x1402', '1000', 'x'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(member, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.oneof(
        tree.map((value) => JSON.stringify(value)),
        fc.json(),
        fc.string(),
      ),
      (text) => {
        const outcome = readProfile(text);
        if (!outcome.ok) expect(outcome.error.code).toBe('bad-profile');
      },
    ),
  );
});
