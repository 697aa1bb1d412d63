import { describe, expect, it } from 'vitest';
import type { ModelEntry, NetworkDocument, NodeEntry } from './model.ts';
import { readNetworkDocument } from './read.ts';
import { type SAMPLES, sampleJson } from './testing/samples.ts';
import { networkDocumentJson, writeNetworkDocument } from './write.ts';

type Loose = Record<string, unknown>;

/** Reads `network-full.json` with another value at a path; the model 10 is Lamp 1's OnOff server. */
function readWith(
  path: string,
  value: unknown,
  lenient = false,
): {
  json: Loose;
  document: NetworkDocument;
  codes: readonly string[];
} {
  const json = sampleJson('network-full.json') as Loose;
  const steps = path.split('/').slice(1);
  const last = steps.pop() as string;
  let at = json;
  for (const step of steps) at = at[step] as Loose;
  if (value === undefined) delete at[last];
  else at[last] = value;
  const read = readNetworkDocument(json, { lenient });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  const codes = [...read.value.repairs, ...read.value.warnings].map(({ code, pointer }) => `${code} ${pointer}`);
  expect(networkDocumentJson(read.value.document)).toEqual(json);
  return { json, document: read.value.document, codes };
}

const lamp = ({ nodes }: NetworkDocument): NodeEntry => nodes[2] as NodeEntry;
const onOff = (document: NetworkDocument): ModelEntry => lamp(document).elements[0]?.models[10] as ModelEntry;
const MODEL = '/nodes/2/elements/0/models/10';

describe('repairs, written back as they came', () => {
  it('count or interval 0 of a transmit state: not known', () => {
    for (const transmit of [
      { count: 0, interval: 20 },
      { count: 3, interval: 0 },
    ]) {
      const { document, codes } = readWith('/nodes/2/networkTransmit', transmit);
      expect(lamp(document).networkTransmit).toBeUndefined();
      expect(codes).toEqual(['transmit /nodes/2/networkTransmit']);
    }
  });

  it('an interval up to 32 that is no multiple of 10: steps', () => {
    const { document, codes } = readWith('/nodes/2/relayRetransmit/interval', 32);
    expect(lamp(document).relayRetransmit).toEqual({ count: 3, interval: 320 });
    expect(codes).toEqual(['interval /nodes/2/relayRetransmit/interval']);
  });

  it.each([
    [0, 0, 100],
    [600, 6, 100],
    [30_000, 30, 1000],
    [600_000, 60, 10_000],
    [6_000_000, 10, 600_000],
    [6_350, 6, 1000],
    [1, 1, 100],
  ])('a period of %i ms: %i steps of %i ms', (ms, numberOfSteps, resolution) => {
    const { document, codes } = readWith(`${MODEL}/publish/period`, ms);
    expect(onOff(document).publish?.period).toEqual({ numberOfSteps, resolution });
    expect(codes).toEqual([`period ${MODEL}/publish/period`]);
  });

  it.each([
    [5, 5000, 1000],
    [7, 4_200_000, 600_000],
    [3, 10, 10_000],
    [0, 0, 100],
  ])('%i steps with a resolution of %i: %i ms', (numberOfSteps, resolution, meant) => {
    const { document } = readWith(`${MODEL}/publish/period`, { numberOfSteps, resolution });
    expect(onOff(document).publish?.period.resolution).toBe(meant);
  });

  it('a retransmit interval of 0 without retransmissions, a publication to 0000, a heartbeat period of 65536', () => {
    expect(
      onOff(readWith(`${MODEL}/publish/retransmit`, { count: 0, interval: 0 }).document).publish?.retransmit,
    ).toEqual({
      count: 0,
      interval: 50,
    });
    expect(onOff(readWith(`${MODEL}/publish/address`, '0000').document).publish).toBeUndefined();
    expect(lamp(readWith('/nodes/2/heartbeatPub/period', 65_536).document).heartbeatPub?.period).toBe(65_535);
  });

  it('heartbeats to or from 0000, as mesh-cfgclient writes when it has asked a node that has none: none', () => {
    const to = readWith('/nodes/2/heartbeatPub/address', '0000');
    expect(lamp(to.document).heartbeatPub).toBeUndefined();
    expect(to.codes).toEqual(['no-publication /nodes/2/heartbeatPub']);
    const from = readWith('/nodes/2/heartbeatSub', { source: '0000', destination: '0000' });
    expect(lamp(from.document).heartbeatSub).toBeUndefined();
    expect(from.codes).toEqual(['no-subscription /nodes/2/heartbeatSub']);
  });

  it('missing groups and ranges, null for what may be absent', () => {
    expect(readWith('/groups', undefined).document.groups).toEqual([]);
    expect(readWith('/provisioners/0/allocatedSceneRange', undefined).codes).toContain(
      'added /provisioners/0/allocatedSceneRange',
    );
    const { document, codes } = readWith('/nodes/2/name', null);
    expect('name' in lamp(document)).toBe(false);
    expect(codes).toEqual(['null /nodes/2/name']);
  });

  it('both the former and the present name: the present one counts, the other is an unknown property', () => {
    expect(lamp(readWith('/nodes/2/blacklisted', true).document).excluded).toBe(false);
  });
});

