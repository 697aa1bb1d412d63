import { type GattCentral, type GattLink, type MemoryGattOptions, memoryGatt } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { findings, subjectOf } from './testing/broken.ts';
import { type Break, central, link, linkPart, nothing, peripheral, scanned, toldOfEnd } from './testing/broken-gatt.ts';

/** Each broken bearer, and what the suite must say of it. */
const BROKEN: Readonly<Record<string, readonly [Break, RegExp]>> = {
  'says nothing of scans, and cannot scan': [
    (bearer) => {
      const { discover, connect } = bearer.central;
      const inner = bearer.central;
      return {
        central: { discover: discover.bind(inner), connect: connect.bind(inner) },
        peripheral: bearer.peripheral,
        close: () => bearer.close(),
      };
    },
    /scan-not-supported/,
  ],
  'scans on and on': [
    central((inner) => ({
      scan: (tell) => {
        inner.scan!(tell);
        return nothing;
      },
    })),
    /a device was heard by a scan that was taken back/,
  ],
  'forgets whom it is connected to': [
    (bearer, clock) =>
      central((inner) => ({
        scan: (tell) => {
          const from = clock.now;
          return inner.scan!((device) => clock.now > from && tell(device));
        },
      }))(bearer, clock),
    /who is connected already.*: device-not-found/,
  ],
  'hears no names': [scanned((device) => ({ ...device, name: null })), /device-not-found: no connectable device/],
  'knows short services alone': [
    scanned((device) => ({ ...device, services: device.services.filter((uuid) => typeof uuid === 'number') })),
    /device-not-found: no connectable device with a name with "Ferry 17" and the service 8d53/,
  ],
  'writes addresses as it likes': [
    scanned((device) => ({ ...device, address: device.peer })),
    /"private-1" is no address/,
  ],
  'tells of addresses that lead nowhere': [
    scanned((device) => ({ ...device, address: 'C0:FF:EE:C0:FF:EE' })),
    /and connects by its address alone: connecting ended with connect-failed/,
  ],
  'takes every device for one that can be connected to, and none for one': [
    scanned((device) => ({ ...device, connectable: false })),
    /heard were 40:00:00:00:00:01 "Ferry 17" \(-60 dBm, not connectable\)/,
  ],
  'hears no offers while it scans': [
    central((inner) => {
      let scans = 0;
      return {
        scan: (tell) => {
          scans++;
          const stop = inner.scan!(tell);
          return () => {
            scans--;
            stop();
          };
        },
        discover: (services, tell) => inner.discover(services, (offer) => scans === 0 && tell(offer)),
      };
    }),
    /heard by a search and by a scan: not within/,
  ],
  'shows short services alone': [
    peripheral((inner) => ({
      advertise: (offer) => (typeof offer.service === 'number' ? inner.advertise(offer) : nothing),
    })),
    /device-not-found/,
  ],
  'has no name': [
    peripheral((inner) => ({ advertise: ({ name: _name, ...offer }) => inner.advertise(offer) })),
    /device-not-found/,
  ],
  'connects to a peer once': [
    central((inner, clock) => {
      const connected = new Set<string>();
      return {
        connect: (peer, service, done) => {
          if (connected.has(peer)) {
            const timer = clock.after(0, () => done(new MeshError('connect-failed', 'it is connected already')));
            return () => timer.cancel();
          }
          return inner.connect(peer, service, (outcome) => {
            if (outcome instanceof MeshError) return done(outcome);
            connected.add(peer);
            done(toldOfEnd(outcome, () => connected.delete(peer)));
          });
        },
      };
    }),
    /two services over one connection.*connecting ended with connect-failed: it is connected already/,
  ],
  'ends a connection with any of its links': [
    central((inner) => {
      const links = new Set<GattLink>();
      return {
        connect: (peer, service, done) =>
          inner.connect(peer, service, (outcome) => {
            if (outcome instanceof MeshError) return done(outcome);
            links.add(outcome);
            const disconnect = () => {
              for (const each of links) each.disconnect();
              links.clear();
            };
            done(linkPart(outcome, { disconnect }));
          }),
      };
    }),
    /two services over one connection.*(ended with bearer-closed|not within)/,
  ],
  'takes a service away from who uses it': [
    central((inner, clock) => {
      const links = new Map<string, GattLink>();
      return {
        connect: (peer, service, done) => {
          const key = `${peer} ${service.uuid}`;
          links.get(key)?.disconnect();
          let cancel = nothing;
          const timer = clock.after(10, () => {
            cancel = inner.connect(peer, service, (outcome) => {
              if (!(outcome instanceof MeshError)) links.set(key, outcome);
              done(outcome);
            });
          });
          return () => {
            timer.cancel();
            cancel();
          };
        },
      };
    }),
    /connecting to a service in use ended with a link/,
  ],
  'mixes the links of a connection up': [
    central((inner) => {
      let first: GattLink | undefined;
      return {
        connect: (peer, service, done) =>
          inner.connect(peer, service, (outcome) => {
            if (outcome instanceof MeshError) return done(outcome);
            const other = first;
            first ??= outcome;
            done(other === undefined ? outcome : linkPart(outcome, { send: (value, sent) => other.send(value, sent) }));
          }),
      };
    }),
    /two services over one connection.*not within/,
  ],
  'ends a link with the cancelling of another': [
    central((inner) => {
      let last: GattLink | undefined;
      return {
        connect: (peer, service, done) => {
          const cancel = inner.connect(peer, service, (outcome) => {
            if (!(outcome instanceof MeshError)) last = outcome;
            done(outcome);
          });
          return () => {
            cancel();
            last?.disconnect();
          };
        },
      };
    }),
    /cancelled: (a link ended with the cancelling|.*ended with bearer-closed|.*not within)/,
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

  it('cannot scan, but not if it says so', async () => {
    const subject = subjectOf({ gatt: { flood: 100, connectMs: 5000, scans: false } }, (clock) => {
      const world = memoryGatt(clock, OPTIONS);
      return () => BROKEN['says nothing of scans, and cannot scan']![0](world.join(), clock);
    });
    expect(await findings(subject)).toEqual([]);
  });
});

