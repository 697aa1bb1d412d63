import { concat, Deadline, MeshError } from '@meshferry/core';
import {
  ARCHIVE_LIMITS,
  type ArchiveAccess,
  type ArchiveLimits,
  checkAllowed,
  type FetchResponse,
  isPrivateHost,
} from './archive-access.ts';
import { printable } from './printable.ts';

/** An answer that was received whole. */
export interface Answer {
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly status: number;
  /** Lower case, without parameters; empty when not stated. */
  readonly contentType: string;
  /** Empty for any other status than 200: what a server says of its errors is not read. */
  readonly body: Uint8Array;
}

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * GET with at most `maxOctets` of body, redirects followed by hand so that each is held to the same rules. Throws the
 * errors of {@link checkAllowed}, `too-many-redirects`, `redirect-loop`, `bad-redirect`, `server-unreachable`,
 * `not-http`, `certificate-refused`, `server-timeout`, `answer-too-large`, `length-mismatch`, `connection-lost` or `interrupted`.
 */
export async function boundedGet(
  start: URL,
  access: ArchiveAccess,
  maxOctets: number,
  progress?: ArchiveAccess['progress'],
): Promise<Answer> {
  const limits = { ...ARCHIVE_LIMITS, ...access.limits };
  const patience = new Patience(access, limits, start);
  try {
    let url = start;
    const seen = new Set<string>();
    for (;;) {
      checkAllowed(url, access);
      seen.add(url.href);
      const response = await patience.wait(request(url, access, patience.signal), url);
      if (response.status === 0)
        throw broken('bad-redirect', `${url.origin} redirects, and a browser does not say where to`);
      if (!REDIRECTS.includes(response.status))
        return await readAnswer(url, response, { most: maxOctets, patience, progress });
      discard(response);
      url = redirectTarget(url, response, seen, {
        most: limits.redirects,
        anywhere: access.allowedHosts === undefined,
      });
    }
  } finally {
    patience.end();
  }
}

function request(url: URL, access: ArchiveAccess, signal: AbortSignal): Promise<FetchResponse> {
  // A compressed transfer would make the announced length and the octets differ.
  const headers = { accept: 'application/json, application/gzip, application/zip', 'accept-encoding': 'identity' };
  return access.fetch(url.href, { method: 'GET', redirect: 'manual', headers, signal });
}

/** `anywhere`: no list of hosts says what is meant. */
function redirectTarget(
  from: URL,
  response: FetchResponse,
  seen: ReadonlySet<string>,
  { most, anywhere }: { readonly most: number; readonly anywhere: boolean },
): URL {
  const location = response.headers.get('location');
  const to = location === null ? null : parseUrl(location, from);
  if (to === null || to.username !== '' || to.password !== '') {
    const where = location === null ? 'nowhere' : `to "${printable(location)}", which is no usable URI`;
    throw broken('bad-redirect', `${from.origin} redirects ${where}`);
  }
  to.hash = '';
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw broken('bad-redirect', `${from.origin} redirects from https to http (${to.origin}), which is refused`);
  }
  if (anywhere && isPrivateHost(to.hostname) && !isPrivateHost(from.hostname)) {
    throw broken('bad-redirect', `${from.origin} redirects into a private network (${to.origin}), which is refused`);
  }
  if (seen.has(to.href)) throw broken('redirect-loop', `${from.origin} redirects in a circle (${printable(to.href)})`);
  if (seen.size > most) throw broken('too-many-redirects', `${from.origin} redirects more than ${most} times`);
  return to;
}

interface Reading {
  readonly most: number;
  readonly patience: Patience;
  readonly progress: ArchiveAccess['progress'];
}

async function readAnswer(url: URL, response: FetchResponse, reading: Reading): Promise<Answer> {
  const { most, patience, progress } = reading;
  const { status, headers, body } = response;
  const contentType = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  if (status !== 200 || body === null) {
    discard(response);
    return { url: url.href, status, contentType, body: new Uint8Array(0) };
  }
  const isEncoded = !['', 'identity'].includes(headers.get('content-encoding') ?? '');
  const announced = isEncoded ? undefined : lengthOf(headers.get('content-length'));
  if (announced !== undefined && announced > most) {
    discard(response);
    throw tooLarge(url, `${announced} octets are announced`, most);
  }
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const total = announced ?? null;
  try {
    progress?.({ received: 0, total });
    for (;;) {
      const { done, value } = await patience.wait(reader.read(), url);
      if (done || value === undefined) break;
      length += value.length;
      if (length > most) throw tooLarge(url, 'more was sent', most);
      chunks.push(value);
      progress?.({ received: length, total });
    }
  } catch (thrown) {
    reader.cancel().catch(() => {});
    throw thrown instanceof MeshError && thrown.code === 'server-unreachable'
      ? lost(url, length, announced, thrown)
      : thrown;
  }
  if (announced !== undefined && announced !== length) {
    throw broken('length-mismatch', `${url.host} announced ${announced} octets and sent ${length}`);
  }
  return { url: url.href, status, contentType, body: concat(...chunks) };
}

