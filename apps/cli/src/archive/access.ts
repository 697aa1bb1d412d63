import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { MeshError } from '@meshferry/core';
import { ARCHIVE_LIMITS, type ArchiveAccess } from '@meshferry/firmware';
import { badInput, ExitCode, Stop } from '../shell/exit.ts';
import { readInputText } from '../shell/files.ts';
import { realClock } from '../shell/host.ts';
import type { Io } from '../shell/io.ts';
import type { Shell } from '../shell/shell.ts';

/** Options of the commands that ask a firmware server. */
export interface AccessFlags {
  /** The Firmware ID that the device reports. */
  readonly fwid: Uint8Array;
  readonly allowHost?: readonly string[];
  readonly allowHttp?: boolean;
  /** PEM of a certificate to trust beside the usual ones. */
  readonly ca?: string;
  readonly maxSize?: number;
  /** Seconds for everything. */
  readonly timeout?: number;
}

/** How long a connection may take to come about. */
export const CONNECT_MS = 10_000;

/** Runs `ask` with what it needs to reach a firmware server; Ctrl-C ends it with exit code 130. */
export async function withAccess<T>(
  shell: Shell,
  flags: AccessFlags,
  ask: (access: ArchiveAccess) => Promise<T>,
): Promise<T> {
  const ca = flags.ca === undefined ? undefined : [...rootCertificates, readCertificate(shell.io, flags.ca)];
  // Loaded when it is needed: other commands start without it.
  const { Agent, fetch } = await import('undici');
  const agent = new Agent({ connect: { timeout: CONNECT_MS, ...(ca === undefined ? {} : { ca }) } });
  const abort = new AbortController();
  const stopListening = shell.io.signals.listen(() => abort.abort());
  try {
    return await ask({
      fetch: (url, init) => fetch(url, { ...init, dispatcher: agent }),
      clock: realClock,
      signal: abort.signal,
      ...(flags.allowHost === undefined ? {} : { allowedHosts: flags.allowHost }),
      allowHttp: flags.allowHttp === true,
      limits: {
        archiveOctets: flags.maxSize ?? ARCHIVE_LIMITS.archiveOctets,
        totalMs: flags.timeout === undefined ? ARCHIVE_LIMITS.totalMs : flags.timeout * 1000,
      },
    });
  } finally {
    stopListening();
    await agent.destroy();
  }
}

/** The end of a command that could not get what it wanted from a server. */
export function accessFailed(error: MeshError): Stop {
  if (error.code === 'interrupted') return new Stop(ExitCode.interrupted, error);
  const option = OPTIONS[error.code];
  const { code, message, hint } = error;
  const told =
    option === undefined ? error : new MeshError(code, message, { hint: `${hint} Option: ${option}.`, cause: error });
  return new Stop(USAGE.includes(code) ? ExitCode.usage : ExitCode.failed, told);
}

/** What allows that which was refused. */
const OPTIONS: Readonly<Record<string, string | undefined>> = {
  'certificate-refused': '--ca PEM',
  'host-not-allowed': '--allow-host HOST',
  'scheme-not-supported': '--allow-http',
  'answer-too-large': '--max-size OCTETS (fw fetch)',
  'server-timeout': '--timeout SECONDS',
};

/** What was typed is refused before anybody is asked. */
const USAGE = ['bad-uri', 'bad-firmware-id', 'scheme-not-supported', 'host-not-allowed'];

/** Certificates in PEM; what is none would be passed over silently. */
function readCertificate(io: Io, path: string): string {
  const pem = readInputText(io, path, 'certificate');
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw badInput('bad-certificate', `${path} holds no certificate`, 'Give a certificate in PEM.');
  }
}
