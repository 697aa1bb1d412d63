import { expect, it } from 'vitest';
import { type Load, loadLibrary } from './load.ts';

/** As Node says it, of a package that is not there. */
const missing: Load = async (name) => {
  const error = new Error(`Cannot find package '${name.split('/').slice(0, 2).join('/')}' imported from /somewhere.js`);
  throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
};

it.each([
  [undefined, /@abandonware\/noble or @stoprocent\/noble, which is not installed/, /npm install @abandonware\/noble/],
  ['stoprocent', /@stoprocent\/noble, which is not installed/, /npm install @stoprocent\/noble`/],
] as const)('says how to install what is missing (%s)', async (lib, message, hint) => {
  await expect(loadLibrary(lib, missing)).rejects.toMatchObject({
    code: 'bearer-unavailable',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  });
});

it('takes the one that is installed', async () => {
  const asked: string[] = [];
  const load: Load = async (name) => {
    asked.push(name);
    if (name.startsWith('@abandonware')) return missing(name);
    return { default: (kind: string, options: unknown) => ({ kind, options }) };
  };
  const make = await loadLibrary(undefined, load);
  expect(make({ deviceId: 1 })).toEqual({ kind: 'default', options: { deviceId: 1 } });
  expect(asked).toEqual(['@abandonware/noble/with-custom-binding.js', '@stoprocent/noble/lib/resolve-bindings.js']);
});

it('takes another one for one that is broken, and tells of that when there is none', async () => {
  const broken = (other: Load): Load => {
    return async (name) => {
      if (!name.startsWith('@abandonware')) return other(name);
      throw Object.assign(new Error("Cannot find module '../build/binding.node'\nRequire stack:"), {
        code: 'MODULE_NOT_FOUND',
      });
    };
  };
  const works = broken(async () => ({ default: () => 'other' }));
  expect((await loadLibrary(undefined, works))({})).toBe('other');
  await expect(loadLibrary(undefined, broken(missing))).rejects.toMatchObject({
    code: 'bearer-unavailable',
    message: "the package @abandonware/noble cannot be loaded: Cannot find module '../build/binding.node'",
  });
});

it('does not take a package for noble that is none', async () => {
  const load: Load = async () => ({ default: {} });
  await expect(loadLibrary('abandonware', load)).rejects.toMatchObject({
    message: expect.stringMatching(/another interface/),
  });
});

it('has all advertising reports shown, also the first one of a device', async () => {
  await loadLibrary(undefined, async () => ({ default: () => {} }));
  expect(process.env.NOBLE_REPORT_ALL_HCI_EVENTS).toBe('1');
});
