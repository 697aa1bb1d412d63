import { type Address, fromHex, MemoryStore, SeededRandom, type Store, toHex, VirtualClock } from '@meshferry/core';
import {
  directedCredentials,
  friendshipCredentials,
  type NetworkCredentials,
  networkCredentials,
  portableCrypto,
} from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import type { AccessReceived, AccessSend } from './contract.ts';
import { NetworkLayer } from './network-layer.ts';
import type { NetworkLayerOptions } from './options.ts';
import { decodeNetworkPdu, encodeNetworkPdu, networkSecurity } from './pdu.ts';
import { ScriptedAdvertising } from './testing/scripted-advertising.ts';
import { hex, network, type SampleMessage, samples, transport } from './testing/vectors.ts';

const all = [...samples.messages, ...samples.additional];

describe('sample messages: Network PDUs', () => {
  it.each(all)('$id $title', (v) => {
    const derived = credentialsOf(v.security, fromHex(v.netKey));
    expect([derived.nid, toHex(derived.encryptionKey), toHex(derived.privacyKey)]).toEqual([
      hex(v.nid),
      v.encryptionKey,
      v.privacyKey,
    ]);
    const security = networkSecurity(portableCrypto, derived);
    for (const part of v.network) {
      const pdu = {
        ctl: part.ctl === 1,
        ttl: hex(part.ttl),
        seq: hex(part.seq),
        src: hex(part.src),
        dst: hex(part.dst),
        transportPdu: fromHex(part.transportPdu),
      };
      expect(toHex(encodeNetworkPdu(pdu, security, hex(v.ivIndex)))).toBe(part.pdu);
      expect(decodeNetworkPdu(fromHex(part.pdu), security, hex(v.ivIndex))).toEqual({ ok: true, value: pdu });
    }
  });
});

/** An access message of either vector file as one form. */
interface AccessVector {
  id: string;
  ivIndex: string;
  src: string;
  dst: string;
  seq: string;
  ttl: string;
  keyKind: string;
  label: string | undefined;
  szmic: boolean;
  segmented: boolean;
  payload: string;
  pdus: string[];
}

const fromSamples = all.flatMap((v): AccessVector[] => {
  const { id, ivIndex, kind, upperTransport, access, lowerTransport, network } = v;
  const [first] = network;
  if (kind !== 'access' || first === undefined || upperTransport === undefined || access === undefined) return [];
  const { src, dst, seq, ttl } = first;
  const { keyKind, labelUuid: label } = upperTransport;
  const szmic = upperTransport.szmic === 1;
  const segmented = lowerTransport[0]?.seg === 1;
  const pdus = network.map((part) => part.pdu);
  return [{ id, ivIndex, src, dst, seq, ttl, keyKind, label, szmic, segmented, payload: access.message, pdus }];
});
const fromSegmentation = transport.accessSegmentation.map(
  (v): AccessVector => ({
    ...v,
    label: v.labelUuid,
    szmic: v.szmic === 1,
    segmented: v.sendSegmented,
    payload: v.accessMessage,
    pdus: v.networkPdus,
  }),
);
const accessVectors = [...fromSamples, ...fromSegmentation];
const refused = 'seg-access-dev-group-refused';

