import { fromHex, MeshError } from '@meshferry/core';
import { KeyUsage } from '@peculiar/asn1-x509';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byCertificate,
  type CertificateTrust,
  deviceCertificateUri,
  readDeviceCertificate,
  verifyDeviceCertificate,
} from './certificate.ts';
import { certificate, extension, holder, KEY_AGREEMENT, KEY_CERT_SIGN, type Wanted } from './testing/certificates.ts';
import { Ends } from './testing/ends.ts';
import { vectors } from './testing/session-vectors.ts';

const SAMPLE = vectors.recordRetrieval.deviceCertificateOfSection8_11_2;
const UUID = '70cf7c97-32a3-45b6-9149-4810d2e9cbf4';
const NOW = Date.parse('2026-11-21');

const root = holder('Root');
const middle = holder('Middle');
const inner = holder('Inner');
const device = holder(`${UUID} BCID:8001 BPID:03fF`);
const rootDer = certificate({ subject: root, issuer: root, ca: true });
const middleDer = certificate({ subject: middle, issuer: root, ca: true, usage: KEY_CERT_SIGN });
const innerDer = certificate({ subject: inner, issuer: middle, ca: 0 });
const deviceDer = certificate({ subject: device, issuer: inner, usage: KEY_AGREEMENT });
const trust: CertificateTrust = { uuid: fromHex(UUID.replaceAll('-', '')), roots: [rootDer], at: NOW };

describe('a device certificate', () => {
  it('is read: the sample of section 8.11.2', () => {
    const der = fromHex(SAMPLE.der);
    const read = readDeviceCertificate(der);
    expect(read).toMatchObject({
      ok: true,
      value: {
        uuid: fromHex(SAMPLE.deviceUuid),
        companyId: 0x8001,
        productId: 0x03ff,
        publicKey: fromHex(SAMPLE.publicKey),
        notBefore: Date.parse('2023-03-30T08:18:40Z'),
        notAfter: Date.parse('2024-03-29T08:18:40Z'),
      },
    });
    expect(read.ok && [...read.value.extensions.keys()]).toHaveLength(5);
    // Its issuer is not printed: nobody vouches for it.
    const at = Date.parse('2023-06-01');
    expect(code(verifyDeviceCertificate(der, [], { ...trust, uuid: fromHex(SAMPLE.deviceUuid), at }))).toBe(
      'certificate-untrusted',
    );
  });

  it('is trusted through the intermediate certificates, in any order', () => {
    for (const intermediates of [
      [innerDer, middleDer],
      [middleDer, innerDer],
      [Uint8Array.of(1, 2, 3), deviceDer, innerDer, rootDer, middleDer],
    ]) {
      const verified = verifyDeviceCertificate(deviceDer, intermediates, trust);
      expect(verified).toMatchObject({ ok: true, value: { publicKey: device.pair.publicKey, companyId: 0x8001 } });
    }
  });

  it.each<readonly [why: string, change: Partial<Wanted>, code: string]>([
    [
      'signed by somebody else in the name of the issuer',
      { issuer: { ...holder('Thief'), name: 'Inner' } },
      'certificate-untrusted',
    ],
    ['signed by somebody unknown', { issuer: holder('Nobody') }, 'certificate-untrusted'],
    [
      'for another device',
      { subject: holder('00000000-0000-4000-8000-000000000000') },
      'certificate-of-another-device',
    ],
    ['without a UUID', { subject: holder('Lamp') }, 'certificate-without-uuid'],
    ['expired', { from: '2024-01-01', to: '2025-01-01' }, 'certificate-not-in-force'],
    ['not yet valid', { from: '2026-12-01', to: '2027-01-01' }, 'certificate-not-in-force'],
    ['for signing only', { usage: KEY_CERT_SIGN }, 'certificate-untrusted'],
    ['of version 1', { version: 0 }, 'bad-certificate'],
    ['with another signature algorithm', { algorithm: '1.2.840.10045.4.3.3' }, 'bad-certificate'],
    ['with an unknown critical extension', { extra: [extension('1.2.3.4', true, new KeyUsage(1))] }, 'bad-certificate'],
  ])('is refused: %s', (_, change, expected) => {
    const der = certificate({ subject: device, issuer: inner, ...change });
    expect(code(verifyDeviceCertificate(der, [innerDer, middleDer], trust))).toBe(expected);
  });

  it.each<readonly [why: string, intermediates: readonly Uint8Array[], code: string]>([
    ['a link of the chain is missing', [middleDer], 'certificate-untrusted'],
    ['the issuer may not issue', [certificate({ subject: inner, issuer: middle }), middleDer], 'certificate-untrusted'],
    [
      'the issuer may not sign',
      [certificate({ subject: inner, issuer: middle, ca: true, usage: KEY_AGREEMENT }), middleDer],
      'certificate-untrusted',
    ],
    [
      'the path is too long',
      [innerDer, certificate({ subject: middle, issuer: root, ca: 0 })],
      'certificate-untrusted',
    ],
    [
      'an intermediate one has expired',
      [certificate({ subject: inner, issuer: middle, ca: true, from: '2020-01-01', to: '2021-01-01' }), middleDer],
      'certificate-not-in-force',
    ],
    [
      'it goes round in a circle',
      [innerDer, certificate({ subject: middle, issuer: inner, ca: true })],
      'certificate-untrusted',
    ],
  ])('is refused: %s', (_, intermediates, expected) => {
    expect(code(verifyDeviceCertificate(deviceDer, intermediates, trust))).toBe(expected);
  });

  it('is refused when the root has expired, or the caller objects', () => {
    const old = certificate({ subject: root, issuer: root, ca: true, from: '2000-01-01', to: '2001-01-01' });
    const chain = [innerDer, middleDer];
    expect(code(verifyDeviceCertificate(deviceDer, chain, { ...trust, roots: [old] }))).toBe(
      'certificate-not-in-force',
    );
    expect(code(verifyDeviceCertificate(deviceDer, chain, { ...trust, at: Number.NaN }))).toBe(
      'certificate-not-in-force',
    );
    const inspect = () => new MeshError('revoked', 'it is on the list');
    expect(code(verifyDeviceCertificate(deviceDer, chain, { ...trust, inspect }))).toBe('revoked');
  });

  it('is refused when any bit of it has changed, and nothing throws', () => {
    const chain = [innerDer, middleDer];
    fc.assert(
      fc.property(fc.nat(deviceDer.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = deviceDer.slice();
        changed[at]! ^= flip;
        expect(verifyDeviceCertificate(changed, chain, trust).ok).toBe(false);
      }),
      { numRuns: 500 }, // a signature each
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        expect(code(readDeviceCertificate(octets))).toBe('bad-certificate');
      }),
    );
    expect(code(readDeviceCertificate(Uint8Array.of(...deviceDer, 0)))).toBe('bad-certificate');
  });

  it('has its place under the Base URI', () => {
    expect(deviceCertificateUri('https://example.com/cbp', UUID)).toBe(
      `https://example.com/cbp?uuid=${UUID}&content=device-certificate`,
    );
  });
});

