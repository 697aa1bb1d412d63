import { MeshError } from '@meshferry/core';
import type { NobleLibrary } from './noble-api.ts';
import { LIBRARIES, type LibraryName } from './uri.ts';

/** Makes an instance of a library that nobody else has. */
export type Make = (options: Readonly<Record<string, unknown>>) => NobleLibrary;

/**
 * Loads a library: the one named, else the first that is installed; nothing of it is opened yet. Importing its main module would
 * open the controller, and there would be one instance for all. Rejects with `bearer-unavailable`.
 */
export async function loadLibrary(lib: LibraryName | undefined, load: Load = importAny): Promise<Make> {
  // Read at each advertising report: without it a connectable device is shown only after a scan response or a second report.
  process.env.NOBLE_REPORT_ALL_HCI_EVENTS ??= '1';
  const names = lib === undefined ? (Object.keys(LIBRARIES) as LibraryName[]) : [lib];
  let failure: MeshError | undefined;
  for (const name of names) {
    try {
      return await LOADERS[name](load);
    } catch (thrown) {
      if (!isMissing(thrown, LIBRARIES[name])) failure ??= cannotLoad(LIBRARIES[name], thrown);
    }
  }
  throw failure ?? notInstalled(names);
}

/** Imports a module of CommonJS. */
export type Load = (name: string) => Promise<{ readonly default?: unknown }>;

const LOADERS: Readonly<Record<LibraryName, (load: Load) => Promise<Make>>> = {
  abandonware: async (load) => make(await load('@abandonware/noble/with-custom-binding.js')),
  stoprocent: async (load) => {
    const resolve = make(await load('@stoprocent/noble/lib/resolve-bindings.js')) as unknown as (
      kind: string,
      options: Readonly<Record<string, unknown>>,
    ) => NobleLibrary;
    return (options) => resolve('default', options);
  },
};

/** By a name that the compiler does not follow: the package may be absent. */
const importAny: Load = (name) => import(name);

function make(module: { readonly default?: unknown }): Make {
  if (typeof module.default !== 'function') throw new Error('it has another interface than this version knows');
  return module.default as Make;
}

function isMissing(thrown: unknown, name: string): boolean {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}`);
}

function notInstalled(names: readonly LibraryName[]): MeshError {
  const wanted = names.map((name) => LIBRARIES[name]).join(' or ');
  const hint =
    names.length === 1
      ? `Install it with \`npm install ${LIBRARIES[names[0]!]}\`.`
      : 'Install it with `npm install @abandonware/noble`, or without a compiler `npm install @stoprocent/noble`.';
  return new MeshError('bearer-unavailable', `Bluetooth by noble needs the package ${wanted}, which is not installed`, {
    hint,
  });
}

function cannotLoad(name: string, cause: unknown): MeshError {
  const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
  return new MeshError('bearer-unavailable', `the package ${name} cannot be loaded: ${reason}`, {
    hint: `Install it again with \`npm install ${name}\`; its parts for this system may not have been built.`,
    cause,
  });
}
