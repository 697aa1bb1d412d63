import { AD_MESH_BEACON, AD_MESH_MESSAGE, AD_PB_ADV, AD_SERVICE_DATA, encodeServiceData } from '@meshferry/bearer';
import { concat } from '@meshferry/core';
import { aid, friendshipCredentials, portableCrypto } from '@meshferry/crypto';
import {
  encodeLowerTransportPdu,
  encodeNetworkPdu,
  encodeSecureNetworkBeacon,
  encodeUnprovisionedDeviceBeacon,
  FriendOffer,
  FriendRequest,
  NetKeyMaterial,
  type NetworkPdu,
  type SubnetSecurity,
  sealAccess,
} from '@meshferry/network';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedNetwork } from './observed.ts';
import { Observer } from './observer.ts';

const netKey = new NetKeyMaterial(portableCrypto, 0, new Uint8Array(16).fill(1));
const appKey = new Uint8Array(16).fill(2);
const deviceKey = new Uint8Array(16).fill(3);
const renewedDeviceKey = new Uint8Array(16).fill(4);
const AID = aid(portableCrypto, appKey);
const LPN = 0x0005;
const FRIEND = 0x0001;
const GROUP = 0xc000;

let observer: Observer;

beforeEach(() => {
  observer = new Observer(portableCrypto, {
    netKeys: [{ index: 0, key: netKey.key }],
    appKeys: [{ index: 7, key: appKey }],
    deviceKeys: [
      { address: 0x0010, key: deviceKey },
      { address: 0x0010, key: renewedDeviceKey },
    ],
    ivIndexes: [4],
  });
});

describe('whatever is heard', () => {
  const data = fc.uint8Array({ maxLength: 40 });
  const structure = fc.record({
    type: fc.constantFrom(AD_MESH_BEACON, AD_MESH_MESSAGE, AD_PB_ADV, AD_SERVICE_DATA, 0x01),
    data: fc.oneof(
      data,
      // Beacon types, Bearer Control and the services of the mesh.
      fc
        .tuple(fc.constantFrom([0], [1], [2], [0x28, 0x18], [0x27, 0x18], [0, 0, 0, 1, 0, 3]), data)
        .map(([head, tail]) => Uint8Array.of(...head, ...tail)),
    ),
  });
  // Under the right key, so that all that is in it is read.
  const transport = fc.record({
    src: fc.integer({ min: 1, max: 20 }),
    dst: fc.oneof(fc.integer({ min: 1, max: 0x7fff }), fc.integer({ min: 0xc000, max: 0xfeff })),
    ttl: fc.nat(0x7f),
    ctl: fc.boolean(),
    transportPdu: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  });

  it('is told as something, and never throws', () => {
    let seq = 0;
    fc.assert(
      fc.property(structure, transport, ({ type, data: octets }, pdu) => {
        expect(observer.hear(type, octets).kind).toMatch(/network|beacon|provisioning|proxy|unknown/);
        const sealed = encodeNetworkPdu({ ...pdu, seq: seq++ }, netKey.flooding, 4);
        expect(hear(sealed)).toMatchObject({ kind: 'network', pdu: { src: pdu.src, dst: pdu.dst, ttl: pdu.ttl } });
      }),
    );
  });
});

describe('repetitions and replays', () => {
  it('a copy with another TTL is a duplicate and tells its message no more', () => {
    expect(hear(access({ seq: 1, ttl: 5 }, 'aa')).message).toBeDefined();
    expect(hear(access({ seq: 1, ttl: 4 }, 'aa'))).toMatchObject({ duplicate: true, message: undefined });
  });

  it('other content under a used SEQ is a replay, however often it comes', () => {
    hear(access({ seq: 1 }, 'aa'));
    const replay = { duplicate: false, error: 'replay', message: undefined };
    expect(hear(access({ seq: 1 }, 'bb'))).toMatchObject(replay);
    expect(hear(access({ seq: 1 }, 'bb'))).toMatchObject(replay);
    expect(hear(access({ seq: 1, dst: GROUP }, 'aa'))).toMatchObject(replay);
  });

  it('the same SEQ under another IV Index is another one', () => {
    hear(access({ seq: 1 }, 'aa'));
    expect(hear(access({ seq: 1 }, 'bb', { ivIndex: 5 })).message).toBeDefined();
  });

  it('a SEQ below the last one that was never used is no replay: observers hear relays out of order', () => {
    hear(access({ seq: 9 }, 'aa'));
    expect(hear(access({ seq: 8 }, 'bb'))).toMatchObject({ error: undefined });
  });

  it('a replayed segment completes nothing', () => {
    const [first, second] = segments({ seq: 20 }, 'aa');
    hear(access({ seq: 21 }, 'bb'));
    hear(first!);
    expect(hear(second!)).toMatchObject({ error: 'replay', message: undefined });
  });
});

