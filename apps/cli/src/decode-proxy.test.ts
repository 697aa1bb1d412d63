import { join } from 'node:path';
import { AD_SERVICE_DATA, encodeServiceData } from '@meshferry/bearer';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  encodeNetworkPdu,
  encodeProxyConfiguration,
  encodeProxyIdentity,
  encodeSecureNetworkBeacon,
  NetKeyMaterial,
  type ProxyConfiguration,
  type ProxyIdentityType,
  ProxyMessageType,
  proxyIdentity,
  segmentProxyMessage,
} from '@meshferry/network';
import { Observer } from '@meshferry/node';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { PROXY_CONFIGURATION_NAMES } from './capture/catalogue.ts';
import { ProxyObserver } from './capture/proxy-observer.ts';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const NODE = 0x0105;
const netKey = new NetKeyMaterial(portableCrypto, 3, new Uint8Array(16).fill(7));
const random = new Uint8Array(8).fill(9);
const KEYS = {
  ivIndex: 4,
  netKeys: [{ index: 3, key: toHex(netKey.key) }],
  appKeys: [],
  devKeys: [{ addr: NODE, key: '00'.repeat(16) }],
};

/** Decodes lines of a capture. */
async function decode(lines: readonly object[], how: readonly string[] = ['--json']) {
  const file = folder.write('proxy.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  folder.write('proxy.keys.json', JSON.stringify(KEYS));
  return meshferry(['decode', join(folder.path, 'proxy.jsonl'), ...how], { cwd: file.replace(/[^/]*$/, '') });
}

function advertising(type: ProxyIdentityType, of = netKey): object {
  const data = encodeProxyIdentity(proxyIdentity(type, of, NODE, random));
  return { t: 1, d: 2, ad: AD_SERVICE_DATA, p: toHex(encodeServiceData({ service: 0x1828, data }).data) };
}

function sealed(message: ProxyConfiguration, seq = 1): Uint8Array {
  const transportPdu = encodeProxyConfiguration(message);
  const pdu = { ctl: true, ttl: 0, seq, src: 1, dst: 0, transportPdu };
  return encodeNetworkPdu(pdu, netKey.flooding, 4, 'proxy');
}

function values(type: ProxyMessageType, message: Uint8Array, gatt = 'in'): object[] {
  return segmentProxyMessage(type, message, 20).map((value) => ({ t: 1, d: 0, gatt, p: toHex(value) }));
}

describe('what a proxy advertises', () => {
  test.each([
    ['network-id', 'Network ID', undefined, { networkId: toHex(netKey.networkId) }],
    ['node-identity', 'Node Identity', '0x0105', { hash: expect.any(String), random: toHex(random) }],
    ['private-network-identity', 'Private Network Identity', undefined, { random: toHex(random) }],
    ['private-node-identity', 'Private Node Identity', '0x0105', { random: toHex(random) }],
  ] as const)('%s has a name, fields, and whose it is', async (type, name, node, fields) => {
    const { events } = await decode([advertising(type)]);
    expect(events[0]).toMatchObject({ kind: 'proxy', net: 3, advertising: { type, name, fields }, error: null });
    expect(events[0].node).toBe(node);
    const { stdout } = await decode([advertising(type)], []);
    expect(stdout).toContain(`proxy ${name}`);
  });

  test('under another key is told without a subnet, and what is no identity with the reason', async () => {
    const other = new NetKeyMaterial(portableCrypto, 0, new Uint8Array(16));
    const reserved = { t: 1, d: 2, ad: AD_SERVICE_DATA, p: '281809' };
    const { events, result } = await decode([advertising('node-identity', other), reserved]);
    expect(events[0]).toMatchObject({ kind: 'proxy', advertising: { name: 'Node Identity' }, error: null });
    expect(events[0]).not.toHaveProperty('net');
    expect(events[1]).toMatchObject({ kind: 'proxy', error: 'malformed: Identification Type reserved or missing' });
    expect(result.ok).toBe(true);
  });
});

describe('the values on the link to a proxy', () => {
  const messages: [string, ProxyConfiguration, Json][] = [
    ['Set Filter Type', { type: 'set-filter-type', filterType: 'reject' }, { filterType: 'reject' }],
    [
      'Add Addresses To Filter',
      { type: 'add-addresses', addresses: [0xc000, 1, 2, 3, 4] },
      { addresses: ['0xc000', '0x0001', '0x0002', '0x0003', '0x0004'] },
    ],
    ['Remove Addresses From Filter', { type: 'remove-addresses', addresses: [] }, { addresses: [] }],
    [
      'Filter Status',
      { type: 'filter-status', filterType: 'accept', listSize: 2 },
      { filterType: 'accept', listSize: 2 },
    ],
    [
      'Directed Proxy Capabilities Status',
      { type: 'directed-proxy-capabilities-status', directedProxy: true, useDirected: false },
      { directedProxy: true, useDirected: false },
    ],
    [
      'Directed Proxy Control',
      { type: 'directed-proxy-control', range: { start: 5, length: 2 } },
      { range: { start: 5, length: 2 } },
    ],
  ];

  test.each(messages)('%s: a named message with fields, once it is whole', async (name, message, fields) => {
    const lines = values(ProxyMessageType.configuration, sealed(message));
    const { events } = await decode(lines);
    for (const part of events.slice(0, -2)) expect(part).toMatchObject({ kind: 'proxy', error: null });
    const opcode = `0x0${PROXY_CONFIGURATION_NAMES.indexOf(name)}`;
    expect(events.at(-2)).toMatchObject({
      kind: 'proxy',
      net: 3,
      ivIndex: 4,
      src: '0x0001',
      seq: 1,
      configuration: { opcode, name, payload: toHex(encodeProxyConfiguration(message)), fields },
      error: null,
    });
    expect((await decode(lines, [])).stdout).toMatch(new RegExp(`0x0001 {2}${name}.* proxy\\n`));
  });

  test('beacons are beacons; both directions are put together apart', async () => {
    const state = { keyRefresh: false, ivUpdate: false, ivIndex: 4 };
    const beacon = values(
      ProxyMessageType.meshBeacon,
      encodeSecureNetworkBeacon(netKey.beacon, netKey.networkId, state),
      'out',
    );
    const message = values(
      ProxyMessageType.configuration,
      sealed({ type: 'add-addresses', addresses: [1, 2, 3, 4, 5] }),
    );
    expect([beacon.length, message.length]).toEqual([2, 2]);
    const { events } = await decode([beacon[0]!, message[0]!, beacon[1]!, message[1]!]);
    expect(events[2]).toMatchObject({ kind: 'beacon', beacon: 'secure-network', net: 3 });
    expect(events[3]).toMatchObject({ kind: 'proxy', configuration: { name: 'Add Addresses To Filter' } });
  });

  test('of another key, and against the rules of segmentation, are told as errors', async () => {
    const other = values(ProxyMessageType.configuration, new Uint8Array(18).fill(1));
    const last = { t: 1, d: 0, gatt: 'in', p: 'c201' };
    const { events } = await decode([
      ...other,
      last,
      ...values(ProxyMessageType.configuration, sealed({ type: 'remove-addresses', addresses: [] })),
    ]);
    expect(events[0]).toMatchObject({ kind: 'proxy', error: 'no matching key' });
    expect(events[1]).toMatchObject({ kind: 'proxy', error: 'malformed: segmentation of Proxy PDUs' });
    expect(events[2]).toMatchObject({ configuration: { name: 'Remove Addresses From Filter' } });
  });

  test('of any octets never throw', () => {
    const knowledge = { netKeys: [{ index: 3, key: netKey.key }], ivIndexes: [4] };
    const proxies = new ProxyObserver(new Observer(portableCrypto, knowledge), knowledge);
    const payload = fc.uint8Array({ minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), payload, (value, transportPdu) => {
        expect(proxies.hearValue('a', value).kind).toMatch(/proxy|network|beacon/);
        expect(proxies.hearAdvertising(AD_SERVICE_DATA, value).kind).toBe('proxy');
        const pdu = { ctl: true, ttl: 0, seq: 1, src: 1, dst: 0, transportPdu };
        const octets = encodeNetworkPdu(pdu, netKey.flooding, 4, 'proxy');
        const whole = Uint8Array.of(ProxyMessageType.configuration, ...octets);
        expect(proxies.hearValue('b', whole)).toMatchObject({ kind: 'proxy', src: 1, payload: transportPdu });
      }),
    );
  });
});
