import { equal, fail, MeshError, ok, type Result, toHex, toMeshError } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import { ARCHIVE_LIMITS, type ArchiveAccess, checkAllowed } from './archive-access.ts';
import { type Answer, boundedGet } from './bounded-get.ts';
import { firmwareIdOf, readFirmwareArchive } from './firmware-archive.ts';
import { decodeFirmwareId } from './firmware-id.ts';
import type { ReadOptions } from './firmware-package.ts';
import { isGzip } from './gzip.ts';
import { startsWithImageMagic } from './image.ts';
import { type Json, members, parseJson } from './json.ts';
import { printable } from './printable.ts';
import { readFirmwarePackage } from './read-package.ts';

/** A newer image that a server has [spec: firmware-check-https section 2]. */
export interface FirmwareOffer {
  /** What a Target reports once it runs the image. */
  readonly firmwareId: Uint8Array;
  /** How many updates to the newest, 1 or more. Above 1 this one is on the way: check again when it is applied. */
  readonly chainSize: number;
  /** Octets of the image, without archive and metadata. */
  readonly imageSize: number;
}

/** An archive or package that was fetched and agrees with its offer. */
export interface FetchedFirmware {
  /** `archive`: a Firmware Archive (gzip of a tar). `zip`: a `dfu_application.zip`. */
  readonly kind: 'archive' | 'zip';
  /** What the server sent: a file that `readFirmwarePackage` reads. */
  readonly bytes: Uint8Array;
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly firmwareId: Uint8Array;
  /** What goes on the air as the BLOB, and the metadata beside it. */
  readonly image: Uint8Array;
  readonly metadata: Uint8Array;
  /** What a user should know, contradictions first: as `readFirmwarePackage` says. */
  readonly warnings: readonly string[];
}

/** Whose signature {@link fetchFirmware} asks for. */
export type FetchTrust = Pick<ReadOptions, 'publicKeys' | 'requireSignature'>;

/**
 * Firmware Check over HTTPS: asks the server of an Update URI for something newer than `current`, the Firmware ID that the
 * Target reports. `null`: there is nothing newer. Never rejects. Fails with `bad-uri`, `bad-firmware-id`, `server-error`,
 * `bad-answer`, and what can go wrong on the way: `scheme-not-supported`, `host-not-allowed`, `too-many-redirects`,
 * `redirect-loop`, `bad-redirect`, `server-unreachable`, `not-http`, `certificate-refused`, `server-timeout`, `answer-too-large`,
 * `length-mismatch`, `connection-lost`, `interrupted`.
 */
export function checkFirmware(
  uri: string,
  current: Uint8Array,
  access: ArchiveAccess,
): Promise<Result<FirmwareOffer | null, MeshError>> {
  return settled(async () => {
    const url = requestUrl(uri, 'check', current, access);
    const answer = await boundedGet(url, access, access.limits?.checkOctets ?? ARCHIVE_LIMITS.checkOctets);
    if (answer.status === 404) return null;
    const offer = offerOf(answer);
    return equal(offer.firmwareId, current) ? null : offer;
  });
}

/**
 * Asks for every update from `current` to the newest: each is to be fetched with the Firmware ID before it, and applied before
 * the next [section 2]. Empty: there is nothing newer. Never rejects. Fails as {@link checkFirmware} does, with
 * `chain-loops` when a Firmware ID comes again, and with `chain-too-long` for more than 32 updates.
 */
export function checkFirmwareChain(
  uri: string,
  current: Uint8Array,
  access: ArchiveAccess,
): Promise<Result<FirmwareOffer[], MeshError>> {
  return settled(async () => {
    const offers: FirmwareOffer[] = [];
    const seen = new Set([toHex(current)]);
    let left = 1;
    for (let id = current; left > 0; left--) {
      const checked = await checkFirmware(uri, id, access);
      if (!checked.ok) throw checked.error;
      const offer = checked.value;
      if (offer === null) break;
      const next = toHex(offer.firmwareId);
      if (seen.has(next)) throw brokenChain('chain-loops', `the updates from ${toHex(current)} come back to ${next}`);
      if (offers.length === 0) left = offer.chainSize;
      if (left > MAX_CHAIN) throw brokenChain('chain-too-long', `the server tells of ${left} updates to the newest`);
      seen.add(next);
      offers.push(offer);
      id = offer.firmwareId;
    }
    return offers;
  });
}

