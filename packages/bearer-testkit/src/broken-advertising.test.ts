import { AD_MESH_BEACON, type Advertising, type Bearer, type Heard, memoryAir, type Sent } from '@meshferry/bearer';
import { type Clock, MeshError, SeededRandom } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { findings, subjectOf } from './testing/broken.ts';

type Done = (outcome: Sent | MeshError) => void;

/** A bearer made worse: what it is given is as it should be. */
type Break = (bearer: Bearer & { readonly advertising: Advertising }, clock: Clock) => Bearer;

/** Breaks what `send` says. */
const sending =
  (send: (inner: Advertising, clock: Clock) => Advertising['send']): Break =>
  (bearer, clock) => {
    const { advertising } = bearer;
    return {
      ...bearer,
      advertising: part(advertising, { send: send(advertising, clock) }),
      close: () => bearer.close(),
    };
  };

/** Breaks what is heard. */
const hearing =
  (receive: (inner: Advertising, clock: Clock) => Advertising['receive']): Break =>
  (bearer, clock) => {
    const { advertising } = bearer;
    return { advertising: part(advertising, { receive: receive(advertising, clock) }), close: () => bearer.close() };
  };

function part(inner: Advertising, broken: Partial<Advertising>): Advertising {
  return {
    sets: inner.sets,
    minIntervalMs: inner.minIntervalMs,
    send: (ad, transmit, done) => inner.send(ad, transmit, done),
    receive: (types, heard) => inner.receive(types, heard),
    ...broken,
  };
}

const claiming =
  (claim: Partial<Advertising>): Break =>
  (bearer) => ({ advertising: part(bearer.advertising, claim), close: () => bearer.close() });

const outcomes = (change: (outcome: Sent | MeshError, done: Done, clock: Clock) => void): Break =>
  sending(
    (inner, clock) => (ad, transmit, done) => inner.send(ad, transmit, (outcome) => change(outcome, done, clock)),
  );

const spoilt = (spoil: (ad: Heard) => Heard): Break =>
  hearing((inner) => (types, heard) => inner.receive(types, (ad) => heard(spoil(ad))));

const isSent = (outcome: Sent | MeshError): outcome is Sent => !(outcome instanceof MeshError);
const closed = () => new MeshError('bearer-closed', 'closed');

