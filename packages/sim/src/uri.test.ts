import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalSimUri, parseSimUri, simUriKeys } from './uri.ts';

function refusal(text: string): { code: string; message: string; hint: string } {
  try {
    parseSimUri(text);
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error(`${text} was accepted`);
}

describe('parseSimUri', () => {
  it.each(['sim', 'sim:', ' sim: '])('gives the defaults of the table for "%s"', (text) => {
    expect(parseSimUri(text)).toEqual({
      targets: 10,
      unprovisioned: 0,
      lowpower: 0,
      friends: 0,
      proxies: 0,
      link: 'adv',
      distributor: false,
      smp: false,
      seed: 1,
      topology: 'full',
      hops: undefined,
      relays: 'none',
      radio: 'honest',
      loss: 0,
      memo: 'on',
      controller: { kind: 'interval', intervalMs: 20, sets: 1, rearmMs: 1 },
      block: { min: 8, max: 12 },
      chunks: 256,
      slot: 1_048_576,
      peer: 'meshferry',
      segments: undefined,
      version: '0.0.0+0',
      company: 0x0059,
      effect: 'none',
      trust: undefined,
      fail: [],
      models: 'target',
      images: ['app'],
      instances: 1,
      adds: 'model',
      oob: [],
    });
  });

  it('reads every key', () => {
    const text =
      'sim:targets=3,unprovisioned=2,lowpower=1,friends=2,proxies=2,link=gatt,distributor=1,smp=1,seed=42,topology=grid,hops=3,relays=all,radio=ideal,loss=0.05,memo=off,' +
      'controller=single,interval=30,sets=4,rearm=0.5,block=12-14,chunks=512,slot=524288,peer=stock,segments=32,version=1.2.3+4,' +
      'company=0x004c,effect=auto,trust=keys/a%2Cb.pem,fail=0x0100@metadata+0x0104@block3;0x0102@reboot5,models=full,images=blob+app,instances=2,adds=element,oob=output+static';
    expect(parseSimUri(text)).toEqual({
      targets: 3,
      unprovisioned: 2,
      lowpower: 1,
      friends: 2,
      proxies: 2,
      link: 'gatt',
      distributor: true,
      smp: true,
      seed: 42,
      topology: 'grid',
      hops: 3,
      relays: 'all',
      radio: 'ideal',
      loss: 0.05,
      memo: 'off',
      controller: { kind: 'single', intervalMs: 30, sets: 4, rearmMs: 0.5 },
      block: { min: 12, max: 14 },
      chunks: 512,
      slot: 524_288,
      peer: 'stock',
      segments: 32,
      version: '1.2.3+4',
      company: 0x004c,
      effect: 'auto',
      trust: 'keys/a,b.pem',
      fail: [
        { address: 0x0100, step: 'metadata', block: undefined },
        { address: 0x0104, step: 'block', block: 3 },
        { address: 0x0102, step: 'reboot', block: 5 },
      ],
      models: 'full',
      images: ['app', 'blob'],
      instances: 2,
      adds: 'element',
      oob: ['static', 'output'],
    });
  });

  it.each(['fail=0x0100@busy+0x0101@full', 'fail=0x0100@busy,fail=0x0101@full', 'fail=0x0100@busy,0x0101@full'])(
    'reads the list of %s',
    (list) => {
      expect(parseSimUri(`sim:${list},seed=2`).fail.map(({ step }) => step)).toEqual(['busy', 'full']);
    },
  );

  it('knows a target that fails by its first element', () => {
    expect(parseSimUri('sim:targets=2,instances=3,fail=0x0103@busy').fail).toHaveLength(1);
    for (const address of ['0x0101', '0x0106']) {
      expect(refusal(`sim:targets=2,instances=3,fail=${address}@busy`).hint).toContain('the address of a target');
    }
  });

  it('wants one image at least', () => {
    for (const images of ['', 'none', 'app+app', 'core']) {
      expect(refusal(`sim:images=${images}`).hint).toBe('Allowed for images: app, net, blob; several joined by +.');
    }
  });

  it('makes a line when several hops are asked for without a topology', () => {
    expect(parseSimUri('sim:targets=6,hops=6')).toMatchObject({ topology: 'line', hops: 6 });
    expect(parseSimUri('sim:hops=1')).toEqual(parseSimUri('sim:'));
  });

  it('names an unknown key and lists the known ones', () => {
    const error = refusal('sim:target=10');
    expect(error).toMatchObject({ code: 'bad-sim-uri', message: 'simulator URI: unknown key "target"' });
    for (const key of ['targets', 'loss', 'rearm', 'oob', 'fail']) expect(error.hint).toContain(key);
  });

  it.each([
    ['targets=-1', 'a whole number from 0 to 1000'],
    ['targets=', 'a whole number from 0 to 1000'],
    ['targets=1e2', 'a whole number from 0 to 1000'],
    ['loss=2', 'a number from 0 to 1'],
    ['loss=a', 'a number from 0 to 1'],
    ['distributor=yes', 'from 0 to 1'],
    ['smp=1', '0 without a Distributor; add distributor=1'],
    ['friends=1,lowpower=11', 'number of targets, 10 here'],
    ['lowpower=2', 'add friends=1'],
    ['friends=1,lowpower=3,proxies=8', 'that do not sleep, 7 here'],
    ['link=gatt', 'add proxies=1'],
    ['proxies=1,link=hci', 'adv, gatt'],
    ['topology=ring', 'full, line, grid, random'],
    ['relays=some', 'none, all or a whole number'],
    ['relays=11', 'other nodes, 10 here'],
    ['topology=full,hops=2', 'topology=line'],
    ['topology=line,hops=11', '10 here'],
    ['block=12-8', 'from 6 to 32'],
    ['block=5', 'from 6 to 32'],
    ['version=1.2', '1.2.3+4'],
    ['version=256.0.0', '255.255.65535'],
    ['company=0x10000', '0xffff'],
    ['oob=qr', 'none, or static, publickey, output, input'],
    ['oob=static+static', 'joined by +'],
    ['controller=fast', 'interval, single'],
    ['trust=%zz', 'PEM'],
    ['fail=0x0100', 'ADDR@STEP'],
    ['fail=0x0100@block', 'blockN'],
    ['fail=0x0100@silent3', 'blockN'],
    ['fail=0x0100@explode', 'metadata'],
    ['fail=0x010a@busy', '0x0100 to 0x0109'],
    ['fail=0x0002@silent', '0x0100 to 0x0109'],
    ['distributor=1,fail=0x0002@verify', 'of a Distributor silent; with smp=1'],
  ])('says what is allowed instead of %s', (body, allowed) => {
    const error = refusal(`sim:${body}`);
    expect(error.code).toBe('bad-sim-uri');
    expect(error.message).toContain(body.split(',').at(-1));
    expect(error.hint).toContain(allowed);
  });

  it.each(['sim:targets', 'sim:,', 'sim:targets=1,,seed=2', 'simulator:', 'hci:x', '', 'sim:seed=1,seed=2'])(
    'refuses the form of "%s"',
    (text) => {
      expect(refusal(text).code).toBe('bad-sim-uri');
    },
  );

  it.each(['sim:smp', 'sim:smp,version=2.0.0+0,downgrade=0'])('says that %s is no mesh', (text) => {
    expect(refusal(text)).toMatchObject({ code: 'bad-sim-uri', message: expect.stringContaining('not a mesh') });
  });
});

describe('canonicalSimUri', () => {
  it('leaves defaults out and orders keys', () => {
    expect(canonicalSimUri(parseSimUri('sim:'))).toBe('sim:');
    expect(canonicalSimUri(parseSimUri('sim:seed=2,company=89,loss=.10,targets=4,sets=1,version=1.0.0'))).toBe(
      'sim:targets=4,seed=2,loss=0.1,version=1.0.0+0',
    );
    expect(
      canonicalSimUri(parseSimUri('sim:fail=0x0101@block3,hops=2,fail=0x0100@busy,trust=a%2Cb,distributor=1')),
    ).toBe('sim:distributor=1,topology=line,hops=2,trust=a%2Cb,fail=0x0100@busy+0x0101@block3');
  });

  it('is read back as the same options', () => {
    const uri = fc
      .record(
        {
          targets: fc.integer({ min: 5, max: 300 }),
          unprovisioned: fc.nat(1000),
          friends: fc.integer({ min: 1, max: 200 }),
          distributor: fc.nat(1),
          radio: fc.constantFrom('honest', 'ideal'),
          interval: fc.integer({ min: 10, max: 10_240 }),
          sets: fc.integer({ min: 1, max: 16 }),
          chunks: fc.integer({ min: 1, max: 0xffff }),
          slot: fc.integer({ min: 1, max: 0xffff_ffff }),
          peer: fc.constantFrom('meshferry', 'stock'),
          segments: fc.integer({ min: 2, max: 32 }),
          version: fc.constantFrom('0.0.0', '1.2.3+4', '255.255.65535+4294967295'),
          company: fc.nat(0xffff),
          effect: fc.constantFrom('none', 'auto', 'unprovision', 'composition', 'composition-norpr'),
          oob: fc.constantFrom('none', 'static', 'output', 'input', 'input+publickey', 'static+publickey+output+input'),
          models: fc.constantFrom('target', 'full'),
          images: fc.constantFrom('app', 'net', 'blob+app', 'app+net+blob'),
          instances: fc.constantFrom(1, 2),
          adds: fc.constantFrom('model', 'element'),
          seed: fc.nat(),
          topology: fc.constantFrom('line', 'grid', 'random'),
          hops: fc.integer({ min: 1, max: 5 }),
          relays: fc.constantFrom('none', 'all', '3'),
          loss: fc.double({ min: 0.001, max: 1, noNaN: true }),
          controller: fc.constantFrom('interval', 'single'),
          rearm: fc.integer({ min: 0, max: 1000 }),
          block: fc.constantFrom('8', '8-12', '6-32'),
          trust: fc.string({ minLength: 1 }).map((text) => encodeURIComponent(text)),
          fail: fc.constantFrom('0x0100@reboot5', '0x0102@verify+0x0100@silent'),
        },
        { requiredKeys: [] },
      )
      // What needs another key.
      .chain((keys) =>
        fc
          .record({ proxies: fc.integer({ min: 1, max: 3 }), link: fc.constantFrom('adv', 'gatt') })
          .map((gatt) => ({ ...keys, ...gatt, ...(keys.friends === undefined ? {} : { lowpower: 2 }) })),
      )
      .map(
        (keys) =>
          `sim:${Object.entries(keys)
            .map(([key, value]) => `${key}=${value}`)
            .join(',')}`,
      );
    fc.assert(
      fc.property(uri, (text) => {
        const canonical = canonicalSimUri(parseSimUri(text));
        expect(canonicalSimUri(parseSimUri(canonical))).toBe(canonical);
        const sorted = (uriText: string) => {
          const options = parseSimUri(uriText);
          return { ...options, fail: [...options.fail].sort((a, b) => a.address - b.address) };
        };
        expect(sorted(canonical)).toEqual(sorted(text));
      }),
    );
  });

  it('of any text is one, or refused with what to write instead', () => {
    const key = fc.constantFrom(...simUriKeys().map((each) => each.key));
    const value = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9a-fx.@+%-]{0,12}$/),
      fc.constantFrom('full', 'all', 'gatt'),
    );
    const pairs = fc
      .array(fc.tuple(key, value), { maxLength: 3 })
      .map((all) => all.map((pair) => pair.join('=')).join(','));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pairs.map((text) => `sim:${text}`),
        ),
        (text) => {
          try {
            const options = parseSimUri(text);
            expect(canonicalSimUri(parseSimUri(canonicalSimUri(options)))).toBe(canonicalSimUri(options));
          } catch (thrown) {
            expect(thrown).toMatchObject({
              code: 'bad-sim-uri',
              hint: expect.any(String),
            });
          }
        },
      ),
    );
  });
});
