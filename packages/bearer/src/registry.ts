import { MeshError, toMeshError } from '@meshferry/core';
import type { BearerPlugin } from './plugin.ts';

/** Imports a package by its name: `(name) => import(name)`. It may give undefined where there is none of this name. */
export type ImportPackage = (packageName: string) => Promise<unknown>;

/** Where {@link pluginFor} looks. */
export interface PluginSources {
  /** At hand already, those of `--bearer-plugin` for one; asked first. */
  readonly plugins: readonly BearerPlugin[];
  /** Finds those that are installed by their scheme. */
  readonly importPackage: ImportPackage;
}

/** What a URI begins with, without the colon. */
export function schemeOf(uri: string): string {
  return uri.trim().split(':', 1)[0]!;
}

/** The packages that are asked for a scheme, in their order; none for what is no scheme. */
export function packagesOf(scheme: string): readonly string[] {
  return SCHEME.test(scheme) ? [`@meshferry/bearer-${scheme}`, `meshferry-bearer-${scheme}`] : [];
}

/**
 * The plugin that opens a URI: one of `plugins`, else that of an installed package. Rejects with `unknown-bearer`, and as
 * {@link loadPlugin} does where a package is there and of no use.
 */
export async function pluginFor(uri: string, { plugins, importPackage }: PluginSources): Promise<BearerPlugin> {
  const scheme = schemeOf(uri);
  const given = plugins.find((plugin) => plugin.scheme === scheme);
  if (given !== undefined) return given;
  for (const name of packagesOf(scheme)) {
    const found = await findPlugin(importPackage, name);
    if (found !== undefined) return found;
  }
  const known = plugins.map((plugin) => plugin.scheme).join(', ') || 'none';
  throw new MeshError('unknown-bearer', `no bearer for "${uri}"; known here: ${known}`, {
    hint: packagesOf(scheme).length > 0 ? `Install one: npm install ${packagesOf(scheme)[0]}` : 'Name it as SCHEME:….',
  });
}

/** The plugin of a package. Rejects with `no-such-plugin`, and as {@link findPlugin} does. */
export async function loadPlugin(importPackage: ImportPackage, packageName: string): Promise<BearerPlugin> {
  const found = await findPlugin(importPackage, packageName);
  if (found !== undefined) return found;
  throw new MeshError('no-such-plugin', `there is no bearer package ${packageName}`, {
    hint: `Install it: npm install ${packageName}`,
  });
}

/**
 * The plugin of a package, or undefined when there is no such package. Rejects with `bearer-unavailable` when it cannot be
 * loaded, with `bad-bearer-plugin` when it exports none, or one that is not whole.
 */
export async function findPlugin(importPackage: ImportPackage, packageName: string): Promise<BearerPlugin | undefined> {
  let module: unknown;
  try {
    module = await importPackage(packageName);
  } catch (thrown) {
    if (isMissing(thrown, packageName)) return undefined;
    const { message } = toMeshError(thrown);
    throw new MeshError('bearer-unavailable', `the bearer package ${packageName} cannot be loaded: ${message}`, {
      hint: 'Install it again, or look at what it says.',
      cause: thrown,
    });
  }
  if (module === undefined) return undefined;
  const { bearer } = Object(module) as { readonly bearer?: unknown };
  const wrong = whatIsWrong(bearer);
  if (wrong === undefined) return bearer as BearerPlugin;
  throw new MeshError('bad-bearer-plugin', `the package ${packageName} is no bearer: ${wrong}`, {
    hint: 'It must export "bearer", a BearerPlugin of @meshferry/bearer: see docs/bearer-plugins.md.',
  });
}

/** Whether it is this package that is not there, and not one that it lacks itself. */
function isMissing(thrown: unknown, packageName: string): boolean {
  const { code, message } = Object(thrown) as { readonly code?: unknown; readonly message?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${packageName}'`);
}

/** What keeps the export of a package from being a plugin; undefined: nothing. */
function whatIsWrong(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'it exports no object "bearer"';
  const { scheme, summary, uris, check, open } = value as Partial<Record<keyof BearerPlugin, unknown>>;
  if (typeof scheme !== 'string' || !SCHEME.test(scheme)) {
    return `its scheme ${JSON.stringify(scheme)} is none (a letter, then letters, digits and hyphens, all lower case)`;
  }
  if (typeof summary !== 'string') return 'its summary is no text';
  if (!Array.isArray(uris) || uris.length === 0) return 'its uris are no list of URIs';
  const foreign = uris.find((uri) => typeof uri !== 'string' || schemeOf(uri) !== scheme);
  if (foreign !== undefined) return `its URI ${JSON.stringify(foreign)} does not begin with ${scheme}:`;
  if (typeof check !== 'function') return 'its check is no function';
  if (typeof open !== 'function') return 'its open is no function';
  return undefined;
}

/** So that it is nothing but a part of a package name. */
const SCHEME = /^[a-z][a-z0-9-]*$/;