describe('friendship', () => {
  it('its credentials are learnt from Friend Request and Friend Offer', () => {
    const security = friendship(LPN, 1);
    expect(hear(access({ seq: 3 }, 'aa', { security })).error).toBe('no matching key');
    establish(LPN, 1);
    const heard = hear(access({ seq: 4 }, 'aa', { security }));
    expect(heard.pdu).toMatchObject({ credentials: 'friendship', friendship: { lpnAddress: LPN, friendCounter: 1 } });
    expect(heard.message).toBeDefined();
  });

  it('an offer to a node that asked for none teaches nothing', () => {
    offer(LPN, 1);
    expect(hear(access({ seq: 3 }, 'aa', { security: friendship(LPN, 1) })).error).toBe('no matching key');
  });

  it('what a Friend passes on is told once, in whichever order both copies come', () => {
    establish(LPN, 1);
    const security = friendship(LPN, 1);
    expect(hear(access({ seq: 5, dst: GROUP }, 'aa')).message).toBeDefined();
    const copy = access({ seq: 5, dst: GROUP, ttl: 4 }, 'aa', { security });
    expect(hear(copy)).toMatchObject({ duplicate: false, passedOn: true, message: undefined, error: undefined });
    expect(hear(copy)).toMatchObject({ duplicate: true });

    expect(hear(access({ seq: 6, dst: GROUP }, 'bb', { security })).message).toBeDefined();
    expect(hear(access({ seq: 6, dst: GROUP, ttl: 4 }, 'bb'))).toMatchObject({ passedOn: true, message: undefined });
  });

  it('a Friend repeats a message to each of its Low Power nodes', () => {
    establish(LPN, 1);
    establish(0x0006, 2);
    expect(hear(access({ seq: 5, dst: GROUP }, 'aa', { security: friendship(LPN, 1) })).message).toBeDefined();
    expect(hear(access({ seq: 5, dst: GROUP }, 'aa', { security: friendship(0x0006, 2) })).message).toBeDefined();
    expect(hear(access({ seq: 5, dst: LPN }, 'cc', { security: friendship(LPN, 1) })).message).toBeDefined();
  });

  function establish(lpn: number, friendCounter: number): void {
    const parameters = FriendRequest.encode({
      rssiFactor: 0,
      receiveWindowFactor: 0,
      minQueueSizeLog: 1,
      receiveDelay: 100,
      pollTimeout: 300,
      previousAddress: 0,
      numElements: 1,
      lpnCounter: 9,
    });
    hear(control({ seq: 100 + lpn, src: lpn, dst: 0xfffd }, FriendRequest.opcode, parameters));
    offer(lpn, friendCounter);
  }

  function offer(lpn: number, friendCounter: number): void {
    const parameters = FriendOffer.encode({
      receiveWindow: 255,
      queueSize: 16,
      subscriptionListSize: 3,
      rssi: -40,
      friendCounter,
    });
    hear(control({ seq: 200 + lpn, src: FRIEND, dst: lpn }, FriendOffer.opcode, parameters));
  }

  function friendship(lpnAddress: number, friendCounter: number): SubnetSecurity {
    const parameters = { lpnAddress, friendAddress: FRIEND, lpnCounter: 9, friendCounter };
    return netKey.secure('friendship', friendshipCredentials(portableCrypto, netKey.key, parameters));
  }
});

