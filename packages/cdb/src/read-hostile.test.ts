import { describe, expect, it } from 'vitest';
import { readNetworkDocument } from './read.ts';
import { documentError } from './report.ts';
import { opened, sampleJson } from './testing/samples.ts';
import { networkDocumentJson, writeNetworkDocument } from './write.ts';

type Loose = Record<string, unknown>;
const full = (): Loose => sampleJson('network-full.json') as Loose;
const codes = (source: unknown): unknown => {
  const read = readNetworkDocument(source);
  return read.ok ? 'read' : read.error.map(({ code }) => code);
};

describe('what is no network document', () => {
  it.each([
    ['nothing', ''],
    ['words', 'hello'],
    ['half a file', '{"meshUUID": "F158'],
  ])('%s is no JSON', (_, text) => expect(codes(text)).toEqual(['not-json']));

  it.each([
    ['a number', 12],
    ['null', null],
    ['a list', [1]],
    ['an empty object', {}],
    ['a package manifest', { name: 'x', version: '1.0.0', dependencies: {} }],
    ['a wrapper round nothing', { meshNetwork: [] }],
  ])('%s is no network, and says what to choose', (_, json) => {
    const read = readNetworkDocument(json);
    expect(!read.ok && read.error).toMatchObject([{ code: 'not-a-network', pointer: '', hint: expect.any(String) }]);
  });

  it('shows what stands there instead', () => {
    const read = readNetworkDocument({ token: '8899', IVindex: 5 });
    expect(!read.ok && documentError(read.error).message).toContain('"token", "IVindex"');
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a big integer', 10n],
    ['a symbol', Symbol('x')],
  ])('%s is refused', (_, thing) => expect(codes(thing)).toEqual(['wrong-type']));

  it('a cycle, a getter that throws, NaN and a huge sparse list are refused', () => {
    const cycle: Loose = {};
    cycle.self = cycle;
    expect(codes(cycle)).toEqual(['too-deep']);
    const trap = Object.defineProperty({}, 'x', { enumerable: true, get: () => JSON.parse('{') });
    expect(codes(trap)).toEqual(['not-json']);
    expect(codes({ ...full(), x: Number.NaN })).toEqual(['invalid-value']);
    expect(codes({ ...full(), nodes: new Array(4_000_000_000) })).toEqual(['too-large']);
    let doubling: unknown = [0];
    for (let i = 0; i < 40; i++) doubling = [doubling, doubling];
    expect(codes({ ...full(), doubling })).toEqual(['too-large']);
  });
});

describe('a document of another version', () => {
  it('that is in order is read with a warning', () => {
    const read = readNetworkDocument({ ...full(), version: '1.1.0' });
    expect(read.ok && read.value.warnings).toMatchObject([{ pointer: '/version', code: 'other-version' }]);
  });

  it('that is of another major version is refused, in order or not', () => {
    expect(codes({ ...full(), version: '2.0.0' })).toEqual(['other-version']);
    expect(codes({ ...full(), version: '0.9' })).toEqual(['other-version']);
  });

  it('that is not in order says first that it may be for its version', () => {
    const { netKeys: _, ...rest } = full();
    expect(codes({ ...rest, version: '2.0.0' })).toEqual(['other-version', 'missing']);
    expect(codes({ ...rest, version: '1.1.0' })).toEqual(['other-version', 'missing']);
    expect(codes(rest)).toEqual(['missing']);
  });

  it('without one, or with one of another kind, is read', () => {
    const { version: _, ...rest } = full();
    expect(codes(rest)).toBe('read');
    expect(codes({ ...rest, version: { major: 2 } })).toBe('read');
  });
});

describe('hostile documents', () => {
  it('cannot change prototypes, and their strange names come back', () => {
    const text = JSON.stringify(full()).replace(
      '{"$schema"',
      '{"__proto__": {"meshName": "evil"}, "constructor": null, "$schema"',
    );
    const document = opened(text);
    expect(document.meshName).toBe('Sample network');
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
    expect(JSON.parse(writeNetworkDocument(document))).toEqual(JSON.parse(text));
    const strict = networkDocumentJson(document, { form: 'strict' });
    expect(Object.keys(strict)).toContain('__proto__');
  });

  it('with inherited members instead of own ones lack them', () => {
    expect(codes(Object.create(full()))).toEqual(['not-a-network']);
  });

  it('with a million broken entries list some of them', () => {
    const read = readNetworkDocument({ ...full(), appKeys: new Array(1_000_000).fill(0) });
    expect(!read.ok && read.error.length).toBe(201);
    expect(!read.ok && read.error.at(-1)).toMatchObject({ code: 'more', message: 'and 999800 more' });
  });

  it('with 30000 nodes, or as many groups in one line of parents, are read in reasonable time', () => {
    const node = (full().nodes as Loose[])[4] as Loose;
    const hex = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
    const nodes = Array.from({ length: 30_000 }, (_, i) => ({ ...node, unicastAddress: hex(i + 1), elements: [] }));
    expect(codes({ ...full(), nodes, scenes: [] })).toBe('read');
    const label = (n: number): string => n.toString(16).toUpperCase().padStart(32, '0');
    const groups = Array.from({ length: 30_000 }, (_, i) => ({
      name: '',
      address: label(i + 1),
      parentAddress: label(i + 2),
    }));
    expect(codes({ ...full(), groups })).toBe('read');
    const first = { name: '', address: label(30_001), parentAddress: label(1) };
    expect((codes({ ...full(), groups: [...groups, first] }) as string[]).slice(0, 1)).toEqual(['cycle']);
  });

  it('never show keys in what is said of them', () => {
    const key = '7B787AE217D1A5C05BF2A67AE2AA20FC';
    const netKeys = [{ ...((full().netKeys as Loose[])[0] as Loose), key: `${key}00` }];
    const read = readNetworkDocument({ ...full(), netKeys });
    expect(read.ok).toBe(false);
    expect(JSON.stringify(read)).not.toContain(key);
  });
});
