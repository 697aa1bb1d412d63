import {
  decodeAdStructures,
  decodeServiceData,
  encodeServiceAdvertisement,
  encodeServiceData,
  memoryGattLinks,
} from '@meshferry/bearer';
import { fromHex, MemoryStore, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { ProxyFilter } from './filter.ts';
import { decodeProxyIdentity, encodeProxyIdentity, isIdentityOf, proxyIdentity } from './identity-pdu.ts';
import { NetKeyMaterial } from './key-material.ts';
import { decodeNetworkPdu, encodeNetworkPdu, networkSecurity } from './pdu.ts';
import { decodeProxyConfiguration, encodeProxyConfiguration, type ProxyConfiguration } from './proxy-configuration.ts';
import { configurationOf, sealProxyConfiguration } from './proxy-configurator.ts';
import {
  PROVISIONING_SERVICE_LIMITS,
  PROXY_SERVICE_LIMITS,
  type ProxyMessageType,
  ProxyReassembler,
  segmentProxyMessage,
} from './proxy-pdu.ts';
import { SolicitationReplayList } from './solicitation-list.ts';
import {
  decodeSolicitationPdu,
  encodeSolicitationPdu,
  solicitationPduOf,
  solicitationServiceData,
} from './solicitation-pdu.ts';
import { TestNode } from './testing/node.ts';
import { type ProxyVectors, proxy as vectors } from './testing/proxy-vectors.ts';
import { ScriptedProxyClient } from './testing/scripted-proxy-client.ts';
import { hex } from './testing/vectors.ts';

/** The long messages of the vectors are of no real PDU, so the limits of the services do not apply to them. */
const NO_LIMITS = { 0: 100, 1: 100, 2: 100, 3: 100 };

function reassemble(pdus: readonly string[], limits = NO_LIMITS as Partial<Record<number, number>>) {
  const clock = new VirtualClock();
  const messages: { messageType: string; message: string }[] = [];
  let violatedAt: number | undefined;
  const reassembler = new ProxyReassembler(clock, limits, {
    message: (type, message) => void messages.push({ messageType: `0${type}`, message: toHex(message) }),
    violated: () => {
      violatedAt = at;
    },
  });
  let at = 0;
  for (const pdu of pdus) {
    at++;
    reassembler.receive(fromHex(pdu));
  }
  return { clock, messages, violatedAt: () => violatedAt };
}

describe('segmentation of the vectors', () => {
  it.each(vectors.segmentation)('$id', ({ messageType, maxProxyPduSize, message, proxyPdus }) => {
    const type = hex(messageType) as ProxyMessageType;
    expect(segmentProxyMessage(type, fromHex(message), maxProxyPduSize).map(toHex)).toEqual(proxyPdus);
    expect(reassemble(proxyPdus).messages).toEqual([{ messageType, message }]);
  });
});

describe('reassembly of the vectors', () => {
  const limits = ({ id, service = '' }: ProxyVectors['reassembly'][number]) =>
    id === 're-long'
      ? NO_LIMITS
      : service.includes('Provisioning')
        ? PROVISIONING_SERVICE_LIMITS
        : PROXY_SERVICE_LIMITS;

  it.each(vectors.reassembly)('$id', (vector) => {
    const { clock, messages, violatedAt } = reassemble(vector.pdus, limits(vector));
    if (typeof vector.expect !== 'string') {
      expect([messages, violatedAt()]).toEqual([vector.expect, undefined]);
    } else if (vector.id === 're-timeout') {
      clock.advance(19_999);
      expect(violatedAt()).toBeUndefined();
      clock.advance(1);
      expect(violatedAt()).toBe(1);
    } else if (vector.expect.startsWith('disconnect')) {
      expect([messages, violatedAt()]).toEqual([[], vector.expect.includes('second') ? 2 : 1]);
    } else if (vector.id === 're-header-only') {
      expect(messages).toEqual([{ messageType: '00', message: '' }]);
    } else {
      expect(vector.expect).toContain('ignored');
      expect([messages, violatedAt()]).toEqual([[], undefined]);
    }
  });
});

function configuration({ fields }: ProxyVectors['configurationMessages'][number]): ProxyConfiguration {
  const filterType = fields.filterType === 'reject list' ? 'reject' : 'accept';
  const addresses = fields.addresses?.map(hex) ?? [];
  switch (fields.name) {
    case 'Set Filter Type':
      return { type: 'set-filter-type', filterType };
    case 'Add Addresses To Filter':
      return { type: 'add-addresses', addresses };
    case 'Remove Addresses From Filter':
      return { type: 'remove-addresses', addresses };
    case 'Filter Status':
      return { type: 'filter-status', filterType, listSize: fields.listSize! };
    case 'DIRECTED_PROXY_CAPABILITIES_STATUS':
      return {
        type: 'directed-proxy-capabilities-status',
        directedProxy: fields.directedProxy === 1,
        useDirected: fields.useDirected === 1,
      };
    default:
      return {
        type: 'directed-proxy-control',
        range: fields.range && { start: hex(fields.range.start), length: fields.range.length },
      };
  }
}

function security(netKey: string) {
  return networkSecurity(portableCrypto, networkCredentials(portableCrypto, fromHex(netKey)));
}

describe('proxy configuration messages of the vectors', () => {
  it.each(vectors.configurationMessages)('$id', (v) => {
    const message = configuration(v);
    expect(toHex(encodeProxyConfiguration(message))).toBe(v.transportPdu);
    expect(decodeProxyConfiguration(fromHex(v.transportPdu))).toEqual({ ok: true, value: message });
    const sealed = sealProxyConfiguration(message, hex(v.seq), hex(v.src), security(v.netKey), hex(v.ivIndex));
    expect(toHex(sealed)).toBe(v.message);
    expect(segmentProxyMessage(2, sealed, 64).map(toHex)).toEqual([v.proxyPdu]);
    const opened = decodeNetworkPdu(fromHex(v.message), security(v.netKey), hex(v.ivIndex), 'proxy');
    expect(opened).toMatchObject({ ok: true, value: { seq: hex(v.seq), src: hex(v.src), dst: 0, ttl: 0, ctl: true } });
    if (opened.ok) expect(configurationOf(opened.value)).toEqual({ ok: true, value: message });
  });

  it.each(vectors.configurationNegative)('$id: $expect', (v) => {
    const clock = new VirtualClock();
    const netKey = fromHex(v.netKey);
    const node = new TestNode({
      clock,
      random: new SeededRandom(1),
      store: new MemoryStore(),
      address: 0x0100,
      netKeys: [{ index: 0, key: netKey }],
      appKeys: [],
      ivIndex: hex(v.ivIndex),
    });
    const { client, server } = memoryGattLinks(clock, { mtu: 69 });
    node.layer.attachProxyClient(server);
    const scripted = new ScriptedProxyClient(clock, client, 1, { netKey, ivIndex: hex(v.ivIndex) });
    clock.advance(100);
    expect(scripted.take()).toEqual([{ beacon: '01' }]);
    scripted.write(fromHex(v.proxyPdu));
    clock.advance(100);
    const status = { type: 'filter-status', filterType: 'accept', listSize: 0 };
    expect(scripted.take()).toEqual(v.expect.includes('answers') ? [{ configuration: status }] : []);
    expect(scripted.closed).toBe(false);
  });
});

describe('filters of the vectors', () => {
  it.each(vectors.filters)('$id', ({ steps, capacity = 16 }) => {
    const filter = new ProxyFilter(capacity);
    let checks = 0;
    for (const { on, list, network, forwarded, fromClient, answer } of steps) {
      if (on === 'connect') expect([filter.type, filter.size]).toEqual(['accept', 0]);
      if (fromClient?.src !== undefined) filter.learn(hex(fromClient.src));
      const addresses = fromClient?.addresses?.map(hex) ?? [];
      if (fromClient?.config === 'Add') filter.add(addresses);
      else if (fromClient?.config === 'Remove') filter.remove(addresses);
      else if (fromClient?.config === 'Set') filter.setType(fromClient.filterType === 1 ? 'reject' : 'accept');
      if (list !== undefined) {
        checks++;
        expect(filter.size).toBe(list.length);
        for (const address of list) expect(filter.passes(hex(address))).toBe(true);
      }
      if (network !== undefined) {
        checks++;
        expect(filter.passes(hex(network.dst))).toBe(forwarded);
      }
      if (answer !== undefined) {
        checks++;
        expect({ filterType: filter.type === 'reject' ? 1 : 0, listSize: filter.size }).toEqual(answer);
      }
    }
    expect(checks).toBeGreaterThan(0);
  });
});

describe('advertising of the vectors', () => {
  const keys = new NetKeyMaterial(portableCrypto, 0, fromHex('7dd7364cd842ad18c17c2b820c84c3d6'));

  it.each(vectors.proxyAdvertising)('$id', (v) => {
    const address = hex(v.address ?? '1201');
    const decoded = decodeProxyIdentity(fromHex(v.serviceData));
    if (!decoded.ok) throw new Error(decoded.error.reason);
    expect(isIdentityOf(decoded.value, keys, address)).toBe(true);
    expect(proxyIdentity(decoded.value.type, keys, address, fromHex(v.random ?? ''))).toEqual(decoded.value);
    const data = encodeProxyIdentity(decoded.value);
    expect(toHex(data)).toBe(v.serviceData);
    expect(toHex(encodeServiceAdvertisement({ service: 0x1828, data }))).toBe(v.advertisingData);
    const found = decodeAdStructures(fromHex(v.advertisingData)).map(decodeServiceData);
    expect(found).toEqual([undefined, undefined, { service: 0x1828, data }]);
  });

  it.each(vectors.proxyAdvertisingNegative)('$id', (v) => {
    const decoded = decodeProxyIdentity(fromHex(v.serviceData));
    expect(decoded.ok).toBe(v.expect === 'no match');
    if (decoded.ok) expect(isIdentityOf(decoded.value, keys, hex(v.address ?? '1201'))).toBe(false);
  });

  it.each(vectors.provisioningAdvertising)('$id', (v) => {
    const serviceData = { service: 0x1827, data: fromHex(v.serviceData) };
    expect(toHex(encodeServiceAdvertisement(serviceData))).toBe(v.advertisingData);
    expect(decodeServiceData(encodeServiceData(serviceData))).toEqual(serviceData);
  });
});

describe('solicitations of the vectors', () => {
  it.each(vectors.solicitation)('$id', (v) => {
    const solicitation = { ssrc: hex(v.ssrc), sseq: hex(v.sseq) };
    const keys = security(v.netKey);
    const pdu = fromHex(v.pdu);
    if (hex(v.dst) !== 0) {
      const clear = { ctl: true, ttl: 0, seq: solicitation.sseq, src: solicitation.ssrc, dst: hex(v.dst) };
      const sealed = encodeNetworkPdu({ ...clear, transportPdu: new Uint8Array(0) }, keys, 0, 'solicitation');
      expect(toHex(sealed)).toBe(v.pdu);
      expect(decodeSolicitationPdu(pdu, keys)).toMatchObject({ ok: false, error: { field: 'DST' } });
      return;
    }
    expect(toHex(encodeSolicitationPdu(solicitation, keys))).toBe(v.pdu);
    expect(decodeSolicitationPdu(pdu, keys)).toEqual({ ok: true, value: solicitation });
    const serviceData = solicitationServiceData(pdu);
    expect(toHex(serviceData.data)).toBe(v.serviceData);
    expect(toHex(encodeServiceAdvertisement(serviceData))).toBe(v.advertisingData);
    expect(toHex(solicitationPduOf(serviceData)!)).toBe(v.pdu);
  });

  it.each(vectors.solicitationReplay)('replay: $id', ({ capacity, steps }) => {
    const store = new MemoryStore();
    for (const { ssrc, sseq, valid } of steps) {
      const list = new SolicitationReplayList(store, capacity); // a restart after each step changes nothing
      expect(list.accept({ ssrc: hex(ssrc), sseq })).toBe(valid);
    }
  });
});

describe('beacons on connection of the vectors', () => {
  it.each(vectors.connectionBeacons)('%j', (v) => {
    const clock = new VirtualClock();
    const node = new TestNode({ clock, random: new SeededRandom(1), store: new MemoryStore(), address: 1 });
    const { states } = node.layer.proxy;
    states.gattProxy = v.gattProxy === 1;
    if (v.privateGattProxy === 1) states.privateGattProxy = true;
    if (v.nodeIdentity === 1) states.setNodeIdentity(0, true);
    if (v.privateNodeIdentity === 1) states.setPrivateNodeIdentity(0, true);
    const { client, server } = memoryGattLinks(clock);
    node.layer.attachProxyClient(server);
    const scripted = new ScriptedProxyClient(clock, client, 2);
    clock.advance(100);
    expect(scripted.take()).toEqual([{ beacon: v.beacon === 'Secure Network' ? '01' : '02' }]);
    states.privateGattProxy = false; // the privacy parameter stays as it was
    states.gattProxy = true;
    node.layer.addNetKey(1, new Uint8Array(16).fill(0x33));
    clock.advance(100);
    expect(scripted.take()).toEqual([{ beacon: v.beacon === 'Secure Network' ? '01' : '02' }]);
  });
});
