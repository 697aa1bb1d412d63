import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BearerPlugin } from '@meshferry/bearer';
import { MeshError, toMeshError } from '@meshferry/core';
import { badInput, ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';

/** A kind of bearer, by the scheme of its URIs. */
export interface KnownBearer {
  readonly scheme: string;
  readonly what: string;
  /** URIs as they can be typed. */
  readonly uris: readonly string[];
}

/** Bearers that belong to Meshferry: where one is missing, it can be installed. */
export const OWN_BEARERS: readonly KnownBearer[] = [
  {
    scheme: 'hci',
    what: 'a Bluetooth controller by its host interface',
    uris: ['hci:serial:/dev/ttyACM0,1000000', 'hci:tcp:127.0.0.1:9000', 'hci:unix:/run/hci'],
  },
  {
    scheme: 'noble',
    what: 'the Bluetooth of this computer, to a mesh proxy',
    uris: ['noble:', 'noble:C0:FF:EE:00:00:01'],
  },
  { scheme: 'dongle', what: 'a dongle with the firmware of Meshferry', uris: ['dongle:/dev/ttyACM1'] },
];

/** The plugins of `--bearer-plugin`, in their order. Ends the command with exit code 2 for one that is none. */
export function givenPlugins(shell: Shell): Promise<readonly BearerPlugin[]> {
  return Promise.all(
    shell.bearerPlugins.map(async (name) => {
      const found = await load(shell, name);
      if (found instanceof MeshError) throw new Stop(ExitCode.usage, found);
      if (found !== undefined) return found;
      throw badInput(
        'no-such-plugin',
        `there is no bearer package ${name}`,
        'Give the name of an installed package, or the path of its folder or file.',
      );
    }),
  );
}

/** The plugin for a URI: one of `given`, else by its scheme. Ends the command with 2, or with 4 for one of ours that is missing. */
export async function pluginFor(shell: Shell, uri: string, given: readonly BearerPlugin[]): Promise<BearerPlugin> {
  const scheme = schemeOf(uri);
  const found = given.find((plugin) => plugin.scheme === scheme) ?? (await findPlugin(shell, scheme));
  if (found instanceof MeshError) throw unavailable(found);
  if (found !== undefined) return found;
  if (OWN_BEARERS.some((own) => own.scheme === scheme)) throw unavailable(notInstalled(scheme));
  const known = ['sim', ...[...OWN_BEARERS, ...given].map((bearer) => bearer.scheme)].join(', ');
  throw badInput(
    'unknown-bearer',
    `unknown bearer "${uri}"; there are ${known}`,
    'See "meshferry bearer list"; name a package of your own with --bearer-plugin.',
  );
}

/** Ends a command with exit code 4, and says where to look. */
export function unavailable({ code, message, hint }: MeshError): Stop {
  const list = 'See "meshferry bearer list".';
  return new Stop(
    ExitCode.unavailable,
    new MeshError(code, message, { hint: hint === undefined ? list : `${hint} ${list}` }),
  );
}

/** What is installed for a scheme; undefined: nothing; an error: it is there and cannot be loaded. */
export async function findPlugin(shell: Shell, scheme: string): Promise<BearerPlugin | MeshError | undefined> {
  if (!SCHEME.test(scheme)) return undefined;
  return (await load(shell, `@meshferry/bearer-${scheme}`)) ?? load(shell, `meshferry-bearer-${scheme}`);
}

export function notInstalled(scheme: string): MeshError {
  return new MeshError('bearer-unavailable', `@meshferry/bearer-${scheme} is not installed`, {
    hint: `Install it: npm install @meshferry/bearer-${scheme}.`,
  });
}

export function schemeOf(uri: string): string {
  return uri.trim().split(':', 1)[0] as string;
}

/** Letters, so that it is nothing but a part of a package name. */
const SCHEME = /^[a-z][a-z0-9-]*$/;

/** A package, or the path of one: from the working directory, then from beside this program. */
async function load(shell: Shell, name: string): Promise<BearerPlugin | MeshError | undefined> {
  const { cwd } = shell.io;
  const isPath = isAbsolute(name) || /^\.{1,2}([\\/]|$)/.test(name);
  const resolved = isPath ? resolvePath(resolve(cwd, name)) : resolveFrom(cwd, name);
  if (resolved === undefined && isPath) return undefined;
  try {
    const module: { readonly bearer?: unknown } = await import(
      resolved === undefined ? name : pathToFileURL(resolved).href
    );
    return isPlugin(module.bearer) ? module.bearer : notAPlugin(name);
  } catch (thrown) {
    return isMissing(thrown, name) ? undefined : cannotLoad(name, thrown);
  }
}

/** Of a file, or of a package by its folder: what the package exports to itself. */
function resolvePath(path: string): string | undefined {
  try {
    const { name, exports } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    if (typeof name === 'string' && exports !== undefined) return resolveFrom(path, name);
  } catch {
    // It is a file, or a folder with an index.
  }
  return resolveFrom(path, path);
}

function resolveFrom(folder: string, name: string): string | undefined {
  try {
    return createRequire(join(folder, 'index.js')).resolve(name);
  } catch {
    return undefined;
  }
}

function isPlugin(value: unknown): value is BearerPlugin {
  const { scheme, open, check } = (value ?? {}) as Partial<BearerPlugin>;
  return typeof scheme === 'string' && typeof open === 'function' && typeof check === 'function';
}

/** Whether it is not there; a package that lacks one of its own is. */
function isMissing(thrown: unknown, name: string): boolean {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
}

function notAPlugin(name: string): MeshError {
  return new MeshError('not-a-plugin', `the package ${name} exports no bearer`, {
    hint: 'A bearer package exports "bearer", a BearerPlugin of @meshferry/bearer: see docs/bearer-plugins.md.',
  });
}

function cannotLoad(name: string, thrown: unknown): MeshError {
  return new MeshError(
    'bearer-unavailable',
    `the bearer package ${name} cannot be loaded: ${toMeshError(thrown).message}`,
    {
      hint: 'Install it again, or look at what it says.',
    },
  );
}