describe('warnings', () => {
  it.each<[string, unknown, string]>([
    ['/timestamp', 'yesterday', 'bad-timestamp /timestamp'],
    ['/timestamp', '2026-99-23T12:00:00Z', 'bad-timestamp /timestamp'],
    ['/nodes/3/UUID', '686D9A02-23AA-4749-972D-F0C5A9B12406', 'duplicate /nodes/3/UUID'],
    ['/nodes/4/elements', [], 'no-elements /nodes/4/elements'],
    ['/netKeys/0/phase', 1, 'key-refresh /netKeys/0/phase'],
    ['/netKeys/0/oldKey', '00112233445566778899aabbccddeeff', 'key-refresh /netKeys/0/oldKey'],
    ['/groups/1/parentAddress', 'CFFF', 'dangling-reference /groups/1/parentAddress'],
    ['/groups/1/address', 'C100', 'duplicate /groups/2/address'],
    [`${MODEL}/publish/index`, 77, `dangling-reference ${MODEL}/publish/index`],
    ['/provisioners/0/UUID', '00112233-4455-6677-8899-AABBCCDDEEFF', 'no-node /provisioners/0/UUID'],
    ['/provisioners/1/UUID', '2DDAD536-F696-4C03-BF58-28989B48A711', 'duplicate /provisioners/1/UUID'],
    [
      '/provisioners/1/allocatedGroupRange/1',
      { lowAddress: 'D100', highAddress: 'D1FF' },
      'overlap /provisioners/1/allocatedGroupRange/1/lowAddress',
    ],
  ])('%s', (path, value, code) => expect(readWith(path, value).codes).toContain(code));

  it('a document of mesh-cfgclient is recognised', () => {
    const read = readNetworkDocument(sampleJson('bluez-style-1.0.0.json'));
    expect(read.ok && read.value.warnings.map(({ code }) => code)).toContain('bluez-style');
  });
});

describe('errors beyond the list of broken samples', () => {
  const refusal = (path: string, value: unknown): unknown => {
    try {
      return readWith(path, value).codes;
    } catch (thrown) {
      return (JSON.parse((thrown as Error).message) as { code: string; pointer: string }[]).map(
        (e) => `${e.code} ${e.pointer}`,
      );
    }
  };
  it.each<[string, unknown, string]>([
    ['/groups/0/parentAddress', 'C001', 'cycle /groups/0/parentAddress'],
    ['/nodes/2/elements/1/index', 0, 'duplicate /nodes/2/elements/1/index'],
    ['/nodes/4/unicastAddress', '7FFF', 'invalid-value /nodes/4/unicastAddress'],
    ['/nodes/0', 5, 'wrong-type /nodes/0'],
    ['/nodes', {}, 'wrong-type /nodes'],
    ['/meshName', 5, 'wrong-type /meshName'],
    ['/partial', 'no', 'wrong-type /partial'],
    ['/meshUUID', 'F158DCD5', 'invalid-value /meshUUID'],
    ['/meshUUID', 1, 'wrong-type /meshUUID'],
    ['/netKeys/0/key', 1, 'wrong-type /netKeys/0/key'],
    ['/netKeys/0/phase', '0', 'wrong-type /netKeys/0/phase'],
    ['/netKeys/0/timestamp', 0, 'wrong-type /netKeys/0/timestamp'],
    ['/netKeys/0/minSecurity', 1, 'wrong-type /netKeys/0/minSecurity'],
    ['/nodes/0/cid', 76, 'wrong-type /nodes/0/cid'],
    ['/nodes/0/defaultTTL', 'x', 'wrong-type /nodes/0/defaultTTL'],
    ['/nodes/0/configComplete', 1, 'wrong-type /nodes/0/configComplete'],
    [`${MODEL}/modelId`, 5, `wrong-type ${MODEL}/modelId`],
    [`${MODEL}/publish/period`, -1, `invalid-value ${MODEL}/publish/period`],
    [`${MODEL}/publish/period`, 1e12, `invalid-value ${MODEL}/publish/period`],
    [`${MODEL}/publish/period/resolution`, 77, `invalid-value ${MODEL}/publish/period/resolution`],
    ['/nodes/2/networkTransmit', [], 'wrong-type /nodes/2/networkTransmit'],
    ['/scenes/0/number', '__proto__', 'invalid-value /scenes/0/number'],
    ['/nodes/0/security', '__proto__', 'invalid-value /nodes/0/security'],
  ])('%s', (path, value, expected) => expect(refusal(path, value)).toContain(expected));
});