describe('access messages through all layers', () => {
  it.each(accessVectors.filter((v) => v.id !== refused))('$id leaves as published', (v) => {
    const { layer, bearer, clock } = sender(v);
    layer.send(messageOf(v));
    clock.advance(60 * (v.pdus.length - 1) + 1);
    expect(bearer.sent.map(({ data }) => toHex(data))).toEqual(v.pdus);
  });

  it.each(accessVectors.filter((v) => v.id !== refused))('$id is understood', (v) => {
    const { received, bearer } = receiver(v);
    for (const pdu of [...v.pdus].reverse()) bearer.hear(fromHex(pdu));
    expect(received.length).toBe(1);
    const { src, dst, ttl, seq, payload, label, key } = received[0]!;
    expect([src, dst, ttl, seq]).toEqual([hex(v.src), hex(v.dst), hex(v.ttl), hex(v.seq)]);
    expect(toHex(payload)).toBe(v.payload);
    expect(label === undefined ? undefined : toHex(label)).toBe(v.label);
    expect(key.kind).toBe(v.keyKind === 'application' ? 'app' : 'device');
  });

  it('refuses a device key to a group, on both sides', () => {
    const v = accessVectors.find(({ id }) => id === refused)!;
    expect(() => sender(v).layer.send(messageOf(v))).toThrow(expect.objectContaining({ code: 'bad-field' }));
    const { received, bearer, layer } = receiver(v);
    bearer.hear(fromHex(v.pdus[0]!));
    expect(received).toEqual([]);
    expect(layer.counters.unreadable).toBe(1);
  });

  it.each(transport.negative.filter((v) => v.networkPdu !== undefined))('$id', (v) => {
    const security = networkSecurity(
      portableCrypto,
      networkCredentials(portableCrypto, fromHex(transport.about.keys.netKey)),
    );
    const decoded = decodeNetworkPdu(fromHex(v.networkPdu ?? ''), security, hex(v.ivIndex));
    if (!decoded.ok) throw new Error(decoded.error.reason);
    const { received, bearer, layer } = receiver({
      ...accessVectors[0]!,
      ivIndex: v.ivIndex,
      src: decoded.value.src.toString(16),
      dst: decoded.value.dst.toString(16),
    });
    bearer.hear(fromHex(v.networkPdu ?? ''));
    expect(layer.counters.received).toBe(1);
    // A device key with an AID is taken when the TransMIC fits.
    expect(received.length).toBe(v.id === 'neg-devkey-nonzero-aid' ? 1 : 0);
  });
});

describe('control messages through all layers', () => {
  it.each(transport.controlSegmentation)('$id', (v) => {
    const { layer, bearer, clock } = sender(v);
    const parameters = fromHex(v.parameters);
    const [src, dst, opcode] = [hex(v.src), hex(v.dst), hex(v.opcode)];
    layer.sendControl({ src, dst, opcode, parameters, ttl: hex(v.ttl), netIndex: 0 });
    clock.advance(60 * (v.networkPdus.length - 1) + 1);
    expect(bearer.sent.map(({ data }) => toHex(data))).toEqual(v.networkPdus);

    const peer = receiver({ ...accessVectors[0]!, ...v, dst: 'fffb' });
    const heard: unknown[] = [];
    peer.layer.handleControl(opcode, (message) => heard.push(message));
    for (const pdu of v.networkPdus) peer.bearer.hear(fromHex(pdu));
    expect(heard).toMatchObject([
      { opcode, parameters, src, dst, ttl: hex(v.ttl), netIndex: 0, credentials: 'flooding', rssi: -50 },
    ]);
  });
});

describe('reception of Network PDUs', () => {
  it.each(network.decode)('$id', (v) => {
    const bearer = new ScriptedAdvertising(new VirtualClock());
    const store = new MemoryStore();
    const flag = v.receiver.ivUpdateActive ? '01' : '00';
    store.batch([['iv', fromHex(v.receiver.ivIndex + flag)]]);
    const layer = makeLayer({ address: 0x0042, store }, () => true, [], []);
    layer.attach(bearer);
    // The two values that a key has during a Key Refresh are both tried; here as two subnets.
    const keys: string[] = v.netKeys.flatMap((key: Record<string, string>) => Object.values(key));
    keys.forEach((key, index) => {
      layer.addNetKey(index, fromHex(key));
    });
    const heard: { opcode: number; netIndex: number; ttl: number; src: number; dst: number; parameters: Uint8Array }[] =
      [];
    layer.handleControl(3, (message) => heard.push(message));
    bearer.hear(fromHex(v.pdu));
    if (!v.expect.accept) {
      expect(layer.counters).toMatchObject({ received: 0, undecryptable: 1 });
      expect(heard).toEqual([]);
      return;
    }
    expect(layer.counters.received).toBe(1);
    const [message] = heard;
    expect([message?.src, message?.dst, message?.ttl]).toEqual([
      hex(v.expect.src),
      hex(v.expect.dst),
      hex(v.expect.ttl),
    ]);
    expect(`03${toHex(message!.parameters)}`).toBe(v.expect.transportPdu);
    if (v.expect.netKeyPosition !== undefined) expect(message?.netIndex).toBe(v.expect.netKeyPosition);
  });

  it.each(network.negative.filter((v) => v.id !== 'neg-friendship-over-gatt'))('is silent about $id', (v) => {
    const bearer = new ScriptedAdvertising(new VirtualClock());
    const store = new MemoryStore();
    const relay = { count: 1, intervalMs: 20 };
    const clock = new VirtualClock();
    const layer = makeLayer({ address: 0x0010, store, ivIndex: hex(v.ivIndex), relay, clock }, () => true, [], []);
    layer.attach(bearer);
    layer.addNetKey(0, fromHex(v.netKey ?? ''));
    bearer.hear(fromHex(v.pdu));
    clock.advance(1000);
    expect(bearer.sent).toEqual([]);
    expect(layer.counters.received).toBe(0);
    expect(store.keys('rpl/')).toEqual([]);
  });

  it('handles and relays a message once, whichever way its copies come', () => {
    const { ivIndex, pdus = [] } = network.messageCache[0]!;
    const bearer = new ScriptedAdvertising(new VirtualClock());
    const clock = new VirtualClock();
    const relay = { count: 2, intervalMs: 30 };
    const layer = makeLayer({ address: 0x0099, ivIndex: hex(ivIndex), relay, clock }, () => true, [], []);
    layer.attach(bearer);
    layer.addNetKey(0, fromHex(samples.keys.netKey));
    for (const pdu of pdus) bearer.hear(fromHex(pdu));
    clock.advance(100);
    expect(layer.counters).toMatchObject({ received: 1, duplicates: 1, relayed: 1 });
    // TTL 11 becomes 10: just the second PDU of the vector.
    expect(bearer.sent.map(({ data, transmit }) => [toHex(data), transmit])).toEqual([[pdus[1], relay]]);
  });
});

