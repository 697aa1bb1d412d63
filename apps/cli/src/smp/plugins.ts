import { schemeOf } from '@meshferry/bearer';
import { MeshError, toMeshError } from '@meshferry/core';
import type { SmpPlugin } from '@meshferry/smp';
import { importFrom } from '../bearers/import-package.ts';
import { ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';

/** So that it is nothing but a part of a package name. */
const SCHEME = /^[a-z][a-z0-9-]*$/;

/**
 * The plugin that carries SMP for the scheme of a URI; undefined where no package is installed for it: it may be that of a
 * bearer. Ends the command with 4 for a package that is broken.
 */
export async function findSmpPlugin({ io }: Shell, uri: string): Promise<SmpPlugin | undefined> {
  const scheme = schemeOf(uri);
  if (!SCHEME.test(scheme)) return undefined;
  const importPackage = importFrom(io.cwd);
  for (const name of [`@meshferry/smp-${scheme}`, `meshferry-smp-${scheme}`]) {
    const module = await importPackage(name).catch((thrown) => broken(name, toMeshError(thrown).message));
    if (module === undefined) continue;
    const { smpPlugin } = Object(module) as { readonly smpPlugin?: Partial<SmpPlugin> };
    if (typeof smpPlugin?.route !== 'function' || smpPlugin.scheme !== scheme)
      broken(name, 'it exports no "smpPlugin"');
    return smpPlugin as SmpPlugin;
  }
  return undefined;
}

function broken(name: string, reason: string): never {
  throw new Stop(
    ExitCode.unavailable,
    new MeshError('smp-plugin-broken', `the package ${name} cannot be used: ${reason}`, {
      hint: 'Install it again, or tell who made it.',
    }),
  );
}