/** Each broken bearer, and what the suite must say of it. */
const BROKEN: Readonly<Record<string, readonly [Break, RegExp]>> = {
  'tells of each send twice': [
    outcomes((outcome, done) => {
      done(outcome);
      done(outcome);
    }),
    /done was called 2 times for one send/,
  ],
  'never tells of a send': [outcomes(() => {}), /a send is done: not within/],
  'tells of what was refused before send returned': [
    sending((inner) => (ad, transmit, done) => {
      if (ad.data.length <= 29) return inner.send(ad, transmit, done);
      done(new MeshError('ad-too-long', 'too long'));
      return () => {};
    }),
    /done was called before send returned/,
  ],
  'tells of what was cancelled': [
    sending((inner) => (ad, transmit, done) => {
      inner.send(ad, transmit, done);
      return () => {};
    }),
    /done was called once the send was cancelled/,
  ],
  'sends on what was cancelled': [
    sending((inner) => (ad, transmit, done) => {
      let tell: Done | undefined = done;
      inner.send(ad, transmit, (outcome) => tell?.(outcome));
      return () => {
        tell = undefined;
      };
    }),
    /cancelled.*(still sent|were heard|not within)|not within.*cancelled/,
  ],
  'tells times of long ago': [
    outcomes((outcome, done) => done(isSent(outcome) ? { start: -1000, end: -900 } : outcome)),
    /it is told to have been on air -1000/,
  ],
  'says that all is sent at the first copy': [
    sending((inner, clock) => (ad, transmit, done) => {
      const cancel = inner.send(ad, transmit, (outcome) => {
        if (!isSent(outcome)) done(outcome);
      });
      const timer = clock.after(2, () => done({ start: clock.now - 2, end: clock.now }));
      return () => {
        timer.cancel();
        cancel();
      };
    }),
    /copies 25 ms apart are told to have taken 2 ms/,
  ],
  'says that all is sent as soon as it is queued': [
    sending((inner, clock) => (ad, transmit, done) => {
      const cancel = inner.send(ad, transmit, (outcome) => {
        if (!isSent(outcome)) done(outcome);
      });
      const { now } = clock;
      const timer = clock.after(0, () => done({ start: now, end: now }));
      return () => {
        timer.cancel();
        cancel();
      };
    }),
    /of 50 structures [0-9] were heard/,
  ],
  'uses one buffer for all that it hears': [
    (bearer, clock) => {
      const buffer = new Uint8Array(29);
      return spoilt((ad) => {
        buffer.set(ad.data);
        return { ...ad, data: buffer.subarray(0, ad.data.length) };
      })(bearer, clock);
    },
    /structures|copies/,
  ],
  'overtakes itself': [
    sending((inner, clock) => (ad, transmit, done) => {
      if (ad.data[1]! % 3 !== 0 || ad.data.length > 29) return inner.send(ad, transmit, done);
      let cancel = () => timer.cancel();
      const timer = clock.after(130, () => {
        cancel = inner.send(ad, transmit, done);
      });
      return () => cancel();
    }),
    /was heard after/,
  ],
  'sends one copy for all': [
    sending(
      (inner) =>
        (ad, { intervalMs }, done) =>
          inner.send(ad, { count: 1, intervalMs }, done),
    ),
    /3 copies were sent, 1 heard/,
  ],
  'sends a copy too many': [
    sending(
      (inner) =>
        (ad, { count, intervalMs }, done) =>
          inner.send(ad, { count: count + 1, intervalMs }, done),
    ),
    /3 copies were sent, 4 heard/,
  ],
  'sends what is too long in part': [
    sending(
      (inner) =>
        ({ type, data }, transmit, done) =>
          inner.send({ type, data: data.slice(0, 29) }, transmit, done),
    ),
    /30 octets: sent .* instead of ad-too-long/,
  ],
  'refuses what is too long in words of its own': [
    outcomes((outcome, done) => {
      const isTooLong = !isSent(outcome) && outcome.code === 'ad-too-long';
      done(isTooLong ? new MeshError('too-big', 'too big') : outcome);
    }),
    /the error too-big instead of ad-too-long/,
  ],
  'gives up in a flood': [
    (bearer, clock) => {
      let waiting = 0;
      return sending((inner) => (ad, transmit, done) => {
        if (waiting >= 60) {
          const timer = clock.after(0, () => done(new MeshError('queue-full', 'full')));
          return () => timer.cancel();
        }
        waiting++;
        return inner.send(ad, transmit, (outcome) => {
          waiting--;
          done(outcome);
        });
      })(bearer, clock);
    },
    /sends ended with the error queue-full/,
  ],
  'claims sets that it has not': [claiming({ sets: 4 }), /of 4 sends the last began only when another had ended/],
  'claims half a set': [claiming({ sets: 0.5 }), /0.5 advertising sets/],
  'sends faster than it claims': [claiming({ minIntervalMs: 200 }), /200 ms apart at least, took/],
  'sends slower than it claims': [
    (bearer, clock) => {
      const slow = sending(
        (inner) =>
          (ad, { count }, done) =>
            inner.send(ad, { count, intervalMs: 300 }, done),
      );
      return slow(bearer, clock);
    },
    /which can be 20 ms apart, took|not within/,
  ],
  'hears itself': [
    (bearer) => {
      const listeners = new Set<(ad: Heard) => void>();
      const advertising = part(bearer.advertising, {
        send: (ad, transmit, done) => {
          for (const heard of listeners) heard({ ...ad, rssi: -30, at: 0 });
          return bearer.advertising.send(ad, transmit, done);
        },
        receive: (types, heard) => {
          listeners.add(heard);
          const stop = bearer.advertising.receive(types, heard);
          return () => {
            listeners.delete(heard);
            stop();
          };
        },
      });
      return { advertising, close: () => bearer.close() };
    },
    /heard what it had sent itself/,
  ],
  'hears on what was taken back': [
    hearing((inner) => (types, heard) => {
      inner.receive(types, heard);
      return () => {};
    }),
    /after it was taken back/,
  ],
  'hears everything twice': [
    hearing(
      (inner) => (types, heard) =>
        inner.receive(types, (ad) => {
          heard(ad);
          heard(ad);
        }),
    ),
    /more was heard than was sent|6 heard/,
  ],
  'hears types that nobody asked for': [
    hearing((inner) => (types, heard) => inner.receive([...types, AD_MESH_BEACON], heard)),
    /of types that were not asked for/,
  ],
  'tells the first subscription alone': [
    (bearer, clock) => {
      let isTaken = false;
      return hearing((inner) => (types, heard) => {
        if (isTaken) return () => {};
        isTaken = true;
        return inner.receive(types, heard);
      })(bearer, clock);
    },
    /sent and not heard/,
  ],
  'hears the beginning of long ones': [
    spoilt((ad) => ({ ...ad, data: ad.data.subarray(0, 27) })),
    /AD type 0x29 with 29 octets was sent and not heard as it was sent/,
  ],
  'hears nothing without data': [
    hearing((inner) => (types, heard) => inner.receive(types, (ad) => void (ad.data.length > 0 && heard(ad)))),
    /with 0 octets was sent and not heard/,
  ],
  'knows no time': [spoilt((ad) => ({ ...ad, at: Number.NaN })), /heard at NaN/],
  'knows no strength': [spoilt((ad) => ({ ...ad, rssi: 196 })), /RSSI of 196 dBm/],
  'leaves a timer when it is closed': [
    ({ advertising, close }, clock) => {
      clock.after(3_600_000, () => {});
      return { advertising, close };
    },
    /closed bearers leave behind: timer/,
  ],
  'goes on when it is closed': [
    ({ advertising }) => ({ advertising, close: () => {} }),
    /every send has ended: not within/,
  ],
  'keeps silent about what was under way when it is closed': [
    outcomes((outcome, done) => {
      if (isSent(outcome) || outcome.code !== 'bearer-closed') done(outcome);
    }),
    /every send has ended: not within/,
  ],
  'calls it sent when it is closed': [
    outcomes((outcome, done, { now }) => {
      const isClosed = !isSent(outcome) && outcome.code === 'bearer-closed';
      done(isClosed ? { start: now, end: now } : outcome);
    }),
    /ended with sent .* instead of bearer-closed/,
  ],
  'hears when it is closed': [
    (bearer) => {
      const air = bearer.advertising;
      let isClosed = false;
      return {
        advertising: part(air, {
          send: (ad, transmit, done) => air.send(ad, transmit, (outcome) => done(isClosed ? closed() : outcome)),
        }),
        close: () => {
          isClosed = true;
        },
      };
    },
    /closed bearer (heard something|still sends)|not within/,
  ],
  'throws when it is closed': [
    (bearer) => {
      let isClosed = false;
      const advertising = part(bearer.advertising, {
        receive: (types, heard) => {
          if (isClosed) throw closed();
          return bearer.advertising.receive(types, heard);
        },
      });
      return {
        advertising,
        close: () => {
          isClosed = true;
          bearer.close();
        },
      };
    },
    /says bearer-closed: closed/,
  ],
  'can be closed once': [
    (bearer) => {
      let times = 0;
      return {
        advertising: bearer.advertising,
        close: () => {
          if (++times > 1) throw closed();
          bearer.close();
        },
      };
    },
    /says bearer-closed: closed/,
  ],
  'has no advertising': [(bearer) => ({ close: () => bearer.close() }), /opened for the role "advertising" has it not/],
  'calls it a loss when it is closed': [
    (bearer) => {
      const told = new Set<(reason: MeshError) => void>();
      return {
        advertising: bearer.advertising,
        lost: (tell) => {
          told.add(tell);
          return () => told.delete(tell);
        },
        close: () => {
          bearer.close();
          for (const tell of told) tell(new MeshError('bearer-lost', 'lost'));
        },
      };
    },
    /"lost" was told of a bearer that was closed/,
  ],
};