describe('the suite finds of a GATT bearer of several services that it', () => {
  it('has a connection for each of them', async () => {
    const subject = subjectOf({ gatt: { flood: 100, connectMs: 5000 } }, (clock) => {
      const world = memoryGatt(clock, OPTIONS);
      return () => {
        const [one, other] = [world.join(), world.join()];
        const connect: GattCentral['connect'] = (peer, service, done) =>
          (typeof service.uuid === 'number' ? other : one).central.connect(peer, service, done);
        const { peripheral: served } = one;
        const broken = central(() => ({ connect }))(one, clock);
        return { ...broken, peripheral: served, close: () => [one, other].forEach((each) => void each.close()) };
      };
    });
    expect((await findings(subject)).join('\n')).toMatch(
      /two services over one.*: connecting ended with connect-failed/,
    );
  });

  it('leaves the other links of a connection when the server disconnects one', async () => {
    const subject = subjectOf({ gatt: { flood: 100, connectMs: 5000 } }, (clock) => {
      const world = memoryGatt(clock, OPTIONS);
      const clients: GattLink[] = [];
      return () => {
        const whole = world.join();
        const kept = link((inner) => {
          clients.push(inner);
          return {};
        })(whole, clock);
        const served = peripheral((inner) => ({
          serve: (service, connected) =>
            inner.serve(service, (end) => {
              const at = clients.length;
              connected(linkPart(end, { disconnect: () => (clients[at] ?? clients.at(-1))?.disconnect() }));
            }),
        }))(whole, clock).peripheral!;
        return { ...kept, peripheral: served };
      };
    });
    expect((await findings(subject)).join('\n')).toMatch(/all links of a connection end: not within/);
  });
});