/**
 * Fetches what {@link checkFirmware} offered for the same `uri` and `current`, and compares it with the `offer`: Firmware ID and
 * size of the image. Hash and signature of an MCUboot image are checked. Never rejects. Fails as {@link checkFirmware} does and with `no-newer-firmware` (gone meanwhile),
 * `unknown-archive`, `firmware-id-mismatch`, `image-size-mismatch`, and the errors of `readFirmwareArchive` and
 * `readFirmwarePackage`. `crypto`: for the composition hash of a package. {@link ArchiveAccess.progress} tells how far it is,
 * {@link ArchiveAccess.signal} cancels it. `trust`: by whom the image must be signed.
 */
export function fetchFirmware(
  uri: string,
  current: Uint8Array,
  offer: FirmwareOffer,
  access: ArchiveAccess,
  crypto: CryptoProvider,
  trust: FetchTrust = {},
): Promise<Result<FetchedFirmware, MeshError>> {
  return settled(async () => {
    const url = requestUrl(uri, 'get', current, access);
    const answer = await boundedGet(
      url,
      access,
      access.limits?.archiveOctets ?? ARCHIVE_LIMITS.archiveOctets,
      access.progress,
    );
    if (answer.status === 404) {
      throw new MeshError('no-newer-firmware', `${url.host} has nothing newer for ${toHex(current)} any more`, {
        hint: 'Check again: it was withdrawn between check and fetch.',
      });
    }
    refuseStatus(answer);
    const fetched = await openArchive(answer, unpackedLimit(offer, access), { ...trust, crypto });
    if (!equal(fetched.firmwareId, offer.firmwareId)) {
      const [found, wanted] = [fetched.firmwareId, offer.firmwareId].map(toHex);
      throw disagrees('firmware-id-mismatch', `the archive is firmware ${found}, the check offered ${wanted}`);
    }
    if (fetched.image.length !== offer.imageSize) {
      const sizes = `${fetched.image.length} octets, the check said ${offer.imageSize}`;
      throw disagrees('image-size-mismatch', `the image in the archive has ${sizes}`);
    }
    return fetched;
  });
}

