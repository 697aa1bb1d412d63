import type { Bearer, GattAdvertisement, GattCentral, GattDevice, GattLink, GattPeripheral } from '@meshferry/bearer';
import { type Clock, MeshError } from '@meshferry/core';

export type Whole = Bearer & { readonly central: GattCentral; readonly peripheral: GattPeripheral };
export type Break = (bearer: Whole, clock: Clock) => Bearer;

export const central =
  (broken: (inner: GattCentral, clock: Clock) => Partial<GattCentral>): Break =>
  (bearer, clock) => {
    const inner = bearer.central;
    return {
      peripheral: bearer.peripheral,
      central: {
        discover: (services, found) => inner.discover(services, found),
        connect: (peer, service, done) => inner.connect(peer, service, done),
        scan: (tell) => inner.scan!(tell),
        ...broken(inner, clock),
      },
      close: () => bearer.close(),
    };
  };

export const peripheral =
  (broken: (inner: GattPeripheral, clock: Clock) => Partial<GattPeripheral>): Break =>
  (bearer, clock) => {
    const inner = bearer.peripheral;
    return {
      central: bearer.central,
      peripheral: {
        connections: inner.connections,
        advertise: (offer) => inner.advertise(offer),
        serve: (service, connected) => inner.serve(service, connected),
        ...broken(inner, clock),
      },
      close: () => bearer.close(),
    };
  };

/** Breaks the links of the client. */
export const link = (broken: (inner: GattLink, clock: Clock) => Partial<GattLink>): Break =>
  central((inner, clock) => ({
    connect: (peer, service, done) =>
      inner.connect(peer, service, (outcome) =>
        done(outcome instanceof MeshError ? outcome : linkPart(outcome, broken(outcome, clock))),
      ),
  }));

export function linkPart(inner: GattLink, broken: Partial<GattLink>): GattLink {
  return {
    get mtu() {
      return inner.mtu;
    },
    send: (value, done) => inner.send(value, done),
    listen: (listener) => inner.listen(listener),
    disconnect: () => inner.disconnect(),
    ...broken,
  };
}

export const sending = (send: (inner: GattLink, clock: Clock) => GattLink['send']): Break =>
  link((inner, clock) => ({ send: send(inner, clock) }));

export const receiving = (spoil: (value: Uint8Array, received: (value: Uint8Array) => void) => void): Break =>
  link((inner) => ({
    listen: ({ received, disconnected }) =>
      inner.listen({ received: (value) => spoil(value, received), disconnected: () => disconnected() }),
  }));

export const found = (spoil: (found: GattAdvertisement) => GattAdvertisement): Break =>
  central((inner) => ({ discover: (services, tell) => inner.discover(services, (offer) => tell(spoil(offer))) }));

export const scanned = (spoil: (device: GattDevice) => GattDevice): Break =>
  central((inner) => ({ scan: (tell) => inner.scan!((device) => tell(spoil(device))) }));

/** A link of which `ended` is told as well. */
export function toldOfEnd(inner: GattLink, ended: () => void): GattLink {
  return linkPart(inner, {
    listen: ({ received, disconnected }) =>
      inner.listen({
        received: (value) => received(value),
        disconnected: () => {
          ended();
          disconnected();
        },
      }),
  });
}

export const nothing = () => {};
