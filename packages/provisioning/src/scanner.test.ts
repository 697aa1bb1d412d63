import { AD_MESH_BEACON, type GattCentral, memoryAir, memoryGatt } from '@meshferry/bearer';
import { fromHex, SeededRandom, toHex, utf8, VirtualClock } from '@meshferry/core';
import { portableCrypto, uriHash } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { pbAdvAcceptor } from './pb-adv-acceptor.ts';
import { pbGattAcceptor } from './pb-gatt-acceptor.ts';
import { type UnprovisionedDevice, UnprovisionedScanner } from './scanner.ts';
import { HandRadio } from './testing/hand-radio.ts';

const crypto = portableCrypto;
const uuid = (fill: number) => new Uint8Array(16).fill(fill);
/** `https://example.org/device`: the scheme is one code point. */
const URI = utf8('\u0017//example.org/device');

function scanning() {
  const clock = new VirtualClock();
  const radio = new HandRadio(clock);
  const scanner = new UnprovisionedScanner({ clock, crypto, advertising: radio });
  const changes: UnprovisionedDevice[] = [];
  scanner.changes.subscribe((device) => changes.push(device));
  const hear = (octets: string) => radio.hear(octets, AD_MESH_BEACON);
  return { clock, radio, scanner, changes, hear };
}

describe('scanning for unprovisioned devices', () => {
  it('finds real ones over both bearers, with the URI whose hash their beacon has', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom('scan');
    const air = memoryAir(clock, random);
    const gatt = memoryGatt(clock);
    const ground = { clock, random, crypto };
    const join = () => pbAdvAcceptor(ground, air.join().advertising);
    join().accept({ uuid: uuid(1), oobInformation: 0x0002, uri: URI }, () => {});
    const stop = join().accept({ uuid: uuid(2), oobInformation: 0 }, () => {});
    pbGattAcceptor(ground, gatt.peripheral()).accept({ uuid: uuid(2), oobInformation: 0x4020 }, () => {});
    const scanner = new UnprovisionedScanner({
      clock,
      crypto,
      advertising: air.join().advertising,
      central: gatt.central(),
    });
    const changes: string[] = [];
    scanner.changes.subscribe((device) => changes.push(device.bearer + device.uuid[0]));
    clock.advance(10_000);

    const byKey = new Map(scanner.devices.map((device) => [device.bearer + device.uuid[0], device]));
    expect([...byKey.keys()].sort()).toEqual(['adv1', 'adv2', 'gatt2']);
    expect(byKey.get('adv1')).toMatchObject({ oobInformation: 2, uriHash: uriHash(crypto, URI), uri: URI });
    expect(byKey.get('adv2')).not.toHaveProperty('uriHash');
    expect(byKey.get('gatt2')).toMatchObject({ oobInformation: 0x4020, rssi: -60 });
    expect(changes.sort()).toEqual(['adv1', 'adv1', 'adv2', 'gatt2']); // the URI came after the beacon

    stop();
    clock.advance(40_000);
    expect(scanner.devices.map((device) => device.bearer + device.uuid[0]).sort()).toEqual(['adv1', 'gatt2']);
    scanner.close();
    clock.advance(60_000);
    expect(scanner.devices).toEqual([]);
  });

  it('ignores other beacons and other lengths', () => {
    const { scanner, hear } = scanning();
    for (const beacon of ['', '01', `00${'11'.repeat(17)}`, `00${'11'.repeat(19)}`, `01${'11'.repeat(21)}`])
      hear(beacon);
    expect(scanner.devices).toEqual([]);
  });

  it('takes a hash of zeros for none', () => {
    const { scanner, hear } = scanning();
    hear(`00${'11'.repeat(16)}000000000000`);
    expect(scanner.devices[0]).not.toHaveProperty('uriHash');
  });

  it('tells of a device when it is new, says something else, or comes back', () => {
    const { clock, changes, hear } = scanning();
    const beacon = `00${'11'.repeat(16)}`;
    hear(`${beacon}0000`);
    hear(`${beacon}0000`);
    expect(changes).toHaveLength(1);
    hear(`${beacon}0001`);
    hear(`${beacon}000111223344`);
    hear(`${beacon}000111223344`);
    expect(changes).toHaveLength(3);
    clock.advance(31_000);
    hear(`${beacon}000111223344`);
    expect(changes).toHaveLength(4);
  });

  it('knows a URI that came before the beacon', () => {
    const { scanner, radio, hear } = scanning();
    radio.hear(toHex(URI), 0x24);
    radio.hear(toHex(URI), 0x24);
    hear(`00${'11'.repeat(16)}0002${toHex(uriHash(crypto, URI))}`);
    expect(scanner.devices[0]!.uri).toEqual(URI);
  });

  it('keeps a thousand devices and a hundred URIs at most: the latest', () => {
    const { scanner, radio, hear } = scanning();
    const text = (i: number, octets: number) => i.toString(16).padStart(2 * octets, '0');
    for (let i = 0; i < 1500; i++) hear(`00${text(i, 16)}0000`);
    expect(scanner.devices).toHaveLength(1000);
    expect(Math.min(...scanner.devices.map(({ uuid }) => (uuid[14]! << 8) | uuid[15]!))).toBe(500);
    for (let i = 0; i < 150; i++) radio.hear(`17${text(i, 2)}`, 0x24);
    const hash = (i: number) => toHex(uriHash(crypto, fromHex(`17${text(i, 2)}`)));
    hear(`00${'aa'.repeat(16)}0000${hash(10)}`);
    hear(`00${'bb'.repeat(16)}0000${hash(140)}`);
    const [a, b] = [0xaa, 0xbb].map((fill) => scanner.devices.find((device) => device.uuid[0] === fill));
    expect([a!.uri, b!.uri !== undefined]).toEqual([undefined, true]);
  });

  it('lists the nearest first', () => {
    const clock = new VirtualClock();
    let found: Parameters<GattCentral['discover']>[1] = () => {};
    const central: GattCentral = {
      discover: (_, callback) => {
        found = callback;
        return () => {};
      },
      connect: () => () => {},
    };
    const scanner = new UnprovisionedScanner({ clock, crypto, central });
    [-80, -40, -60].forEach((rssi, i) => {
      found({ service: 0x1827, data: new Uint8Array(18).fill(i), peer: 'x', rssi, at: clock.now });
    });
    found({ service: 0x1827, data: new Uint8Array(17), peer: 'x', rssi: 0, at: clock.now });
    expect(scanner.devices.map(({ rssi }) => rssi)).toEqual([-40, -60, -80]);
  });
});
