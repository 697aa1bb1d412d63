import { fromHex, toHex } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDestination } from './addresses.ts';
import { decodeNetworkPdu, encodeNetworkPdu, type NetworkPdu, type NetworkSecurity, networkSecurity } from './pdu.ts';
import { relayTargets } from './relay.ts';
import { hex, network as vectors } from './testing/vectors.ts';
import { decodeTransmit, encodeTransmit } from './transmit-state.ts';

function securityOf(keys: { nid: string; encryptionKey: string; privacyKey: string }): NetworkSecurity {
  return networkSecurity(portableCrypto, {
    nid: hex(keys.nid),
    encryptionKey: fromHex(keys.encryptionKey),
    privacyKey: fromHex(keys.privacyKey),
  });
}

function pduOf(v: {
  ctl: number;
  ttl: string;
  seq: string;
  src: string;
  dst: string;
  transportPdu: string;
}): NetworkPdu {
  const { ctl, ttl, seq, src, dst, transportPdu } = v;
  return {
    ctl: ctl === 1,
    ttl: hex(ttl),
    seq: hex(seq),
    src: hex(src),
    dst: hex(dst),
    transportPdu: fromHex(transportPdu),
  };
}

const ofNetKey = (key: string) => networkSecurity(portableCrypto, networkCredentials(portableCrypto, fromHex(key)));

describe('Network PDU', () => {
  it.each(vectors.encode)('encodes and decodes $id', (v) => {
    const security = securityOf(v.keys);
    const ivIndex = hex(v.ivIndex);
    const pdu = pduOf(v);
    expect(toHex(encodeNetworkPdu(pdu, security, ivIndex, v.nonceType))).toBe(v.pdu);
    expect(decodeNetworkPdu(fromHex(v.pdu), security, ivIndex, v.nonceType)).toEqual({ ok: true, value: pdu });
  });

  it.each(vectors.relay)('is relayed: $id', (v) => {
    const ivIndex = hex(v.ivIndex);
    const received = decodeNetworkPdu(fromHex(v.inPdu), securityOf(v.inKeys), ivIndex);
    if (!received.ok) throw new Error(received.error.reason);
    expect(received.value.ttl).toBe(hex(v.inTtl));
    const onward = { ...received.value, ttl: received.value.ttl - 1 };
    expect(toHex(encodeNetworkPdu(onward, securityOf(v.outKeys), ivIndex))).toBe(v.outPdu);
  });

  it.each(vectors.negative.filter((v) => v.netKey !== undefined))('is refused or found to be what it is: $id', (v) => {
    const decoded = decodeNetworkPdu(fromHex(v.pdu), ofNetKey(v.netKey ?? ''), hex(v.ivIndex));
    if (v.id === 'neg-own-source') {
      // Only the node with that address refuses it: network-receiver.test.ts.
      expect(decoded.ok).toBe(true);
    } else {
      expect(decoded.ok).toBe(false);
      if (v.expect.authenticates) expect(decoded.ok || decoded.error.field).toMatch(/SRC|DST/);
    }
  });

  const anyPdu = fc.boolean().chain((ctl) =>
    fc.record({
      ctl: fc.constant(ctl),
      ttl: fc.integer({ min: 0, max: 127 }),
      seq: fc.integer({ min: 0, max: 0xff_ffff }),
      src: fc.integer({ min: 1, max: 0x7fff }),
      dst: fc.integer({ min: 1, max: 0xffff }).filter((dst) => isDestination(dst, ctl)),
      transportPdu: fc.uint8Array({ minLength: 1, maxLength: ctl ? 12 : 16 }),
    }),
  );
  const anyIvIndex = fc.integer({ min: 0, max: 0xffff_ffff });
  const security = ofNetKey('7dd7364cd842ad18c17c2b820c84c3d6');

  it('decodes to what was encoded, and not at all after any change of one bit', () => {
    fc.assert(
      fc.property(anyPdu, anyIvIndex, fc.nat(), (pdu, ivIndex, position) => {
        const octets = encodeNetworkPdu(pdu, security, ivIndex);
        expect(decodeNetworkPdu(octets, security, ivIndex)).toEqual({ ok: true, value: pdu });
        const bit = position % (octets.length * 8);
        octets[bit >> 3]! ^= 1 << (bit & 7);
        expect(decodeNetworkPdu(octets, security, ivIndex).ok).toBe(false);
      }),
    );
  });

  it('never throws at octets of any length, nor accepts them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), anyIvIndex, (octets, ivIndex) => {
        if (octets.length > 0) octets[0] = ((ivIndex & 1) << 7) | security.nid;
        expect(decodeNetworkPdu(octets, security, ivIndex).ok).toBe(false);
      }),
    );
  });
});

describe('relaying', () => {
  it.each(vectors.relayDecisions)('goes where $id says', (v) => {
    const targets = relayTargets({
      from: v.in ?? 'ADV',
      credentials: v.security ?? 'flooding',
      ttl: v.ttl,
      forOwnUnicast: v.dst === 'own unicast',
      relay: v.relay ?? false,
      proxy: v.proxy ?? false,
      friend: v.friend ?? false,
    });
    const expected = v.expect;
    expect(targets.adv !== undefined).toBe(expected.some((place) => place.startsWith('ADV')));
    expect(targets.gatt !== undefined).toBe(expected.some((place) => place.startsWith('GATT')));
    const adv = expected.find((place) => place.includes('tagged relay') || place.includes('Network Transmit'));
    if (adv !== undefined) expect(targets.adv).toBe(adv.includes('tagged relay') ? 'relay' : 'originated');
    if (expected.some((place) => place.includes('other'))) expect(targets.gatt).toBe('others');
  });
});

describe('addresses and states', () => {
  it.each(vectors.addresses)('$address ($type) is a destination as table 3.10 says', (v) => {
    const address = hex(v.address);
    expect(isDestination(address, false)).toBe(v.type !== 'unassigned');
    expect(isDestination(address, true)).toBe(v.type !== 'unassigned' && v.type !== 'virtual');
  });

  it.each(vectors.transmitStates)('transmit state $octet', (v) => {
    const transmit = { count: v.transmissions, intervalMs: v.intervalMs };
    expect(decodeTransmit(hex(v.octet))).toEqual(transmit);
    expect(encodeTransmit(transmit)).toBe(hex(v.octet));
  });

  it('refuses transmit states that have no octet', () => {
    for (const [count, intervalMs] of [
      [0, 20],
      [9, 20],
      [1, 0],
      [1, 15],
      [1, 330],
    ] as const) {
      expect(() => encodeTransmit({ count, intervalMs })).toThrow(expect.objectContaining({ code: 'bad-field' }));
    }
  });
});
