import { concat, equal, fail, fromHex, MeshError, ok, type Result, toHex } from '@meshferry/core';
import { isP256PublicKey, verifyP256Signature } from '@meshferry/crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { BasicConstraints, Certificate, KeyUsage, KeyUsageFlags, type Name, type Time } from '@peculiar/asn1-x509';

// X.509 as far as device certificates need it: version 3, P-256, ecdsa-with-SHA256 [RFC 5280; Mesh Protocol 1.1, 5.5].

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
/** SEQUENCE with that OID, in DER. */
const ALGORITHM = '300a06082a8648ce3d040302';
const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
/** The curve's OID 1.2.840.10045.3.1.7 in DER. */
const PRIME256V1 = '06082a8648ce3d030107';
const VERSION_3 = 2;
/**
 * Extensions that are looked at, or that say nothing against a use here although marked critical: Basic Constraints, Key
 * Usage, identifiers of keys, Subject Alternative Name, Certificate Policies.
 */
const UNDERSTOOD = [BASIC_CONSTRAINTS, KEY_USAGE, '2.5.29.14', '2.5.29.35', '2.5.29.17', '2.5.29.32'];

/** What matters of a certificate. */
export interface X509 {
  readonly der: Uint8Array;
  /** DER of the names, in hex, to compare. */
  readonly subject: string;
  readonly issuer: string;
  /** Values of the subject's attributes, in order, with their OID. */
  readonly subjectValues: readonly (readonly [oid: string, value: string])[];
  /** 64 octets, X ‖ Y, a point of P-256. */
  readonly publicKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** May sign certificates, with at most so many intermediate ones below it. */
  readonly mayIssue: boolean;
  readonly pathLength: number;
  /** May be used for the key agreement of provisioning. */
  readonly mayAgree: boolean;
  /** Extensions by OID: the octets inside. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** Whether the owner of this key has signed this certificate. */
  isSignedBy(publicKey: Uint8Array): boolean;
}

/** Reads a certificate; `bad-certificate` for everything that is none of the kind that mesh uses. Never throws. */
export function readX509(der: Uint8Array): Result<X509, MeshError> {
  try {
    return ok(interpret(der, AsnConvert.parse(der, Certificate)));
  } catch (thrown) {
    return fail(thrown instanceof MeshError ? thrown : badCertificate('it is not X.509 in DER'));
  }
}

function interpret(der: Uint8Array, certificate: Certificate): X509 {
  const { tbsCertificate: tbs, signatureAlgorithm, tbsCertificateRaw } = certificate;
  if (tbs.version !== VERSION_3) throw badCertificate('it is not of version 3');
  for (const { algorithm } of [tbs.signature, signatureAlgorithm]) {
    if (algorithm !== ECDSA_WITH_SHA256) throw badCertificate(`its signature algorithm is ${algorithm}`);
  }
  const signed = new Uint8Array(tbsCertificateRaw ?? AsnConvert.serialize(tbs));
  const signature = new Uint8Array(certificate.signatureValue);
  // The decoder is lenient with the frame, which no signature covers.
  if (!equal(der, framed(signed, signature))) throw badCertificate('it is not in DER');
  const extensions = extensionsOf(tbs.extensions);
  const constraints = parsed(extensions.get(BASIC_CONSTRAINTS), BasicConstraints);
  const usage = parsed(extensions.get(KEY_USAGE), KeyUsage)?.toNumber();
  return {
    der,
    subject: nameOf(tbs.subject),
    issuer: nameOf(tbs.issuer),
    subjectValues: tbs.subject.flatMap((part) => part.map(({ type, value }) => [type, value.toString()] as const)),
    publicKey: publicKeyOf(certificate),
    notBefore: timeOf(tbs.validity.notBefore),
    notAfter: timeOf(tbs.validity.notAfter),
    mayIssue: constraints?.cA === true && (usage === undefined || (usage & KeyUsageFlags.keyCertSign) !== 0),
    pathLength: constraints?.pathLenConstraint ?? Number.POSITIVE_INFINITY,
    mayAgree: usage === undefined || (usage & KeyUsageFlags.keyAgreement) !== 0,
    extensions,
    isSignedBy: (publicKey) => verifyP256Signature(publicKey, signed, signature),
  };
}

function extensionsOf(list: Certificate['tbsCertificate']['extensions']): Map<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>();
  for (const { extnID, critical, extnValue } of list ?? []) {
    if (extensions.has(extnID)) throw badCertificate(`it has the extension ${extnID} twice`);
    if (critical && !UNDERSTOOD.includes(extnID))
      throw badCertificate(`its extension ${extnID} is critical and unknown`);
    extensions.set(extnID, new Uint8Array(extnValue.buffer));
  }
  return extensions;
}

function publicKeyOf({ tbsCertificate }: Certificate): Uint8Array {
  const { algorithm, subjectPublicKey } = tbsCertificate.subjectPublicKeyInfo;
  const curve = algorithm.parameters == null ? '' : toHex(new Uint8Array(algorithm.parameters));
  if (algorithm.algorithm !== EC_PUBLIC_KEY || curve !== PRIME256V1) throw badCertificate('its key is not of P-256');
  const octets = new Uint8Array(subjectPublicKey);
  const publicKey = octets.slice(1);
  if (octets[0] !== 0x04 || !isP256PublicKey(publicKey)) throw badCertificate('its key is no point of P-256');
  return publicKey;
}

/** The one way to write a certificate of these parts in DER. */
function framed(signed: Uint8Array, signature: Uint8Array): Uint8Array {
  const bits = tagged(BIT_STRING, concat(Uint8Array.of(0), signature));
  return tagged(SEQUENCE, concat(signed, fromHex(ALGORITHM), bits));
}

function tagged(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length];
  return concat(Uint8Array.of(tag, ...head), content);
}

function parsed<T>(octets: Uint8Array | undefined, type: new () => T): T | undefined {
  return octets === undefined ? undefined : AsnConvert.parse(octets, type);
}

function nameOf(name: Name): string {
  return toHex(new Uint8Array(AsnConvert.serialize(name)));
}

function timeOf(time: Time): number {
  return time.getTime().getTime();
}

function badCertificate(what: string): MeshError {
  return new MeshError('bad-certificate', `a certificate cannot be used: ${what}`, {
    hint: 'Device certificates are X.509 version 3 in DER, with a P-256 key, signed with ecdsa-with-SHA256.',
  });
}