function credentialsOf(security: SampleMessage['security'], netKey: Uint8Array): NetworkCredentials {
  if (security.credentials === 'directed') return directedCredentials(portableCrypto, netKey);
  if (security.credentials !== 'friendship') return networkCredentials(portableCrypto, netKey);
  return friendshipCredentials(portableCrypto, netKey, {
    lpnAddress: hex(security.lpnAddress),
    friendAddress: hex(security.friendAddress),
    lpnCounter: hex(security.lpnCounter),
    friendCounter: hex(security.friendCounter),
  });
}

const LABELS: string[] = [...new Set(accessVectors.flatMap((v) => v.label ?? []))];

function messageOf(v: AccessVector): AccessSend {
  return {
    src: hex(v.src),
    dst: hex(v.dst),
    ...(v.label === undefined ? {} : { label: fromHex(v.label) }),
    key: v.keyKind === 'application' ? { kind: 'app', index: 0 } : { kind: 'device', node: hex(v.dst) },
    ttl: hex(v.ttl),
    payload: fromHex(v.payload),
    szmic: v.szmic,
    segmented: v.segmented,
  };
}

function sender(v: Pick<AccessVector, 'src' | 'seq' | 'ivIndex'>) {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  store.batch([['seq', fromHex(`00${v.seq}`)]]);
  const layer = makeLayer({ clock, store, address: hex(v.src), ivIndex: hex(v.ivIndex) }, () => false, [], []);
  return { ...attached(layer, clock), clock };
}

function receiver(v: AccessVector) {
  const clock = new VirtualClock();
  const received: AccessReceived[] = [];
  const dst = hex(v.dst);
  const address = dst < 0x8000 ? dst : 0x7000;
  // Both labels of a colliding virtual address are known.
  const layer = makeLayer({ clock, address, ivIndex: hex(v.ivIndex) }, () => true, received, LABELS.map(fromHex));
  return { ...attached(layer, clock), received };
}

function attached(layer: NetworkLayer, clock: VirtualClock) {
  layer.addNetKey(0, fromHex(samples.keys.netKey));
  layer.addAppKey(0, 0, fromHex(samples.keys.appKey));
  const bearer = new ScriptedAdvertising(clock);
  layer.attach(bearer);
  return { layer, bearer };
}

function makeLayer(
  options: Partial<NetworkLayerOptions> & { address: Address; store?: Store },
  isSubscribed: (dst: Address) => boolean,
  received: AccessReceived[],
  labels: Uint8Array[],
): NetworkLayer {
  const deviceKey = fromHex(samples.keys.deviceKey);
  return new NetworkLayer({
    clock: new VirtualClock(),
    random: new SeededRandom(1),
    store: new MemoryStore(),
    elements: 1,
    transmit: { count: 1, intervalMs: 20 },
    ...options,
    crypto: portableCrypto,
    deviceKey,
    host: {
      isSubscribed,
      labelsOf: () => labels,
      deviceKeyOf: () => deviceKey,
      receive: (message) => received.push(message),
    },
  });
}
