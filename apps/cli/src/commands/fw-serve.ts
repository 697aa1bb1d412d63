import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { toHex } from '@meshferry/core';
import { formatVersion, isLoopback } from '@meshferry/firmware';
import { type Release, type Releases, readReleases } from '../archive/releases.ts';
import { makeSelfSigned } from '../archive/self-signed.ts';
import { type ArchiveServer, type Identity, type ServeOptions, startArchiveServer } from '../archive/server.ts';
import { badInput, ExitCode } from '../shell/exit.ts';
import { readInputText } from '../shell/files.ts';
import { formatSize, plural, printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';
import { writeWholeFile } from '../shell/write-file.ts';

export interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  /** File for the certificate that is made. */
  readonly selfSigned?: string;
  readonly allowHttp?: boolean;
}

/** `fw serve DIR`, until Ctrl-C. */
export async function fwServe(shell: Shell, [folder = '']: readonly string[], flags: ServeFlags): Promise<ExitCode> {
  const identity = identityOf(shell, flags);
  if (identity === undefined && !flags.allowHttp && !isLoopback(urlHost(flags.host))) {
    const message = `${flags.host} can be reached by others, and http lets anybody exchange the firmware`;
    throw badInput(
      'http-refused',
      message,
      'Serve https with --cert and --key, or for a trial with --self-signed FILE.',
    );
  }
  const found = await readReleases(shell.io, resolve(shell.io.cwd, folder));
  if (found.releases.length === 0) throw nothingToServe(folder, found);
  let requests = 0;
  const server = await listen(found.releases, {
    host: flags.host,
    port: flags.port,
    ...(identity === undefined ? {} : { identity }),
    answered: (request, { status, release }) => {
      requests++;
      const { method = '', url = '' } = request;
      const firmwareId = release === undefined ? null : toHex(release.firmwareId);
      shell.event({ type: 'request', method, url, status, firmwareId });
      shell.say(`${method} ${printable(url)}  ${status}`);
    },
  });
  const stopped = new Promise<void>((resolve) => {
    const stopListening = shell.io.signals.listen(() => {
      stopListening();
      resolve();
    });
  });
  introduce(shell, `${identity === undefined ? 'http' : 'https'}://${urlHost(flags.host)}:${server.port}`, found);
  await stopped;
  await server.close();
  shell.result({ requests });
  shell.say(`stopped after ${plural(requests, 'request')}`);
  return ExitCode.done;
}

/** The certificate of --cert and --key, or a new one; undefined for http. */
function identityOf(shell: Shell, { host, cert, key, selfSigned }: ServeFlags): Identity | undefined {
  if ((cert === undefined) !== (key === undefined) || (cert !== undefined && selfSigned !== undefined)) {
    const message = 'https needs --cert and --key, or --self-signed alone';
    throw badInput('bad-identity', message, 'Give both files, or --self-signed FILE to have a certificate made.');
  }
  if (cert !== undefined && key !== undefined) {
    return { cert: readInputText(shell.io, cert, 'certificate'), key: readInputText(shell.io, key, 'key') };
  }
  if (selfSigned === undefined) return undefined;
  const made = makeSelfSigned(host, shell.io.wallTime());
  try {
    writeWholeFile(resolve(shell.io.cwd, selfSigned), new TextEncoder().encode(made.cert));
  } catch (thrown) {
    const message = `cannot write ${selfSigned}: ${(thrown as Error).message}`;
    throw badInput('cannot-write', message, 'Check the folder and the rights.');
  }
  return made;
}

async function listen(releases: readonly Release[], options: ServeOptions): Promise<ArchiveServer> {
  try {
    return await startArchiveServer(releases, options);
  } catch (thrown) {
    const { code = '', message } = thrown as NodeJS.ErrnoException;
    if (code.startsWith('ERR_') || /PEM|key|certificate/i.test(message)) {
      const hint = 'Give the certificate (chain) and its private key, both in PEM.';
      throw badInput('bad-identity', `certificate and key cannot be used: ${message}`, hint);
    }
    const hint = 'Choose another --port (0 takes any free one), or an address of this machine for --host.';
    throw badInput('cannot-listen', `cannot listen on ${options.host} port ${options.port}: ${message}`, hint);
  }
}

function introduce(shell: Shell, origin: string, { releases, skipped }: Releases): void {
  const uriOf = ({ product }: Release): string =>
    product === '' ? origin : `${origin}/${encodeURIComponent(product)}`;
  shell.event({
    type: 'listening',
    uri: origin,
    releases: releases.map((release) => ({
      uri: uriOf(release),
      file: release.file,
      firmwareId: toHex(release.firmwareId),
      version: formatVersion(release.version),
      imageSize: release.imageSize,
      archiveSize: release.archive.length,
    })),
    skipped,
  });
  const rows = releases.map((release) => [
    uriOf(release),
    formatVersion(release.version),
    toHex(release.firmwareId),
    formatSize(release.imageSize),
    printable(release.file),
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  for (const { file, reason } of skipped) shell.say(`not served: ${printable(file)}: ${printable(reason)}`);
  shell.say('serving until Ctrl-C');
}

function nothingToServe(folder: string, { skipped }: Releases): Error {
  const [first] = skipped;
  const why = first === undefined ? '' : `; ${first.file}: ${first.reason}`;
  return badInput(
    'no-releases',
    `${folder} holds no package that can be served${why}`,
    'Put packages with mesh metadata there: a dfu_application.zip, or one of meshferry fw make.',
  );
}

function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
