import type { Cancel, MeshError, Result } from '@meshferry/core';

/** URI schemes that a Distributor may list [Assigned Numbers, URI scheme name string mapping]. */
export const UriScheme = { coap: 0x09, coaps: 0x0a, file: 0x10, ftp: 0x11, http: 0x16, https: 0x17 } as const;

/** Name of a URI scheme, as it stands before the colon. */
export type UriSchemeName = keyof typeof UriScheme;

/** A newer image that is there to be fetched. */
export interface OobOffer {
  /** Of the new image: 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** Octets of the image, when that is known before it is fetched. */
  readonly size?: number;
}

/** Why there is nothing to be fetched. */
export type OobRefusal = 'malformed' | 'not-supported' | 'unreachable' | 'nothing-newer';

/** What a check has found. */
export type OobVerdict = { readonly offer: OobOffer } | { readonly refuse: OobRefusal };

/** What an Initiator asks a Distributor to fetch. */
export interface OobRequest {
  /** Without "/check". */
  readonly uri: string;
  /** The Firmware ID that the targets run now. */
  readonly current: Uint8Array;
}

/** An image as it was fetched. */
export interface OobFirmware {
  /** As it was offered. */
  readonly firmwareId: Uint8Array;
  /** 0 to 255 octets. */
  readonly metadata: Uint8Array;
  readonly image: Uint8Array;
}

/**
 * A Distributor's way to a firmware archive, for out-of-band upload [firmware-distribution.md 2.4]: the network itself is
 * handed in. `done` is called once, also before the method has returned; after `Cancel` nothing is called any more.
 */
export interface OobRetriever {
  /** What the capabilities list: one at least. */
  readonly schemes: readonly UriSchemeName[];
  /** Asks whether there is something newer. */
  check(request: OobRequest, done: (verdict: OobVerdict) => void): Cancel;
  /** Fetches what a check offered, perhaps before a power cut. `progress` in percent, 0 to 100. */
  fetch(
    request: OobRequest,
    offer: OobOffer,
    progress: (percent: number) => void,
    done: (outcome: Result<OobFirmware, MeshError>) => void,
  ): Cancel;
}

/** What is wrong with a URI before anybody is asked; undefined when nothing is [RFC 3986, section 4.3]. */
export function refuseUri(uri: string, schemes: readonly UriSchemeName[]): OobRefusal | undefined {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):[^\s\p{Cc}]+$/iu.exec(uri) ?? [];
  if (scheme === undefined) return 'malformed';
  if (!schemes.some((name) => name === scheme.toLowerCase())) return 'not-supported';
  return URL.canParse(uri) ? undefined : 'malformed';
}