describe('lenient reading', () => {
  it.each<[string, unknown, string]>([
    ['/appKeys/2/boundNetKey', 9, '/appKeys/2'],
    ['/nodes/0/netKeys/0/index', 7, '/nodes/0/netKeys/0'],
    ['/nodes/0/appKeys/0/index', 7, '/nodes/0/appKeys/0'],
    [`${MODEL}/bind/0`, 2, `${MODEL}/bind/0`],
    ['/nodes/2/heartbeatPub/index', 1, '/nodes/2/heartbeatPub'],
    ['/groups/0/parentAddress', 'C000', '/groups/0/parentAddress'],
  ])('leaves out %s with a warning', (path, value, pointer) => {
    expect(readWith(path, value, true).codes).toContain(`dangling-reference ${pointer}`);
  });
});

describe('an edit of a document in an older form', () => {
  const read = (name: (typeof SAMPLES)[number]): NetworkDocument => {
    const outcome = readNetworkDocument(sampleJson(name));
    if (!outcome.ok) throw new Error('not read');
    return outcome.value.document;
  };

  it('changes only what it must', () => {
    const json = sampleJson('nrfmesh-1.0.0-house.json') as { meshNetwork: { nodes: Loose[] } };
    const document = read('nrfmesh-1.0.0-house.json');
    const nodes = document.nodes.map((node, i) => (i === 1 ? { ...node, name: 'Chime', excluded: true } : node));
    const { blacklisted: _, ...bell } = json.meshNetwork.nodes[1] as Loose;
    const expected = [json.meshNetwork.nodes[0], { ...bell, name: 'Chime', excluded: true }, json.meshNetwork.nodes[2]];
    expect(networkDocumentJson({ ...document, nodes })).toEqual({ ...json.meshNetwork, nodes: expected });
  });

  it('is written in the words of 1.0.1 throughout when the strict form is asked for', () => {
    const text = writeNetworkDocument(read('nrfmesh-1.0.0-local-node.json'), { form: 'strict', indent: 0 });
    expect(text).not.toMatch(/blacklisted|"high"|"scene":|"period":0/);
    expect(JSON.parse(text)).toMatchObject({ version: '1.0.1', meshUUID: 'AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA' });
    const again = readNetworkDocument(text);
    expect(again.ok && again.value.repairs).toEqual([]);
  });

  it('is not written when it breaks the document', () => {
    const document = read('network-full.json');
    expect(() => writeNetworkDocument({ ...document, netKeys: [] })).toThrow(/was not written: \/netKeys/);
  });

  it('keeps what stood beside the wrapped network, when it is written wrapped', () => {
    const json = { meshNetwork: sampleJson('network-full.json'), app: 'phone' };
    const outcome = readNetworkDocument(json);
    if (!outcome.ok) throw new Error('not read');
    expect(outcome.value.warnings.map(({ pointer }) => pointer)).toEqual(['/app']);
    expect(networkDocumentJson({ ...outcome.value.document, meshName: 'Sample network' }, { wrapped: true })).toEqual(
      json,
    );
    expect(networkDocumentJson(outcome.value.document)).toEqual(json.meshNetwork);
  });
});