/** Waits no longer than the limits allow, and no longer than the caller wants. */
class Patience {
  readonly #abort = new AbortController();
  readonly #idle: Deadline;
  readonly #total: Deadline;
  readonly #idleMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #interrupted: () => void;
  #reason: MeshError | undefined;
  #refuse: ((reason: MeshError) => void) | undefined;

  constructor({ clock, signal }: ArchiveAccess, { idleMs, totalMs }: ArchiveLimits, { host }: URL) {
    this.#idleMs = idleMs;
    this.#idle = new Deadline(clock, () => this.#stop(slow(`${host} sent nothing for ${idleMs / 1000} s`)));
    this.#total = new Deadline(clock, () => this.#stop(slow(`${host} was not done after ${totalMs / 1000} s`)));
    this.#total.set(totalMs);
    this.#outer = signal;
    this.#interrupted = () => this.#stop(new MeshError('interrupted', 'interrupted', { hint: 'Nothing was kept.' }));
    if (signal?.aborted) this.#interrupted();
    signal?.addEventListener('abort', this.#interrupted);
  }

  /** Given to the fetch function: it lets go of the connection. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What `next` gives; a limit that runs out first wins, also over a fetch function that does not heed its signal. */
  async wait<T>(next: Promise<T>, url: URL): Promise<T> {
    next.catch(() => {});
    if (this.#reason !== undefined) throw this.#reason;
    this.#idle.set(this.#idleMs);
    const stopped = new Promise<never>((_, reject) => {
      this.#refuse = reject;
    });
    try {
      return await Promise.race([next, stopped]);
    } catch (thrown) {
      throw this.#reason ?? networkError(url, thrown);
    } finally {
      this.#idle.clear();
    }
  }

  end(): void {
    this.#idle.clear();
    this.#total.clear();
    this.#outer?.removeEventListener('abort', this.#interrupted);
  }

  #stop(reason: MeshError): void {
    this.#reason ??= reason;
    this.#refuse?.(this.#reason);
    this.#abort.abort();
  }
}

/** What the fetch function rejects with says little itself; its causes say what happened. */
function networkError(url: URL, thrown: unknown): MeshError {
  let code = '';
  let message = '';
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if ('code' in error && typeof error.code === 'string') code = error.code;
    if (error.message !== '') message = error.message;
  }
  const why = printable(message === '' ? code || String(thrown) : message);
  if (/CERT|SELF_SIGNED|VERIFY|ISSUER/.test(code)) {
    return new MeshError('certificate-refused', `the certificate of ${url.host} is not trusted: ${why}`, {
      hint: 'Do not fetch firmware from there, unless it is your own archive: then give its certificate as trusted.',
      cause: thrown,
    });
  }
  if (/^HPE_|HEADERS_OVERFLOW|UND_ERR_RES|ERR_SSL|EPROTO/.test(code)) {
    const tls = /SSL|EPROTO/.test(code);
    return new MeshError(
      'not-http',
      `${url.host} does not speak ${tls ? 'https (TLS)' : 'HTTP as it should'}: ${why}`,
      {
        hint: tls
          ? 'Is it the right port, and is it meant to be https?'
          : 'Is it a firmware server, and the right port?',
        cause: thrown,
      },
    );
  }
  if (/TIMEOUT/.test(code)) return slow(`${url.host} did not answer in time (${why})`);
  return new MeshError('server-unreachable', `${url.host} cannot be reached: ${why}`, {
    hint: 'Check the URI, the name and the network; is the server running?',
    cause: thrown,
  });
}

function lengthOf(header: string | null): number | undefined {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

/** Lets go of a body that nobody reads. */
function discard(response: FetchResponse): void {
  response.body?.cancel().catch(() => {});
}

function parseUrl(text: string, base: URL): URL | null {
  return URL.canParse(text, base.href) ? new URL(text, base.href) : null;
}

function lost(url: URL, length: number, announced: number | undefined, cause: MeshError): MeshError {
  const of = announced === undefined ? '' : ` of ${announced}`;
  return new MeshError('connection-lost', `${url.host} ended the connection after ${length}${of} octets`, {
    hint: 'Try again; if it stays so, the server announces another size than it sends.',
    cause,
  });
}

function tooLarge(url: URL, what: string, most: number): MeshError {
  return new MeshError(
    'answer-too-large',
    `the answer of ${url.host} is too large: ${what}, at most ${most} are taken`,
    {
      hint: 'This is no firmware, or the limit on its size is too low for it.',
    },
  );
}

function slow(message: string): MeshError {
  return new MeshError('server-timeout', message, { hint: 'Try again later; the server or the network is too slow.' });
}

function broken(code: string, message: string): MeshError {
  return new MeshError(code, message, { hint: 'The server is set up wrongly: tell whoever runs it.' });
}
