import { type Bearer, type GattLink, type MemoryGattOptions, memoryGatt } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { findings, subjectOf } from './testing/broken.ts';
import { type Break, central, found, link, nothing, peripheral, receiving, sending } from './testing/broken-gatt.ts';

/** Each broken bearer, and what the suite must say of it. */
const BROKEN: Readonly<Record<string, readonly [Break, RegExp]>> = {
  'tells of each value twice': [
    sending(
      (inner) => (value, done) =>
        inner.send(value, (error) => {
          done(error);
          done(error);
        }),
    ),
    /done was called 2 times for one value/,
  ],
  'never tells of a value': [sending((inner) => (value) => inner.send(value, nothing)), /octets is taken: not within/],
  'tells of a value before send returned': [
    sending((inner) => (value, done) => {
      inner.send(value, nothing);
      done();
    }),
    /done was called before the send of a value returned/,
  ],
  'forgets values': [
    sending((inner, clock) => (value, done) => {
      if (value[0]! % 16 === 9) clock.after(0, () => done());
      else inner.send(value, done);
    }),
    /values arrive at each end: not within/,
  ],
  'mixes values up': [
    (bearer, clock) => {
      let held: Uint8Array | undefined;
      return receiving((value, received) => {
        if (held === undefined && value[0] === 7) {
          held = value;
          return;
        }
        received(value);
        if (held !== undefined) received(held);
        held = undefined;
      })(bearer, clock);
    },
    /values did not arrive as they were sent, in order/,
  ],
  'cuts values to what a link of old takes': [
    receiving((value, received) => received(value.subarray(0, 20))),
    /values did not arrive as they were sent, in order/,
  ],
  'uses one buffer for all that it hears': [
    (bearer, clock) => {
      const buffer = new Uint8Array(66);
      return receiving((value, received) => {
        buffer.set(value);
        received(buffer.subarray(0, value.length));
      })(bearer, clock);
    },
    /did not arrive as they were sent/,
  ],
  'hears each notification twice': [
    receiving((value, received) => {
      received(value);
      received(value);
    }),
    /values did not arrive|they did not arrive|came/,
  ],
  'takes values that are too long': [
    sending((inner) => (value, done) => inner.send(value.subarray(0, inner.mtu - 3), done)),
    /67 octets: taken instead of value-too-long/,
  ],
  'has another MTU than the other end': [link(() => ({ mtu: 23 })), /one end has an MTU of 23, the other of 69/],
  'has hardly any MTU': [link(() => ({ mtu: 20 })), /an MTU of 20 and 69/],
  'tells of the end twice': [
    link((inner) => ({
      listen: ({ received, disconnected }) =>
        inner.listen({
          received: (value) => received(value),
          disconnected: () => {
            disconnected();
            disconnected();
          },
        }),
    })),
    /the end of a link was told 2 times/,
  ],
  'never tells of the end': [
    link((inner) => ({
      listen: ({ received }) => inner.listen({ received: (value) => received(value), disconnected: nothing }),
    })),
    /both ends learn that the link has ended: not within/,
  ],
  'tells of the end at once': [
    link((inner) => {
      let tell = nothing;
      return {
        listen: ({ received, disconnected }) => {
          let isOver = false;
          tell = () => {
            if (!isOver) disconnected();
            isOver = true;
          };
          inner.listen({ received: (value) => received(value), disconnected: () => tell() });
        },
        disconnect: () => {
          inner.disconnect();
          tell();
        },
      };
    }),
    /the end of a link was told before disconnect returned/,
  ],
  'does not disconnect': [link(() => ({ disconnect: nothing })), /both ends learn|the link ends: not within/],
  'keeps silent about what waited for a link that ended': [
    sending(
      (inner) => (value, done) =>
        inner.send(value, (error) => {
          if (error?.code !== 'bearer-closed') done(error);
        }),
    ),
    /every value has ended: not within/,
  ],
  'takes values when the link has ended': [
    sending(
      (inner) => (value, done) =>
        inner.send(value, (error) => done(error?.code === 'bearer-closed' ? undefined : error)),
    ),
    /a value was taken by a link that has ended/,
  ],
  'calls the end of a link something else': [
    sending(
      (inner) => (value, done) =>
        inner.send(value, (error) => done(error?.code === 'bearer-closed' ? new MeshError('gone', 'gone') : error)),
    ),
    /a value ended with gone instead of bearer-closed/,
  ],
  'loses what is notified before it listens': [
    central((inner, clock) => ({
      connect: (peer, service, done) => {
        let timer: { cancel(): void } | undefined;
        const cancel = inner.connect(peer, service, (outcome) => {
          timer = clock.after(50, () => done(outcome));
        });
        return () => {
          cancel();
          timer?.cancel();
        };
      },
    })),
    /three notifications arrive: not within/,
  ],
  'says that it is connected before connect returned': [
    central((inner) => ({
      connect: (peer, service, done) => {
        if (peer.startsWith('memory')) return inner.connect(peer, service, done);
        done(new MeshError('connect-failed', 'no such peer'));
        return nothing;
      },
      discover: (services, tell) => inner.discover(services, (offer) => tell({ ...offer, peer: 'x' })),
    })),
    /done was called before connect returned/,
  ],
  'connects though it was cancelled': [
    central((inner) => ({
      connect: (peer, service, done) => {
        inner.connect(peer, service, done);
        return nothing;
      },
    })),
    /done was called once connecting was cancelled/,
  ],
  'keeps a link that nobody wants any more': [
    central((inner) => ({
      connect: (peer, service, done) => {
        let isWanted = true;
        inner.connect(peer, service, (outcome) => {
          if (isWanted) done(outcome);
        });
        return () => {
          isWanted = false;
        };
      },
    })),
    /links that nobody wanted any more end: not within/,
  ],
  'waits for ever for who is not there': [
    central((inner) => ({
      connect: (peer, service, done) =>
        inner.connect(peer, service, (outcome) => {
          if (!(outcome instanceof MeshError)) done(outcome);
        }),
    })),
    /connecting in vain ends: not within/,
  ],
  'says in words of its own that nobody is there': [
    central((inner) => ({
      connect: (peer, service, done) =>
        inner.connect(peer, service, (outcome) =>
          done(outcome instanceof MeshError ? new MeshError('timeout', 'no answer') : outcome),
        ),
    })),
    /connecting in vain ended with timeout instead of connect-failed/,
  ],
  'tells of one connection twice': [
    central((inner) => ({
      connect: (peer, service, done) =>
        inner.connect(peer, service, (outcome) => {
          done(outcome);
          done(outcome);
        }),
    })),
    /done was called 2 times for one connect/,
  ],
  'hears offers on and on': [
    central((inner) => ({
      discover: (services, tell) => {
        inner.discover(services, tell);
        return nothing;
      },
    })),
    /by a subscription that was taken back/,
  ],
  'hears all services': [
    central((inner) => ({ discover: (_services, tell) => inner.discover([0x1827, 0x1828], tell) })),
    /a service was heard that was not asked for/,
  ],
  'hears an offer once': [
    central((inner) => ({
      discover: (services, tell) => {
        const stop = inner.discover(services, (offer) => {
          stop();
          tell(offer);
        });
        return stop;
      },
    })),
    /heard three times: not within/,
  ],
  'hears a part of an offer': [
    found((offer) => ({ ...offer, data: offer.data.subarray(1) })),
    /an offer of 0x1828 with .* was heard/,
  ],
  'knows no strength': [found((offer) => ({ ...offer, rssi: Number.NaN })), /RSSI of NaN/],
  'shows what was taken back': [
    peripheral((inner) => ({
      advertise: (offer) => {
        inner.advertise(offer);
        return nothing;
      },
    })),
    /an offer was heard that was taken back/,
  ],
  'shows the first offer for ever': [
    (bearer, clock) => {
      let shows = false;
      return peripheral((inner) => ({
        advertise: (offer) => {
          if (!shows) inner.advertise(offer);
          shows = true;
          return nothing;
        },
      }))(bearer, clock);
    },
    /an offer is discovered: not within/,
  ],
  'has fewer connections than it claims': [
    peripheral(() => ({ connections: 3 })),
    /connections at a time as it claims.*(not within|connect-failed)/,
  ],
  'has no connection': [peripheral(() => ({ connections: 0 })), /0 connections at a time/],
  'serves what it was told not to': [
    peripheral((inner) => ({
      serve: (service, connected) => {
        inner.serve(service, connected);
        return nothing;
      },
    })),
    /connecting in vain ended with a link/,
  ],
  'hands a link over twice': [
    peripheral((inner) => ({
      serve: (service, connected) =>
        inner.serve(service, (served) => {
          connected(served);
          connected(served);
        }),
    })),
    /2 links were handed over for one connection/,
  ],
  'does not end its links when it is closed': [
    (bearer) => ({ central: bearer.central, peripheral: bearer.peripheral, close: nothing }),
    /the other end learns that the link has ended: not within/,
  ],
};