describe('messages', () => {
  it('segments come in any order, some twice; the message is told with the last one missing, and once', () => {
    const sent = segments({ seq: 30 }, 'cc');
    const again = segments({ seq: 40 }, 'cc', 30);
    expect(hear(sent[1]!).message).toBeUndefined();
    expect(hear(again[1]!).message).toBeUndefined();
    expect(hear(again[0]!).message).toMatchObject({
      seq: 30,
      micOctets: 8,
      segments: 2,
      key: { kind: 'app', index: 7 },
    });
    expect(hear(sent[0]!).message).toBeUndefined();
  });

  it('every device key of an address is tried, and others where the element is not the primary one', () => {
    const key = (aes: Uint8Array) => ({ key: aes, akf: false });
    const by = { kind: 'device', node: 0x0010 };
    expect(hear(access({ seq: 1, dst: 0x0010 }, 'aa', key(deviceKey))).message?.key).toEqual(by);
    expect(hear(access({ seq: 2, dst: 0x0010 }, 'aa', key(renewedDeviceKey))).message?.key).toEqual(by);
    expect(hear(access({ seq: 3, dst: 0x0011 }, 'aa', key(deviceKey))).message?.key).toEqual(by);
  });

  it('what no key opens is said to be so, on either layer', () => {
    const other = new NetKeyMaterial(portableCrypto, 0, new Uint8Array(16).fill(9)).flooding;
    expect(hear(access({ seq: 1 }, 'aa', { security: other }))).toMatchObject({
      pdu: undefined,
      error: 'no matching key',
    });
    const strange = hear(access({ seq: 1 }, 'aa', { key: new Uint8Array(16).fill(9) }));
    expect(strange).toMatchObject({ pdu: { seq: 1 }, error: 'no matching key' });
  });

  it('the IV Index follows the beacons', () => {
    const pdu = access({ seq: 1 }, 'aa', { ivIndex: 20 });
    expect(hear(pdu).error).toBe('no matching key');
    const beacon = encodeSecureNetworkBeacon(netKey.beacon, netKey.networkId, {
      keyRefresh: false,
      ivUpdate: true,
      ivIndex: 20,
    });
    expect(observer.hear(AD_MESH_BEACON, beacon)).toMatchObject({ beacon: 'secure-network', flags: 2, ivIndex: 20 });
    expect(hear(pdu)).toMatchObject({ error: undefined, pdu: { ivIndex: 20 } });
  });
});

describe('other structures', () => {
  it('beacons', () => {
    const deviceUuid = new Uint8Array(16).fill(7);
    const unprovisioned = encodeUnprovisionedDeviceBeacon({ deviceUuid, oobInformation: 0x0102 });
    expect(observer.hear(AD_MESH_BEACON, unprovisioned)).toMatchObject({
      kind: 'beacon',
      beacon: 'unprovisioned',
      device: { uuid: deviceUuid, oobInformation: 0x0102 },
    });
    const forged = encodeSecureNetworkBeacon(portableCrypto.aes(deviceKey), netKey.networkId, {
      keyRefresh: false,
      ivUpdate: false,
      ivIndex: 9,
    });
    expect(observer.hear(AD_MESH_BEACON, forged)).toMatchObject({ netIndex: undefined, error: 'no matching key' });
    expect(observer.hear(AD_MESH_BEACON, Uint8Array.of(9))).toMatchObject({ kind: 'beacon', beacon: undefined });
  });

  it.each([
    [[0, 0, 0, 1, 0, 0x03, ...new Uint8Array(16)], 'link-open'],
    [[0, 0, 0, 1, 0, 0x07], 'link-ack'],
    [[0, 0, 0, 1, 0, 0x0b, 0], 'link-close'],
    [[0, 0, 0, 1, 0, 0x00, 0, 2, 0x14, 0x00, 5], 'transaction-start'],
    [[0, 0, 0, 1, 0, 0x06, 1], 'transaction-continuation'],
    [[0, 0, 0, 1, 0, 0x01], 'transaction-acknowledgment'],
  ])('PB-ADV %s is %s', (octets, pdu) => {
    expect(observer.hear(AD_PB_ADV, Uint8Array.from(octets))).toMatchObject({
      kind: 'provisioning',
      linkId: 1,
      pdu,
      provisioningType: pdu === 'transaction-start' ? 0 : undefined,
      error: undefined,
    });
  });

  it.each([
    [0x1828, { kind: 'proxy' }],
    [0x1827, { kind: 'provisioning', pdu: 'service-data' }],
    [0x180f, { kind: 'unknown' }],
  ])('service data of 0x%s', (service, expected) => {
    const { type, data } = encodeServiceData({ service, data: new Uint8Array(9) });
    expect(observer.hear(type, data)).toMatchObject(expected);
  });

  it('octets of any kind and length never throw', () => {
    const pdu = access({ seq: 1 }, 'aa');
    for (const type of [AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON, 0x16, 0x2c]) {
      for (let length = 0; length <= pdu.length; length++) observer.hear(type, pdu.subarray(0, length));
      for (let first = 0; first < 256; first++) observer.hear(type, concat(Uint8Array.of(first), pdu.subarray(1)));
    }
    expect(observer.hear(0x2c, pdu)).toEqual({ kind: 'unknown' });
    expect(hear(pdu.subarray(0, 13)).error).toBe('malformed: Network PDU of 13 octets');
  });
});

