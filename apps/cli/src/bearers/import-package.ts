import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ImportPackage } from '@meshferry/bearer';

/** Imports packages by name, or the path of one: from this folder, then from beside this program. */
export function importFrom(folder: string): ImportPackage {
  return async (name) => {
    const isPath = isAbsolute(name) || /^\.{1,2}([\\/]|$)/.test(name);
    const resolved = isPath ? resolvePath(resolve(folder, name)) : resolveFrom(folder, name);
    if (resolved === undefined && isPath) return undefined;
    try {
      return await import(resolved === undefined ? name : pathToFileURL(resolved).href);
    } catch (thrown) {
      if (isMissing(thrown, name)) return undefined;
      throw thrown;
    }
  };
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

/** Whether it is not there; a package that lacks one of its own is. */
function isMissing(thrown: unknown, name: string): boolean {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`);
}
