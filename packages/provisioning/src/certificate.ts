import { equal, fail, fromHex, MeshError, ok, type Result } from '@meshferry/core';
import type { ProvisionerOptions } from './provisioner-options.ts';
import { PROVISIONING_RECORDS } from './records.ts';
import type { RecordsReader } from './records-reader.ts';
import { readX509, type X509 } from './x509.ts';

/** What a device certificate says [Mesh Protocol 1.1, 5.5]. */
export interface DeviceCertificate {
  /** 16 octets. */
  readonly uuid: Uint8Array;
  /** Company identifier (BCID), 16 bits. */
  readonly companyId: number | undefined;
  /** Product identifier (BPID), 16 bits. */
  readonly productId: number | undefined;
  /** 64 octets, X ‖ Y: the OOB public key. */
  readonly publicKey: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** Extensions by OID, such as static OOB data or the URI of a revocation list: the octets inside, in DER. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** What a device certificate is held against. */
export interface CertificateTrust {
  /** UUID from the device's beacon, 16 octets. */
  readonly uuid: Uint8Array;
  /** Certificates that are trusted, in DER. */
  readonly roots: readonly Uint8Array[];
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Looks further, for instance into a revocation list; an error refuses the certificate. */
  inspect?(certificate: DeviceCertificate): MeshError | undefined;
}

const COMMON_NAME = '2.5.4.3';
/** Records 0x0002 to 0x0010. */
const INTERMEDIATES_MAX = 15;
const UUID = /\b([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\b/i;

/** Reads a device certificate without trusting it: `bad-certificate`, `certificate-without-uuid`. Never throws. */
export function readDeviceCertificate(der: Uint8Array): Result<DeviceCertificate, MeshError> {
  const x509 = readX509(der);
  return x509.ok ? deviceCertificate(x509.value) : x509;
}

/**
 * Verifies a device certificate: for this device, in force, usable for key agreement, and signed through the intermediate
 * certificates (any order) by a trusted root. Errors: those of reading, `certificate-of-another-device`,
 * `certificate-not-in-force`, `certificate-untrusted`, and what `inspect` objects. Never throws.
 */
export function verifyDeviceCertificate(
  device: Uint8Array,
  intermediates: readonly Uint8Array[],
  trust: CertificateTrust,
): Result<DeviceCertificate, MeshError> {
  const x509 = readX509(device);
  if (!x509.ok) return x509;
  const certificate = deviceCertificate(x509.value);
  if (!certificate.ok) return certificate;
  if (!equal(certificate.value.uuid, trust.uuid)) return anotherDevice();
  if (!x509.value.mayAgree) return untrusted('its key is not for key agreement');
  const error = checkChain(x509.value, intermediates, trust) ?? trust.inspect?.(certificate.value);
  return error === undefined ? certificate : fail(error);
}

/**
 * Certificate-based provisioning as `beforeInvite` of {@link ProvisionerOptions}: reads the device's certificates from its
 * records, verifies them, and has the device prove that it owns the key. For devices whose beacon says so (OOB
 * Information, bits 7 and 8).
 */
export function byCertificate(trust: CertificateTrust): NonNullable<ProvisionerOptions['beforeInvite']> {
  return (records, proceed) => {
    readCertificates(records, (outcome) => {
      const [device, ...intermediates] = outcome.ok ? outcome.value : [];
      const certificate = outcome.ok ? verifyDeviceCertificate(device!, intermediates, trust) : outcome;
      proceed(certificate.ok ? { publicKey: certificate.value.publicKey } : certificate.error);
    });
  };
}

/** Where a device's certificate can be fetched, from the Base URI in its records (0x0000) [5.5.1]. */
export function deviceCertificateUri(baseUri: string, uuid: string): string {
  return `${baseUri}?uuid=${uuid}&content=device-certificate`;
}

/** The device certificate, then the intermediate ones. */
function readCertificates(
  records: RecordsReader,
  done: (outcome: Result<readonly Uint8Array[], MeshError>) => void,
): void {
  const { deviceCertificate: first, intermediateCertificate15: last } = PROVISIONING_RECORDS;
  const certificates: Uint8Array[] = [];
  const next = (wanted: readonly number[]): void => {
    const id = wanted[certificates.length];
    if (id === undefined) {
      done(ok(certificates));
      return;
    }
    records.read(id, (read) => {
      if (read.ok) {
        certificates.push(read.value);
        next(wanted);
      } else {
        done(read);
      }
    });
  };
  records.list((listed) => {
    const wanted = listed.ok ? listed.value.filter((id) => id >= first && id <= last).sort((a, b) => a - b) : [];
    if (wanted[0] === first) next(wanted);
    else done(listed.ok ? noCertificate() : listed);
  });
}

/** From the device's certificate upward, each signed by the next, until one is signed by a root. */
function checkChain(
  device: X509,
  intermediates: readonly Uint8Array[],
  { roots, at }: CertificateTrust,
): MeshError | undefined {
  const trusted = usable(roots);
  const between = usable(intermediates.slice(0, INTERMEDIATES_MAX));
  let current = device;
  for (let below = 0; below <= INTERMEDIATES_MAX; below++) {
    if (!isInForce(current, at)) return notInForce(current, at);
    const issuer = issuerOf(current, trusted, below) ?? issuerOf(current, between, below);
    if (issuer === undefined) break;
    if (trusted.includes(issuer)) return isInForce(issuer, at) ? undefined : notInForce(issuer, at);
    // Each is used once: no circles.
    between.splice(between.indexOf(issuer), 1);
    current = issuer;
  }
  return untrusted('no trusted root has signed it').error;
}

/** False for a time that is none. */
function isInForce({ notBefore, notAfter }: X509, at: number): boolean {
  return at >= notBefore && at <= notAfter;
}

function issuerOf(certificate: X509, candidates: readonly X509[], below: number): X509 | undefined {
  return candidates.find(
    ({ subject, mayIssue, pathLength, publicKey }) =>
      subject === certificate.issuer && mayIssue && below <= pathLength && certificate.isSignedBy(publicKey),
  );
}

/** Those that can be read; others sign nothing. */
function usable(certificates: readonly Uint8Array[]): X509[] {
  return certificates.flatMap((der) => {
    const x509 = readX509(der);
    return x509.ok ? [x509.value] : [];
  });
}

function deviceCertificate(x509: X509): Result<DeviceCertificate, MeshError> {
  const { publicKey, notBefore, notAfter, extensions, subjectValues } = x509;
  const names = subjectValues.filter(([oid]) => oid === COMMON_NAME).map(([, value]) => value);
  const uuid = names.map((name) => UUID.exec(name)).find((found) => found !== null);
  if (uuid === undefined) return withoutUuid();
  const all = subjectValues.map(([, value]) => value).join(' ');
  return ok({
    uuid: fromHex(uuid.slice(1).join('')),
    companyId: identifier(all, 'BCID'),
    productId: identifier(all, 'BPID'),
    publicKey,
    notBefore,
    notAfter,
    extensions,
  });
}

function identifier(text: string, name: 'BCID' | 'BPID'): number | undefined {
  const found = new RegExp(`\\b${name}:([0-9a-f]{4})\\b`, 'i').exec(text);
  return found === null ? undefined : Number.parseInt(found[1]!, 16);
}

type Failure = { readonly ok: false; readonly error: MeshError };

function withoutUuid(): Failure {
  return fail(
    new MeshError('certificate-without-uuid', 'the Common Name of the device certificate holds no UUID', {
      hint: 'It is not a device certificate of Bluetooth Mesh.',
    }),
  );
}

function anotherDevice(): Failure {
  return fail(
    new MeshError('certificate-of-another-device', 'the device certificate names another UUID than the beacon', {
      hint: 'The device may be an impostor: do not provision it.',
    }),
  );
}

function noCertificate(): Failure {
  return fail(
    new MeshError('no-certificate', 'the device keeps no device certificate in its records', {
      hint: 'Fetch it from the Base URI in record 0x0000, or give the public key by hand.',
    }),
  );
}

function untrusted(why: string): Failure {
  return fail(
    new MeshError('certificate-untrusted', `the device certificate is not trusted: ${why}`, {
      hint: "Give the root certificate of the device's maker. If you have, the device may be an impostor.",
    }),
  );
}

function notInForce({ notBefore, notAfter }: X509, at: number): MeshError {
  const day = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : 'no date');
  return new MeshError(
    'certificate-not-in-force',
    `a certificate of the device is valid from ${day(notBefore)} to ${day(notAfter)}, not on ${day(at)}`,
    { hint: 'Check the clock of this computer; else ask the maker for a new certificate.' },
  );
}
