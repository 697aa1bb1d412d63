import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { BearerPlugin } from './plugin.ts';
import { findPlugin, loadPlugin, packagesOf, pluginFor, schemeOf } from './registry.ts';

function plugin(scheme: string): BearerPlugin {
  return {
    scheme,
    summary: 'a bearer for tests',
    uris: [`${scheme}:`],
    check: async () => null,
    open: async () => ({ close: () => {} }),
  };
}

/** An `import` of these packages. */
function installed(packages: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const importPackage = async (name: string) => {
    asked.push(name);
    return packages[name];
  };
  return { asked, importPackage };
}

async function rejected(promise: Promise<unknown>): Promise<MeshError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MeshError);
  return error as MeshError;
}

describe('the plugin for a URI', () => {
  it('is one of those given, before any package is asked', async () => {
    const { asked, importPackage } = installed({});
    const plugins = [plugin('udp'), plugin('foo')];
    expect(await pluginFor(' foo:bar:1', { plugins, importPackage })).toBe(plugins[1]);
    expect(asked).toEqual([]);
  });

  it('is found by the names that packages have for its scheme, ours first', async () => {
    const [ours, theirs] = [plugin('foo'), plugin('foo')];
    const both = installed({
      '@meshferry/bearer-foo': { bearer: ours },
      'meshferry-bearer-foo': { bearer: theirs },
    });
    expect(await pluginFor('foo:', { plugins: [], importPackage: both.importPackage })).toBe(ours);
    const { asked, importPackage } = installed({ 'meshferry-bearer-foo': { bearer: theirs } });
    expect(await pluginFor('foo:', { plugins: [], importPackage })).toBe(theirs);
    expect(asked).toEqual(['@meshferry/bearer-foo', 'meshferry-bearer-foo']);
  });

  it('is refused with what is known when there is none, and what is no scheme becomes no package name', async () => {
    const { asked, importPackage } = installed({});
    const plugins = [plugin('udp'), plugin('sim')];
    const error = await rejected(pluginFor('foo:1', { plugins, importPackage }));
    expect([error.code, error.message]).toEqual(['unknown-bearer', 'no bearer for "foo:1"; known here: udp, sim']);
    expect(error.hint).toBe('Install one: npm install @meshferry/bearer-foo');
    expect(asked.length).toBe(2);
    for (const uri of ['', '../../etc:1', 'FOO:', '1foo:', 'a/b:']) {
      expect((await rejected(pluginFor(uri, { plugins: [], importPackage }))).message).toBe(
        `no bearer for "${uri}"; known here: none`,
      );
    }
    expect(asked.length).toBe(2);
  });
});

describe('the plugin of a package', () => {
  it('is its export of the name "bearer"', async () => {
    const own = plugin('own');
    const { importPackage } = installed({ 'own-bearer': { bearer: own, other: 1 } });
    expect(await loadPlugin(importPackage, 'own-bearer')).toBe(own);
    expect(await findPlugin(importPackage, 'other')).toBeUndefined();
    const error = await rejected(loadPlugin(importPackage, 'other'));
    expect([error.code, error.hint]).toEqual(['no-such-plugin', 'Install it: npm install other']);
  });

  it('is refused with what is wrong with it', async () => {
    const whole = plugin('own');
    const wrong: readonly (readonly [unknown, string])[] = [
      [null, 'it exports no object "bearer"'],
      [7, 'it exports no object "bearer"'],
      [{}, 'it exports no object "bearer"'],
      [{ bearer: () => {} }, 'it exports no object "bearer"'],
      [{ bearer: { ...whole, scheme: 'Own' } }, 'its scheme "Own" is none'],
      [{ bearer: { ...whole, summary: undefined } }, 'its summary is no text'],
      [{ bearer: { ...whole, uris: [] } }, 'its uris are no list of URIs'],
      [{ bearer: { ...whole, uris: ['own:', 'foo:'] } }, 'its URI "foo:" does not begin with own:'],
      [{ bearer: { ...whole, check: null } }, 'its check is no function'],
      [{ bearer: { ...whole, open: 'later' } }, 'its open is no function'],
    ];
    for (const [module, why] of wrong) {
      const error = await rejected(findPlugin(async () => module, 'x'));
      expect([error.code, error.message]).toEqual([
        'bad-bearer-plugin',
        expect.stringContaining(`the package x is no bearer: ${why}`),
      ]);
    }
  });

  it('that Node does not find is not there; one that lacks another package is', async () => {
    const missing = (name: string) => () =>
      Promise.reject(Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' }));
    expect(await findPlugin(missing('x'), 'x')).toBeUndefined();
    expect((await rejected(findPlugin(missing('serialport'), 'x'))).code).toBe('bearer-unavailable');
  });

  it('that cannot be loaded is not taken for one that is not there', async () => {
    const broken = new Error('add-on for another Node');
    const error = await rejected(findPlugin(() => Promise.reject(broken), 'x'));
    expect([error.code, error.cause]).toEqual(['bearer-unavailable', broken]);
    expect(error.message).toContain('add-on for another Node');
  });
});

describe('a scheme', () => {
  it('is what a URI begins with', () => {
    expect(['hci:tcp:1:2', ' noble: ', 'sim', ''].map(schemeOf)).toEqual(['hci', 'noble', 'sim', '']);
    expect(packagesOf('a-1')).toEqual(['@meshferry/bearer-a-1', 'meshferry-bearer-a-1']);
  });
});