interface Securing {
  readonly security?: SubnetSecurity;
  readonly ivIndex?: number;
  readonly key?: Uint8Array;
  readonly akf?: boolean;
}

type Head = Partial<Omit<NetworkPdu, 'transportPdu' | 'ctl'>> & { readonly seq: number };

/** An unsegmented message with an opcode of its own. */
function access(head: Head, opcode: string, { key = appKey, akf = true, ...securing }: Securing = {}): Uint8Array {
  const { src = 0x0002, dst = 0x0003, seq } = head;
  const fields = { akf, szmic: false, seq, src, dst, ivIndex: securing.ivIndex ?? 4 };
  const payload = Uint8Array.of(Number.parseInt(opcode, 16) & 0x7f, 1, 2);
  const upperTransportPdu = sealAccess(portableCrypto.aes(key), fields, payload);
  return pdu(
    head,
    false,
    encodeLowerTransportPdu({ format: 'unsegmented-access', akf, aid: akf ? AID : 0, upperTransportPdu }),
    securing,
  );
}

/** The two segments of a message, sent from `head.seq` on; its first transmission began at `seqAuth`. */
function segments(head: Head, opcode: string, seqAuth: number = head.seq): Uint8Array[] {
  const fields = { akf: true, szmic: true, seq: seqAuth, src: 0x0002, dst: 0x0003, ivIndex: 4 };
  const payload = new Uint8Array(10).fill(Number.parseInt(opcode, 16) & 0x7f);
  const upper = sealAccess(portableCrypto.aes(appKey), fields, payload);
  return [0, 1].map((segO) => {
    const segment = upper.subarray(12 * segO, 12 * segO + 12);
    const numbers = { seqZero: seqAuth & 0x1fff, segO, segN: 1 };
    const transport = { format: 'segmented-access', akf: true, aid: AID, szmic: true, ...numbers, segment } as const;
    return pdu({ ...head, seq: head.seq + segO }, false, encodeLowerTransportPdu(transport), {});
  });
}

function control(head: Head, opcode: number, parameters: Uint8Array): Uint8Array {
  return pdu(head, true, encodeLowerTransportPdu({ format: 'unsegmented-control', opcode, parameters }), {});
}

function pdu(head: Head, ctl: boolean, transportPdu: Uint8Array, { security, ivIndex = 4 }: Securing): Uint8Array {
  const clear = { src: 0x0002, dst: 0x0003, ttl: 5, ...head, ctl, transportPdu };
  return encodeNetworkPdu(clear, security ?? netKey.flooding, ivIndex);
}

function hear(octets: Uint8Array): ObservedNetwork {
  return observer.hear(AD_MESH_MESSAGE, octets) as ObservedNetwork;
}
