import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeUnicastRange, isFree } from './addresses.ts';
import { adoptNetwork } from './adopt.ts';
import { equalJson, type Json, type JsonObject, setMember } from './json.ts';
import type { NetworkDocument } from './model.ts';
import { removeNode } from './nodes.ts';
import { partialExport } from './partial-export.ts';
import { readNetworkDocument, validateNetworkDocument } from './read.ts';
import { networks } from './testing/arbitrary.ts';
import { octets, opened, SAMPLES, sampleJson } from './testing/samples.ts';
import { networkDocumentJson, writeNetworkDocument } from './write.ts';

describe('any document', () => {
  it('is read, and written as it came, in the form of 1.0.1 and in older words and lower case', {
    timeout: 120_000,
  }, () => {
    fc.assert(
      fc.property(networks, fc.nat(), (network, coins) => {
        let tossed = 0;
        const coin = (): boolean => coins % 2 === 1 && ((coins >> (1 + (tossed++ % 29))) & 1) === 1;
        const json = older(network as NetworkDocument & JsonObject, coin);
        const document = opened(JSON.stringify(json));
        expect(equalJson(document, network)).toBe(true);
        expect(equalJson(JSON.parse(writeNetworkDocument(document)), json)).toBe(true);
      }),
    );
  });

  it('leaves a partial export that is a document, and has nothing of what was left out', () => {
    const choice = fc.record({
      netKeys: fc.subarray([0, 1, 2], { minLength: 1 }),
      groups: fc.constantFrom('related' as const, 'all' as const, []),
      scenes: fc.constantFrom('related' as const, 'all' as const, []),
      deviceKeys: fc.constantFrom('all' as const, 'none' as const),
    });
    fc.assert(
      fc.property(networks, choice, (network, which) => {
        fc.pre(network.netKeys.some(({ index }) => which.netKeys.includes(index)));
        const part = partialExport(opened(network), which);
        expect(validateNetworkDocument(part)).toEqual([]);
        const text = JSON.stringify(part);
        for (const { index, key } of [
          ...network.netKeys,
          ...network.appKeys.filter((k) => !which.netKeys.includes(k.boundNetKey)),
        ]) {
          if (!part.netKeys.some((one) => one.index === index) && !part.appKeys.some((one) => one.index === index)) {
            expect(text).not.toContain(key);
          }
        }
        if (which.deviceKeys === 'none') expect(part.nodes.every((node) => node.deviceKey === undefined)).toBe(true);
      }),
      { numRuns: 2000 }, // Of networks there were 10 000 above; the choices are few.
    );
  });

  it('gives free addresses only, also after a node was removed', () => {
    fc.assert(
      fc.property(networks, fc.integer({ min: 1, max: 30 }), fc.nat(6), (network, count, ivIndex) => {
        const provisioner = network.provisioners[0]?.UUID as string;
        const address = freeUnicastRange(network, { provisioner, count, ivIndex });
        expect(isFree(network, { address, count }, ivIndex)).toBe(true);
        const [node] = network.nodes;
        if (node === undefined) return;
        const own = Number.parseInt(node.unicastAddress, 16);
        const without = removeNode(network, own, ivIndex);
        for (const later of [0, 1]) expect(isFree(without, { address: own, count: 1 }, ivIndex + later)).toBe(false);
        expect(validateNetworkDocument(without)).toEqual([]);
      }),
      { numRuns: 2000 }, // Each searches the whole range twice.
    );
  });

  it('can be adopted, from an address that stands nowhere in it, and only that is added', () => {
    const composition = {
      cid: 1,
      pid: 2,
      vid: 3,
      crpl: 10,
      features: 3,
      elements: [{ location: 0, sigModels: [0, 1], vendorModels: [] }],
    };
    fc.assert(
      fc.property(networks, (network) => {
        const document = opened(network);
        const { document: adopted, address } = adoptNetwork(document, {
          name: 'own',
          uuid: octets(7),
          deviceKey: octets(9),
          composition,
        });
        expect(isFree(document, { address, count: 1 }, undefined)).toBe(true);
        const json = networkDocumentJson(adopted) as { provisioners: unknown[]; nodes: unknown[] };
        expect(
          equalJson({ ...json, provisioners: json.provisioners.slice(0, -1), nodes: json.nodes.slice(0, -1) }, network),
        ).toBe(true);
      }),
      { numRuns: 2000 }, // Each writes and checks the document.
    );
  });
});

