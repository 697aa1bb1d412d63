import { type Clock, MeshError } from '@meshferry/core';

/** The part of a `Response` that is looked at: those of browsers, of Node and of undici fit. */
export interface FetchResponse {
  /** HTTP status; 0 where a browser hides a redirect. */
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: FetchBody | null;
}

/** The body of a {@link FetchResponse}: a `ReadableStream` of octets. */
export interface FetchBody {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(): Promise<void>;
  };
  cancel(): Promise<void>;
}

/** What `fetch` does, handed in: it must follow no redirect and verify certificates. */
export type FetchFunction = (
  url: string,
  init: {
    readonly method: 'GET';
    readonly redirect: 'manual';
    readonly headers: Record<string, string>;
    readonly signal: AbortSignal;
  },
) => Promise<FetchResponse>;

/** How much of an archive has arrived. */
export interface FetchProgress {
  /** Octets so far, as they are sent (packed). */
  readonly received: number;
  /** Octets in all as the server announces them, null when it does not; not to be trusted before all has arrived. */
  readonly total: number | null;
}

/** Bounds of one request with its redirects; whoever exceeds one is cut off at once. */
export interface ArchiveLimits {
  /** Octets of the answer to a check. Default 65 536. */
  readonly checkOctets: number;
  /** Octets of an archive as it is sent. Default 64 MiB. */
  readonly archiveOctets: number;
  /** Octets of an archive unpacked. Default 64 MiB. */
  readonly unpackedOctets: number;
  /** Default 5 [spec: firmware-check-https section 1]. */
  readonly redirects: number;
  /** Milliseconds without an answer or without data. Default 30 000 [same]. */
  readonly idleMs: number;
  /** Milliseconds from the first request to the last octet. Default 10 minutes. */
  readonly totalMs: number;
}

/** The limits that hold where none are given. */
export const ARCHIVE_LIMITS: ArchiveLimits = {
  checkOctets: 64 * 1024,
  archiveOctets: 64 * 1024 * 1024,
  unpackedOctets: 64 * 1024 * 1024,
  redirects: 5,
  idleMs: 30_000,
  totalMs: 10 * 60_000,
};

/** How an archive is reached, and what is allowed on the way. */
export interface ArchiveAccess {
  readonly fetch: FetchFunction;
  /** For {@link ArchiveLimits.idleMs} and {@link ArchiveLimits.totalMs}: it must run as the network does. */
  readonly clock: Clock;
  /** Cancels: the request ends at once with the error `interrupted`, and nothing is kept. */
  readonly signal?: AbortSignal;
  /** Called for each piece of an archive that arrives, first with `received` 0; not for the answer to a check. */
  readonly progress?: (progress: FetchProgress) => void;
  /**
   * Hosts that may be asked, redirects included: `fw.example.com`, `fw.example.com:8443` (that port only) or
   * `*.example.com` (all below). Default: every host, but no redirect from outside into a private network; an empty list
   * allows none.
   */
  readonly allowedHosts?: readonly string[];
  /** Allow http to other hosts than this machine. Default false. */
  readonly allowHttp?: boolean;
  /** Those left out are {@link ARCHIVE_LIMITS}. */
  readonly limits?: Partial<ArchiveLimits>;
}

/**
 * What may be requested: https, or http where {@link ArchiveAccess.allowHttp} or the loopback interface allows it, at an
 * allowed host. Throws `scheme-not-supported` or `host-not-allowed`. The same rules hold for an Update URI and for every
 * redirect.
 */
export function checkAllowed(url: URL, { allowedHosts, allowHttp }: ArchiveAccess): void {
  const isHttp = url.protocol === 'http:';
  if (!isHttp && url.protocol !== 'https:') {
    throw new MeshError('scheme-not-supported', `the URI scheme is "${url.protocol.slice(0, -1)}", not https`, {
      hint: 'Firmware is checked and fetched over https: give an https URI.',
    });
  }
  if (isHttp && !allowHttp && !isLoopback(url.hostname)) {
    throw new MeshError(
      'scheme-not-supported',
      `${url.origin} is http: anybody on the way could exchange the firmware`,
      {
        hint: 'Use the https URI. Plain http is taken from this machine only, unless it is allowed explicitly.',
      },
    );
  }
  if (allowedHosts === undefined || allowedHosts.some((pattern) => matchesHost(url, pattern))) return;
  throw new MeshError(
    'host-not-allowed',
    `host ${url.host} is not among the allowed ones (${allowedHosts.join(', ')})`,
    {
      hint: 'Nothing was asked of it. Add it to the allowed hosts if it belongs to the maker of the firmware.',
    },
  );
}

/** Whether a host name of a URL is this machine itself. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Whether a host name of a URL is an address (or name) of this machine or of a private network [RFC 1918, 3927, 4193, 4291].
 * A name that leads there by DNS is not found out.
 */
export function isPrivateHost(hostname: string): boolean {
  if (isLoopback(hostname) || hostname.endsWith('.localhost')) return true;
  const parts = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(hostname);
  if (parts === null) return /^\[(::|::ffff:.*|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*)\]$/.test(hostname);
  const [first, second] = [Number(parts[1]), Number(parts[2])];
  if (first === 172) return second >= 16 && second < 32;
  return first === 0 || first === 10 || (first === 192 && second === 168) || (first === 169 && second === 254);
}

function matchesHost(url: URL, pattern: string): boolean {
  const wanted = pattern.toLowerCase();
  if (wanted.startsWith('*.')) return url.hostname.endsWith(wanted.slice(1));
  if (wanted === url.hostname) return true;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return wanted === `${url.hostname}:${port}`;
}
