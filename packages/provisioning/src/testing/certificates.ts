import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { SeededRandom } from '@meshferry/core';
import { generateP256KeyPair, type P256KeyPair } from '@meshferry/crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
} from '@peculiar/asn1-x509';

/** Somebody who has a key and a name, and may sign certificates. */
export interface Holder {
  readonly name: string;
  readonly pair: P256KeyPair;
}

/** What a certificate made for a test says; each part can be made wrong. */
export interface Wanted {
  readonly subject: Holder;
  readonly issuer: Holder;
  readonly from?: string;
  readonly to?: string;
  /** Basic Constraints: may issue; with a number, over so many intermediate ones. */
  readonly ca?: boolean | number;
  readonly usage?: number;
  readonly extra?: readonly Extension[];
  readonly algorithm?: string;
  readonly version?: number;
}

/** A holder whose key follows from the name. */
export function holder(name: string): Holder {
  return { name, pair: generateP256KeyPair(new SeededRandom(name)) };
}

/** A certificate in DER, signed by node:crypto. */
export function certificate(wanted: Wanted): Uint8Array {
  const { subject, issuer, from = '2026-01-01', to = '2027-01-01', ca, usage, extra = [] } = wanted;
  const algorithm = new AlgorithmIdentifier({ algorithm: wanted.algorithm ?? '1.2.840.10045.4.3.2' });
  const extensions: Extension[] = [...extra];
  if (ca !== undefined) {
    const constraints = new BasicConstraints({
      cA: ca !== false,
      ...(typeof ca === 'number' ? { pathLenConstraint: ca } : {}),
    });
    extensions.push(extension('2.5.29.19', true, constraints));
  }
  if (usage !== undefined) extensions.push(extension('2.5.29.15', true, new KeyUsage(usage)));
  const tbs = new TBSCertificate({
    version: wanted.version ?? 2,
    serialNumber: Uint8Array.of(1).buffer,
    signature: algorithm,
    issuer: nameOf(issuer),
    validity: new Validity({ notBefore: new Date(from), notAfter: new Date(to) }),
    subject: nameOf(subject),
    subjectPublicKeyInfo: AsnConvert.parse(spki(subject), SubjectPublicKeyInfo),
    ...(extensions.length > 0 ? { extensions: new Extensions(extensions) } : {}),
  });
  const signed = AsnConvert.serialize(tbs);
  const signature = sign('sha256', new Uint8Array(signed), { key: privateKey(issuer), dsaEncoding: 'der' });
  const whole = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: Uint8Array.from(signature).buffer,
  });
  return new Uint8Array(AsnConvert.serialize(whole));
}

/** An extension holding a value of its own. */
export function extension(extnID: string, critical: boolean, value: unknown): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

export const KEY_AGREEMENT: number = KeyUsageFlags.keyAgreement;
export const KEY_CERT_SIGN: number = KeyUsageFlags.keyCertSign;

function nameOf({ name }: Holder): Name {
  const value = new AttributeValue({ utf8String: name });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: '2.5.4.3', value })])]);
}

function privateKey({ pair }: Holder): KeyObject {
  const text = (octets: Uint8Array) => Buffer.from(octets).toString('base64url');
  const [x, y] = [pair.publicKey.subarray(0, 32), pair.publicKey.subarray(32)];
  const jwk = { kty: 'EC', crv: 'P-256', d: text(pair.privateKey), x: text(x), y: text(y) };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

function spki(of: Holder): Uint8Array {
  return createPublicKey(privateKey(of)).export({ type: 'spki', format: 'der' });
}
