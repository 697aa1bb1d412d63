import {
  type BearerPlugin,
  findPlugin,
  type ImportPackage,
  loadPlugin,
  type PluginSources,
  packagesOf,
  pluginFor,
  schemeOf,
} from '@meshferry/bearer';
import { MeshError, toMeshError } from '@meshferry/core';
import { badInput, ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { importFrom } from './import-package.ts';

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

/** Schemes that mean something before any plugin is asked. */
const RESERVED = ['sim', 'proxy'];

/** Where plugins come from: those of `--bearer-plugin`. Ends the command with exit code 2 for one that is none. */
export async function openSources({ bearerPlugins, io }: Shell): Promise<PluginSources> {
  const importPackage = importFrom(io.cwd);
  const load = (name: string) =>
    loadPlugin(importPackage, name).catch((thrown) => {
      const { code, message } = toMeshError(thrown);
      throw badInput(code, message, 'Give the name of an installed bearer package, or the path of its folder or file.');
    });
  const plugins = await Promise.all(bearerPlugins.map(load));
  const schemes = [...RESERVED, ...plugins.map(({ scheme }) => scheme)];
  const taken = schemes.find((scheme, i) => schemes.indexOf(scheme) < i);
  if (taken !== undefined) {
    throw badInput('bad-bearer-plugin', `the scheme ${taken}: of a --bearer-plugin is taken`, 'Choose another one.');
  }
  return { plugins, importPackage };
}

/** The plugin for a URI. Ends the command with exit code 2 for what is no bearer, with 4 for one that is missing or broken. */
export async function choosePlugin(uri: string, sources: PluginSources): Promise<BearerPlugin> {
  try {
    return await pluginFor(uri, sources);
  } catch (thrown) {
    const error = toMeshError(thrown);
    if (error.code !== 'unknown-bearer') throw unavailable(error);
    const own = OWN_BEARERS.find(({ scheme }) => scheme === schemeOf(uri));
    if (own !== undefined) throw unavailable(notInstalled(own));
    if (schemeOf(uri) === 'sim') {
      throw badInput('unknown-bearer', `"${uri}" cannot be a proxy client`, 'Write --bearer sim:proxies=1,link=gatt.');
    }
    const known = [...OWN_BEARERS, ...sources.plugins].map(({ scheme }) => scheme);
    throw badInput(
      'unknown-bearer',
      `unknown bearer "${uri}"; there are ${['sim', ...known].join(', ')}`,
      'See "meshferry bearer list"; name a package of your own with --bearer-plugin.',
    );
  }
}

/** What is installed for a bearer of ours, or why it is of no use. */
export async function lookFor(known: KnownBearer, importPackage: ImportPackage): Promise<BearerPlugin | MeshError> {
  try {
    for (const name of packagesOf(known.scheme)) {
      const found = await findPlugin(importPackage, name);
      if (found !== undefined) return found;
    }
    return notInstalled(known);
  } catch (thrown) {
    return toMeshError(thrown);
  }
}

/** Ends a command with exit code 4, and says where to look. */
export function unavailable({ code, message, hint }: MeshError): Stop {
  const list = 'See "meshferry bearer list".';
  return new Stop(
    ExitCode.unavailable,
    new MeshError(code, message, { hint: hint === undefined ? list : `${hint} ${list}` }),
  );
}

function notInstalled({ scheme }: KnownBearer): MeshError {
  return new MeshError('bearer-unavailable', `@meshferry/bearer-${scheme} is not installed`, {
    hint: `Install it: npm install @meshferry/bearer-${scheme}.`,
  });
}
