import { MESH_PROXY_SOLICITATION_UUID } from '@meshferry/bearer';
import { toHex, VirtualClock } from '@meshferry/core';
import { networkCredentials, portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProxyIdentity, encodeProxyIdentity, type ProxyIdentity } from './identity-pdu.ts';
import { networkSecurity } from './pdu.ts';
import { decodeProxyConfiguration, encodeProxyConfiguration, type ProxyConfiguration } from './proxy-configuration.ts';
import {
  PROXY_SERVICE_LIMITS,
  type ProxyMessageType,
  ProxyReassembler,
  type ProxyReassemblerListener,
  segmentProxyMessage,
} from './proxy-pdu.ts';
import { decodeSolicitationPdu, encodeSolicitationPdu, solicitationPduOf } from './solicitation-pdu.ts';
import { NET_KEY } from './testing/node.ts';

const security = networkSecurity(portableCrypto, networkCredentials(portableCrypto, NET_KEY));
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const address = fc.nat(0xffff);
const filterType = fc.constantFrom('accept' as const, 'reject' as const);

function listener(messages: string[], violated: () => void = () => {}): ProxyReassemblerListener {
  return { message: (type, message) => void messages.push(`${type} ${toHex(message)}`), violated };
}

describe('segmentation and reassembly', () => {
  it('give every message back, in order, whatever the MTU', () => {
    const message = fc.record({
      type: fc.constantFrom(0, 2) as fc.Arbitrary<ProxyMessageType>,
      octets: fc.uint8Array({ maxLength: 29 }),
      mtu: fc.integer({ min: 5, max: 70 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const heard: string[] = [];
        const reassembler = new ProxyReassembler(new VirtualClock(), PROXY_SERVICE_LIMITS, listener(heard));
        for (const { type, octets, mtu } of messages) {
          for (const pdu of segmentProxyMessage(type, octets, mtu - 3)) {
            expect(pdu.length).toBeLessThanOrEqual(mtu - 3);
            reassembler.receive(pdu);
          }
        }
        expect(heard).toEqual(messages.map(({ type, octets }) => `${type} ${toHex(octets)}`));
      }),
    );
  });

  it('stop at the first violation in random values, and give nothing longer than its kind', () => {
    const value = fc.tuple(fc.constantFrom(0x00, 0x40, 0x80, 0xc0), fc.nat(5), fc.uint8Array({ maxLength: 20 }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 12 }), (values) => {
        const heard: string[] = [];
        let violations = 0;
        const clock = new VirtualClock();
        const count = () => {
          violations++;
        };
        const reassembler = new ProxyReassembler(clock, PROXY_SERVICE_LIMITS, listener(heard, count));
        for (const [sar, type, data] of values) {
          const before = [heard.length, violations];
          reassembler.receive(Uint8Array.of(sar | type, ...data));
          if (before[1] === 1) expect([heard.length, violations]).toEqual(before);
        }
        clock.advance(20_000);
        expect(violations).toBeLessThanOrEqual(1);
        for (const message of heard) {
          const [type, text] = message.split(' ') as [string, string];
          expect(text.length / 2).toBeLessThanOrEqual(PROXY_SERVICE_LIMITS[Number(type)] ?? -1);
        }
      }),
    );
  });
});

describe('proxy configuration messages', () => {
  const range = fc
    .record({ start: fc.integer({ min: 1, max: 0x7fff }), length: fc.integer({ min: 1, max: 255 }) })
    .filter(({ start, length }) => start + length <= 0x8000);
  const message: fc.Arbitrary<ProxyConfiguration> = fc.oneof(
    fc.record({ type: fc.constant('set-filter-type' as const), filterType }),
    fc.record({
      type: fc.constantFrom('add-addresses' as const, 'remove-addresses' as const),
      addresses: fc.array(address, { maxLength: 5 }),
    }),
    fc.record({ type: fc.constant('filter-status' as const), filterType, listSize: fc.nat(0xffff) }),
    fc.record({
      type: fc.constant('directed-proxy-capabilities-status' as const),
      directedProxy: fc.boolean(),
      useDirected: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('directed-proxy-control' as const),
      range: fc.option(range, { nil: undefined }),
    }),
  );

  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeProxyConfiguration(encodeProxyConfiguration(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('of random octets are in range or none', () => {
    fc.assert(
      fc.property(fc.nat(7), fc.uint8Array({ maxLength: 14 }), (opcode, rest) => {
        for (const any of [rest, Uint8Array.of(opcode, ...rest)]) {
          const decoded = decodeProxyConfiguration(any);
          if (decoded.ok) expect(encodeProxyConfiguration(decoded.value)).toEqual(any);
        }
      }),
    );
  });

  it('take no more than five addresses', () => {
    const addresses = [1, 2, 3, 4, 5, 6];
    expect(() => encodeProxyConfiguration({ type: 'add-addresses', addresses })).toThrow(
      expect.objectContaining({ code: 'bad-field' }),
    );
    expect(decodeProxyConfiguration(new Uint8Array(13).fill(1)).ok).toBe(false);
  });
});

describe('identities', () => {
  const identity: fc.Arbitrary<ProxyIdentity> = fc.oneof(
    fc.record({ type: fc.constant('network-id' as const), networkId: octets(8) }),
    fc.record({
      type: fc.constantFrom(
        'node-identity' as const,
        'private-network-identity' as const,
        'private-node-identity' as const,
      ),
      hash: octets(8),
      random: octets(8),
    }),
  );

  it('decode to what was encoded; other octets are none', () => {
    fc.assert(
      fc.property(identity, fc.uint8Array({ maxLength: 20 }), (value, any) => {
        expect(decodeProxyIdentity(encodeProxyIdentity(value))).toEqual({ ok: true, value });
        const decoded = decodeProxyIdentity(any);
        if (decoded.ok) expect(encodeProxyIdentity(decoded.value)).toEqual(any);
      }),
    );
  });
});

describe('Solicitation PDUs', () => {
  it('decode to what was encoded, but not with a bit changed or of random octets', () => {
    const solicitation = fc.record({ ssrc: fc.integer({ min: 1, max: 0x7fff }), sseq: fc.nat(0xff_ffff) });
    fc.assert(
      fc.property(solicitation, fc.nat(17 * 8 - 1), fc.uint8Array({ maxLength: 20 }), (value, bit, any) => {
        const pdu = encodeSolicitationPdu(value, security);
        expect(decodeSolicitationPdu(pdu, security)).toEqual({ ok: true, value });
        pdu[bit >> 3]! ^= 1 << (bit & 7);
        expect(decodeSolicitationPdu(pdu, security).ok).toBe(false);
        expect(decodeSolicitationPdu(any, security).ok).toBe(false);
      }),
    );
  });

  it('stand behind Identification Type 0 in service data', () => {
    const data = Uint8Array.of(1, 2, 3);
    expect(solicitationPduOf({ service: MESH_PROXY_SOLICITATION_UUID, data })).toBeUndefined();
    expect(solicitationPduOf({ service: 0x1828, data: Uint8Array.of(0, 2) })).toBeUndefined();
    expect(solicitationPduOf({ service: MESH_PROXY_SOLICITATION_UUID, data: new Uint8Array(0) })).toBeUndefined();
  });
});