const broken = (make: Break, isLossy: boolean) =>
  subjectOf({ advertising: { flood: 100, isLossy } }, (clock) => {
    const air = memoryAir(clock, new SeededRandom(1));
    return () => make(air.join(), clock);
  });

describe('the suite finds of an advertising bearer that it', () => {
  it.each(Object.entries(BROKEN))('%s', async (_name, [make, expected]) => {
    const found = await findings(broken(make, false));
    expect(found.join('\n')).toMatch(expected);
  });

  it.each(Object.entries(BROKEN))('%s, also where the air may lose', async (_name, [make]) => {
    expect(await findings(broken(make, true))).not.toEqual([]);
  });
});

describe('the suite finds of an advertising bearer that can be lost that it', () => {
  /** How it is lost: what its sends end with, and who is told of what. */
  interface Loss {
    readonly code?: string;
    readonly told?: readonly string[];
    readonly has?: boolean;
  }
  const losing = ({ code = 'bearer-lost', told = ['bearer-lost'], has = true }: Loss) => {
    const losses = new Map<Bearer, () => void>();
    return subjectOf({ advertising: { flood: 100 }, lose: (_rig, bearer) => losses.get(bearer)?.() }, (clock) => {
      const air = memoryAir(clock, new SeededRandom(1));
      return () => {
        const radio = air.join();
        const listeners = new Set<(reason: MeshError) => void>();
        let isLost = false;
        const bearer: Bearer = {
          advertising: part(radio.advertising, {
            send: (ad, transmit, done) =>
              radio.advertising.send(ad, transmit, (outcome) => {
                const isOver = isLost && !isSent(outcome);
                done(isOver ? new MeshError(code, 'lost') : outcome);
              }),
          }),
          ...(has && {
            lost: (tell: (reason: MeshError) => void) => {
              listeners.add(tell);
              return () => void listeners.delete(tell);
            },
          }),
          close: () => radio.close(),
        };
        losses.set(bearer, () => {
          isLost = true;
          radio.close();
          for (const tell of listeners) for (const reason of told) tell(new MeshError(reason, 'lost'));
        });
        return bearer;
      };
    });
  };

  it('does it well', async () => {
    expect(await findings(losing({}))).toEqual([]);
  });

  it.each<readonly [string, Loss, RegExp]>([
    ['keeps silent', { told: [] }, /the bearer says that it was lost: not within/],
    ['tells twice', { told: ['bearer-lost', 'bearer-lost'] }, /the loss was told 2 times/],
    ['calls it something else', { told: ['bearer-closed'] }, /the loss was told as bearer-closed/],
    ['ends sends otherwise', { code: 'bearer-failed' }, /ended with the error bearer-failed instead of bearer-lost/],
    ['has no way to tell', { has: false }, /has no "lost"/],
  ])('%s', async (_name, loss, expected) => {
    expect((await findings(losing(loss))).join('\n')).toMatch(expected);
  });

  it('is broken by octets that nobody should send', async () => {
    let isBroken = false;
    const subject = subjectOf(
      {
        advertising: { flood: 100 },
        garble: () => {
          isBroken = true;
        },
      },
      (clock) => {
        isBroken = false;
        const air = memoryAir(clock, new SeededRandom(1));
        return () =>
          hearing((inner) => (types, heard) => inner.receive(types, (ad) => void (isBroken || heard(ad))))(
            air.join(),
            clock,
          );
      },
    );
    expect(await findings(subject)).toEqual([
      expect.stringMatching(/^takes no harm from octets that no bearer sends: .* was sent and not heard/),
    ]);
  });
});