/** `<Update URI>/check?cfwid=…` with the octets of the Firmware ID in upper-case hex [section 1]. */
function requestUrl(uri: string, request: 'check' | 'get', current: Uint8Array, access: ArchiveAccess): URL {
  const id = decodeFirmwareId(current);
  if (!id.ok) throw id.error;
  if (!URL.canParse(uri) || uri.length > 255) throw badUri(uri, 'is no absolute URI of at most 255 octets');
  const url = new URL(uri);
  checkAllowed(url, access);
  if (/[?#]/.test(uri)) throw badUri(uri, 'has a query or a fragment, which an Update URI has not');
  if (url.username !== '' || url.password !== '') throw badUri(url.host, 'is given with a user name or password');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${request}`;
  url.search = `?cfwid=${toHex(current).toUpperCase()}`;
  return url;
}

function offerOf(answer: Answer): FirmwareOffer {
  refuseStatus(answer);
  const host = new URL(answer.url).host;
  if (!['application/json', ''].includes(answer.contentType)) {
    throw badAnswer(host, `with ${printable(answer.contentType)} instead of application/json`);
  }
  const firmware = members(members(members(parseJson(answer.body))?.manifest)?.firmware);
  if (firmware === undefined) throw badAnswer(host, 'without JSON that has the member manifest.firmware');
  const firmwareId = firmwareIdOf(firmware.firmware_id);
  if (firmwareId === undefined) throw badAnswer(host, 'without "firmware_id" in hex of 2 to 108 octets');
  return {
    firmwareId,
    chainSize: countOf(host, 'dfu_chain_size', firmware.dfu_chain_size),
    imageSize: countOf(host, 'firmware_image_file_size', firmware.firmware_image_file_size),
  };
}

function countOf(host: string, name: string, value: Json | undefined): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= 0xffff_ffff) return value;
  const found = value === undefined ? 'missing' : printable(JSON.stringify(value));
  throw badAnswer(host, `with "${name}" ${found}, not a count above 0`);
}

/** Goes by the first octets: the content type of archives differs from server to server [section 3]. */
async function openArchive({ body, url }: Answer, most: number, options: ReadOptions): Promise<FetchedFirmware> {
  if (isGzip(body)) {
    const read = readFirmwareArchive(body, most);
    if (!read.ok) throw read.error;
    const { firmwareId, image, metadata } = read.value;
    const warnings = await lookInside(body, image, options);
    return { kind: 'archive', bytes: body, url, firmwareId, image, metadata, warnings };
  }
  if (body[0] !== 0x50 || body[1] !== 0x4b) {
    const what = body.length === 0 ? 'nothing' : `${body.length} octets that are neither gzip nor ZIP`;
    throw disagrees('unknown-archive', `${new URL(url).host} sent ${what}`);
  }
  const read = await readFirmwarePackage(body, options);
  if (!read.ok) throw read.error;
  const { mesh, images, warnings } = read.value;
  if (mesh?.firmwareId == null) throw disagrees('firmware-id-mismatch', 'the package does not say its Firmware ID');
  const image = (images.find((candidate) => candidate.mesh === mesh) ?? images[0]!).bytes;
  return { kind: 'zip', bytes: body, url, firmwareId: mesh.firmwareId, image, metadata: mesh.encoded, warnings };
}

/** Looks into the image of an archive where it is one that we know; others are free to each vendor. */
async function lookInside(archive: Uint8Array, image: Uint8Array, options: ReadOptions): Promise<readonly string[]> {
  const { publicKeys = [], requireSignature = publicKeys.length > 0 } = options;
  if (!startsWithImageMagic(image)) {
    if (!requireSignature) return [];
    const hint = 'Only MCUboot images can be checked: fetch it without asking for a signature.';
    throw new MeshError('key-unknown', 'the image is none of MCUboot: its signature cannot be checked', { hint });
  }
  const read = await readFirmwarePackage(archive, options);
  if (!read.ok) throw read.error;
  return read.value.warnings;
}

/** The image is as long as it was offered; manifest, metadata and headers beside it are short. */
function unpackedLimit({ imageSize }: FirmwareOffer, { limits }: ArchiveAccess): number {
  return Math.min(limits?.unpackedOctets ?? ARCHIVE_LIMITS.unpackedOctets, imageSize + BESIDE_IMAGE);
}

const BESIDE_IMAGE = 65_536;
const MAX_CHAIN = 32;

function refuseStatus({ status, url }: Answer): void {
  if (status === 200) return;
  throw new MeshError('server-error', `${new URL(url).host} answers with HTTP status ${status}`, {
    hint: 'Try again later; if it stays so, tell whoever runs the server.',
  });
}

async function settled<T>(run: () => Promise<T>): Promise<Result<T, MeshError>> {
  try {
    return ok(await run());
  } catch (thrown) {
    return fail(toMeshError(thrown));
  }
}

function badUri(uri: string, what: string): MeshError {
  return new MeshError('bad-uri', `"${printable(uri)}" ${what}`, {
    hint: 'Give the Update URI of the Target, such as https://fw.example.com/lamp',
  });
}

function badAnswer(host: string, what: string): MeshError {
  return new MeshError('bad-answer', `${host} answers the check ${what}`, {
    hint: 'Is this the Update URI of a firmware server? Without "/check" at its end.',
  });
}

function brokenChain(code: string, message: string): MeshError {
  return new MeshError(code, message, { hint: 'The server is set up wrongly: tell whoever runs it.' });
}

function disagrees(code: string, message: string): MeshError {
  return new MeshError(code, message, { hint: 'Do not use it: tell whoever runs the server.' });
}
