import type { Advertising, GattCentral } from '@meshferry/bearer';
import type { Cancel } from '@meshferry/core';

// For who looks for devices, and talks to them, over all radios at once. A node is put onto each of them instead.

/** Several radios as one: what is sent goes out over all of them, and is done when the last one is. */
export function joinAdvertisings(radios: readonly Advertising[]): Advertising | undefined {
  const [first] = radios;
  if (first === undefined || radios.length === 1) return first;
  return {
    get sets(): number {
      return Math.min(...radios.map(({ sets }) => sets));
    },
    get minIntervalMs(): number {
      return Math.max(...radios.map(({ minIntervalMs }) => minIntervalMs));
    },
    send: (ad, transmit, done) => {
      let left = radios.length;
      return cancelAll(
        radios.map((radio) =>
          radio.send(ad, transmit, (outcome) => {
            if (--left === 0) done(outcome);
          }),
        ),
      );
    },
    receive: (types, heard) => cancelAll(radios.map((radio) => radio.receive(types, heard))),
  };
}

/** Several radios as one: a peer is connected to by the one that heard it. */
export function joinCentrals(radios: readonly GattCentral[]): GattCentral | undefined {
  const [first] = radios;
  if (first === undefined || radios.length === 1) return first;
  return {
    discover: (services, found) =>
      cancelAll(
        radios.map((radio, i) =>
          radio.discover(services, (advertisement) => found({ ...advertisement, peer: `${i}/${advertisement.peer}` })),
        ),
      ),
    connect: (peer, service, done) => {
      const at = peer.indexOf('/');
      const radio = radios[Number(peer.slice(0, at))] ?? first;
      return radio.connect(peer.slice(at + 1), service, done);
    },
  };
}

function cancelAll(cancels: readonly Cancel[]): Cancel {
  return () => {
    for (const cancel of cancels) cancel();
  };
}