/** An MTU of 69, and one connection at a time. */
const OPTIONS: MemoryGattOptions = { mtu: 69 };

describe('the suite finds of a GATT bearer that it', () => {
  it.each(Object.entries(BROKEN))('%s', async (_name, [broken, expected]) => {
    const subject = subjectOf({ gatt: { flood: 100, connectMs: 5000 } }, (clock) => {
      const world = memoryGatt(clock, OPTIONS);
      return () => broken(world.join(), clock);
    });
    const all = await findings(subject);
    expect(all.join('\n')).toMatch(expected);
  });
});

describe('the suite finds of a GATT bearer that can be lost that it', () => {
  const losing = (told: readonly string[], endsLinks: boolean) => {
    const losses = new Map<Bearer, () => void>();
    return subjectOf(
      { gatt: { flood: 50, connectMs: 5000 }, lose: (_rig, bearer) => losses.get(bearer)?.() },
      (clock) => {
        const world = memoryGatt(clock, OPTIONS);
        return () => {
          const listeners = new Set<(reason: MeshError) => void>();
          const whole = world.join();
          const links = new Set<GattLink>();
          const kept = link((inner) => {
            links.add(inner);
            return {};
          })(whole, clock);
          const bearer: Bearer = {
            ...kept,
            lost: (tell) => {
              listeners.add(tell);
              return () => void listeners.delete(tell);
            },
          };
          losses.set(bearer, () => {
            if (endsLinks) for (const each of links) each.disconnect();
            for (const tell of listeners) for (const code of told) tell(new MeshError(code, 'lost'));
          });
          return bearer;
        };
      },
    );
  };

  it.each<readonly [string, readonly string[], boolean, RegExp]>([
    ['does it well', ['bearer-lost'], true, /^$/],
    ['keeps silent', [], true, /the bearer says that it was lost: not within/],
    ['tells twice', ['bearer-lost', 'bearer-lost'], true, /the loss was told as bearer-lost,bearer-lost/],
    ['leaves its links', ['bearer-lost'], false, /the link of a lost radio ends: not within/],
  ])('%s', async (_name, told, endsLinks, expected) => {
    expect((await findings(losing(told, endsLinks))).join('\n')).toMatch(expected);
  });
});