describe('anything at all', () => {
  it('that JSON can say is read or refused', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => readNetworkDocument(value).ok === false));
    fc.assert(fc.property(fc.string(), (text) => readNetworkDocument(text).ok === false));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => readNetworkDocument(bytes).ok === false));
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withMap: true, withSparseArray: true, withNullPrototype: true }),
        (value) => {
          readNetworkDocument(value);
        },
      ),
    );
  });

  it('in the place of a part of a sample is read or refused, and what is read can be written', () => {
    const samples = new Map(SAMPLES.map((name) => [name, sampleJson(name) as Json]));
    const strange = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
      fc.constantFrom<Json>(
        '',
        '0000',
        'c000',
        'FFFF',
        '00112233445566778899aabbccddeeff',
        -1,
        0,
        1.5,
        65536,
        1e300,
        null,
        [],
        {},
        true,
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...SAMPLES),
        fc.array(fc.nat(40), { maxLength: 9 }),
        strange,
        fc.boolean(),
        (name, steps, value, lenient) => {
          const broken = replaced(samples.get(name) as Json, steps, value as Json);
          const read = readNetworkDocument(broken, { lenient });
          if (!read.ok) {
            expect(read.error.length).toBeGreaterThan(0);
            return;
          }
          const written = networkDocumentJson(read.value.document, { wrapped: true });
          expect(equalJson(written, broken)).toBe(true);
          expect(readNetworkDocument(writeNetworkDocument(read.value.document, { form: 'strict' })).ok).toBe(true);
        },
      ),
    );
  });

  it('cut off anywhere is refused with a place', () => {
    const text = JSON.stringify(sampleJson('network-full.json'));
    fc.assert(
      fc.property(fc.nat(text.length - 1), (length) => {
        const read = readNetworkDocument(text.slice(0, length));
        expect(!read.ok && read.error[0]?.code).toBe('not-json');
        expect(JSON.stringify(read)).not.toContain('7B787AE217D1A5C05BF2A67AE2AA20FC');
      }),
      { numRuns: 1000 }, // Each parses half of a long text.
    );
  });
});

/** The same network as older writers put it, each word as the coin falls. */
function older(value: Json, coin: () => boolean, name = ''): Json {
  if (name === 'meshName' || name === 'provisionerName' || name === 'name') return value;
  if (typeof value === 'string') {
    if ((name === 'security' || name === 'minSecurity') && coin()) return value === 'secure' ? 'high' : 'low';
    if (/^[0-9A-F-]{36}$/.test(value) && coin()) return value.replaceAll('-', '').toLowerCase();
    return /^([0-9A-F]{4}|[0-9A-F]{8}|[0-9A-F]{32})$/.test(value) && coin() ? value.toLowerCase() : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => older(item, coin, name));
  const object: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (!KNOWN.has(key)) setMember(object, key, member);
    else if (key === 'excluded' && coin()) setMember(object, 'blacklisted', member);
    else if (key === 'number' && coin()) setMember(object, 'scene', member);
    else setMember(object, key, older(member, coin, key));
  }
  return object;
}

const KNOWN = new Set(
  (
    'meshUUID provisioners UUID allocatedUnicastRange allocatedGroupRange allocatedSceneRange lowAddress highAddress firstScene ' +
    'lastScene netKeys appKeys key oldKey minSecurity nodes unicastAddress deviceKey security excluded cid elements location models ' +
    'modelId subscribe publish address heartbeatPub heartbeatSub source destination groups parentAddress scenes number addresses ' +
    'networkExclusions'
  ).split(' '),
);

/** A copy in which the value that the steps lead to is another one. */
function replaced(value: Json, steps: readonly number[], by: Json): Json {
  const [step, ...rest] = steps;
  if (step === undefined || typeof value !== 'object' || value === null) return by;
  if (Array.isArray(value)) {
    if (value.length === 0) return by;
    return value.map((item: Json, i: number) => (i === step % value.length ? replaced(item, rest, by) : item));
  }
  const names = Object.keys(value);
  const chosen = names[step % Math.max(1, names.length)];
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, name === chosen ? replaced(member, rest, by) : member]),
  );
}