describe('certificate-based provisioning', () => {
  const records = new Map([
    [0x0001, deviceDer],
    [0x0002, innerDer],
    [0x0003, middleDer],
    [0x0011, Uint8Array.of(0x4c)],
  ]);

  it.each([1469, 69, 30])(
    'takes the public key from the certificate in the records, PDUs up to %i octets',
    (maxPdu) => {
      const ends = new Ends(
        { beforeInvite: byCertificate(trust) },
        { records, oobKeyPair: device.pair },
        { maxPdu },
      ).settle();
      expect(ends.code).toBe('provisioned');
      expect(ends.deviceLink.sent.some((pdu) => pdu.startsWith('03'))).toBe(false);
      expect(Math.max(...ends.deviceLink.sent.map((pdu) => pdu.length / 2))).toBeLessThanOrEqual(Math.max(maxPdu, 34));
    },
  );

  it('refuses who shows the certificate without owning its key', () => {
    const impostor = holder('impostor').pair;
    const ends = new Ends({ beforeInvite: byCertificate(trust) }, { records, oobKeyPair: impostor }).settle();
    expect(ends.code).toBe('confirmation-failed');
    expect(ends.calls).toEqual([]);
  });

  it('refuses who shows the certificate and then sends a key of its own', () => {
    const ends = new Ends({ beforeInvite: byCertificate(trust) }, { records }).settle();
    expect(ends.code).toBe('oob-not-offered');
  });

  it('ends before the Invite when there is no certificate, or none to trust', () => {
    const without = new Ends(
      { beforeInvite: byCertificate(trust) },
      { records: new Map([[0x0002, innerDer]]) },
    ).settle();
    expect(without.code).toBe('no-certificate');
    const untrusted = new Ends({ beforeInvite: byCertificate({ ...trust, roots: [] }) }, { records }).settle();
    expect(untrusted.code).toBe('certificate-untrusted');
    expect(
      [...without.provisionerLink.sent, ...untrusted.provisionerLink.sent].every((pdu) => /^0[ac]/.test(pdu)),
    ).toBe(true);
    const old = new Ends({ beforeInvite: byCertificate(trust) }).settle();
    expect(old.code).toBe('provisioning-failed');
  });
});

function code(outcome: { readonly ok: boolean; readonly error?: MeshError }): string {
  return outcome.ok ? 'ok' : outcome.error!.code;
}