describe('the suite, of a GATT bearer that hears octets which nobody should send,', () => {
  /** What they do to the links that there are: `end` them, or keep them from receiving for ever. */
  const garbled = (does: 'end' | 'deafen') => {
    let links: { end(): void; isDeaf: boolean }[] = [];
    return subjectOf(
      {
        gatt: { flood: 50, connectMs: 5000 },
        garble: () => {
          for (const each of links) {
            if (does === 'end') each.end();
            else each.isDeaf = true;
          }
        },
      },
      (clock) => {
        links = [];
        const world = memoryGatt(clock, OPTIONS);
        return () =>
          link((inner) => {
            const state = { end: () => inner.disconnect(), isDeaf: false };
            links.push(state);
            return {
              listen: ({ received, disconnected }) =>
                inner.listen({
                  received: (value) => {
                    if (!state.isDeaf) received(value);
                  },
                  disconnected: () => disconnected(),
                }),
            };
          })(world.join(), clock);
      },
    );
  };

  it('lets it end the link, which can be made again', async () => {
    expect(await findings(garbled('end'))).toEqual([]);
  });

  it('finds that a link is of no use any more', async () => {
    expect(await findings(garbled('deafen'))).toEqual([
      expect.stringMatching(/^links take no harm from octets that no bearer sends.*: 1 values arrive: not within/),
    ]);
  });
});
