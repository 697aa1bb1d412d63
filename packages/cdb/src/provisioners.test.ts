import { describe, expect, it } from 'vitest';
import { freeUnicastRange } from './addresses.ts';
import { adoptNetwork } from './adopt.ts';
import { createNetworkDocument, touch } from './create.ts';
import { randomUuid, timestampText } from './forms.ts';
import {
  addProvisioner,
  cedeUnicastRange,
  newProvisioner,
  removeProvisioner,
  updateProvisioner,
} from './provisioners.ts';
import { readNetworkDocument, validateNetworkDocument } from './read.ts';
import { octets, SAMPLES, sample } from './testing/samples.ts';
import { writeNetworkDocument } from './write.ts';

const full = sample();
const composition = {
  cid: 0x05f1,
  pid: 1,
  vid: 1,
  crpl: 100,
  features: 0,
  elements: [{ location: 0, sigModels: [0, 1, 2, 3], vendorModels: [] }],
};
const own = { name: 'Meshferry', uuid: octets(0xaa), deviceKey: octets(0xbb), composition };

describe('a new network', () => {
  const document = createNetworkDocument({
    meshName: 'Test',
    meshUUID: randomUuid(octets(0xff)),
    timestamp: timestampText(1_776_945_600_000),
    netKey: octets(1),
    provisioner: own,
  });

  it('is a document with one provisioner, its node and one key', () => {
    expect(validateNetworkDocument(document)).toEqual([]);
    expect(document.meshUUID).toBe('FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF');
    expect(document.timestamp).toBe('2026-04-23T12:00:00Z');
    const read = readNetworkDocument(writeNetworkDocument(document));
    expect(read.ok && [...read.value.warnings, ...read.value.repairs]).toEqual([]);
    expect(freeUnicastRange(document, { provisioner: document.provisioners[0]!.UUID, count: 3, ivIndex: 0 })).toBe(2);
  });

  it('is touched once for all changes', () => expect(touch(document, 'T').timestamp).toBe('T'));
});

describe('provisioners', () => {
  it('get ranges that nobody has', () => {
    const entry = newProvisioner(full.provisioners, { name: 'N', uuid: octets(1), sizes: { unicast: 0x100 } });
    expect(entry).toEqual({
      provisionerName: 'N',
      UUID: '01010101-0101-0101-0101-010101010101',
      allocatedUnicastRange: [{ lowAddress: '1000', highAddress: '10FF' }],
      allocatedGroupRange: [{ lowAddress: 'E000', highAddress: 'E3FF' }],
      allocatedSceneRange: [{ firstScene: '0200', lastScene: '05FF' }],
    });
    expect(validateNetworkDocument(addProvisioner(full, entry))).toEqual([]);
    expect(() => addProvisioner(full, full.provisioners[0]!)).toThrow('has the UUID');
    const greedy = { ...entry, allocatedUnicastRange: [{ lowAddress: '0FFF', highAddress: '10FF' }] };
    expect(() => addProvisioner(full, greedy)).toThrow('overlap those of "Gateway"');
    expect(newProvisioner([], { name: '', uuid: octets(1), sizes: { group: 0 } }).allocatedGroupRange).toEqual([]);
  });

  it('change and go', () => {
    const [phone, gateway] = full.provisioners.map(({ UUID }) => UUID) as [string, string];
    expect(updateProvisioner(full, phone, { provisionerName: 'P' }).provisioners[0]?.provisionerName).toBe('P');
    const ranges = { allocatedUnicastRange: [{ lowAddress: '0001', highAddress: '0100' }] };
    expect(() => updateProvisioner(full, phone, ranges)).toThrow('overlap');
    const one = removeProvisioner(full, phone);
    expect(() => removeProvisioner(one, gateway)).toThrow('the only provisioner');
  });

  it('may cede the upper part of their widest range', () => {
    const [phone, gateway] = full.provisioners.map(({ UUID }) => UUID) as [string, string];
    expect(cedeUnicastRange(full, gateway, 0x100).provisioners[1]?.allocatedUnicastRange[1]).toEqual({
      lowAddress: '0300',
      highAddress: '0EFF',
    });
    expect(cedeUnicastRange(full, phone, 0x1000).provisioners[0]?.allocatedUnicastRange[1]?.highAddress).toBe('027F');
    const none = updateProvisioner(full, phone, { allocatedUnicastRange: [] });
    expect(cedeUnicastRange(none, phone, 1)).toBe(none);
  });
});

describe('taking over a network', () => {
  it.each(SAMPLES)('%s: an address of its own, keys of its own, nothing else changed', (name) => {
    const document = sample(name);
    const { document: adopted, address, node, provisioner } = adoptNetwork(document, own);
    expect(validateNetworkDocument(adopted)).toEqual([]);
    expect(document.nodes.some(({ unicastAddress }) => unicastAddress === node.unicastAddress)).toBe(false);
    expect(adopted.provisioners.slice(0, -1)).toEqual(document.provisioners);
    expect(adopted.nodes.slice(0, -1)).toEqual(document.nodes);
    expect({ ...adopted, provisioners: [], nodes: [] }).toEqual({ ...document, provisioners: [], nodes: [] });
    expect(node).toMatchObject({ UUID: provisioner.UUID, deviceKey: 'BB'.repeat(16), configComplete: true });
    expect(node.netKeys.map(({ index }) => index)).toEqual(document.netKeys.map(({ index }) => index));
    expect(address).toBeGreaterThan(0);
  });

  it('takes the first address of a range that no provisioner could assign from', () => {
    const { address, provisioner, notices } = adoptNetwork(full, own);
    expect(address).toBe(0x1000);
    expect(provisioner.allocatedUnicastRange).toEqual([{ lowAddress: '1000', highAddress: '1FFF' }]);
    expect(notices).toEqual([]);
  });

  it('goes round what is mentioned, excluded at any IV Index, or to be avoided', () => {
    const nodes = full.nodes.map((node) =>
      node.heartbeatSub ? { ...node, heartbeatSub: { source: '1000', destination: 'C000' } } : node,
    );
    const networkExclusions = [{ ivIndex: 0, addresses: ['1001'] }];
    expect(adoptNetwork({ ...full, nodes, networkExclusions }, { ...own, avoid: [0x1002] }).address).toBe(0x1003);
  });

  it('where others have all addresses takes one from the top, and says that it cannot add nodes', () => {
    const { address, provisioner, notices } = adoptNetwork(sample('nrfmesh-1.0.0-house.json'), own);
    expect(address).toBe(0x7fff);
    expect(provisioner.allocatedUnicastRange).toEqual([]);
    expect(notices.map(({ code }) => code)).toEqual(['no-range']);
  });

  it('may be given part of another one’s range', () => {
    const takeRangeFrom = '70CF7C97-32A3-45B6-9149-4810D2E9CBF4';
    const { document, address, provisioner } = adoptNetwork(sample('nrfmesh-1.0.0-house.json'), {
      ...own,
      takeRangeFrom,
    });
    expect(document.provisioners[0]?.allocatedUnicastRange).toEqual([{ lowAddress: '0001', highAddress: '6FFF' }]);
    expect(provisioner.allocatedUnicastRange).toEqual([{ lowAddress: '7000', highAddress: '7FFF' }]);
    expect(address).toBe(0x7000);
    expect(validateNetworkDocument(document)).toEqual([]);
  });

  it('tells of a partial export and of nodes without device key', () => {
    const { notices } = adoptNetwork(sample('network-partial-guest.json'), own);
    expect(notices.map(({ code }) => code)).toEqual(['partial', 'missing-device-keys']);
  });

  it('has the new keys during a key refresh', () => {
    const { node } = adoptNetwork(sample('network-key-refresh.json'), own);
    expect(node.netKeys.map(({ updated }) => updated)).toEqual([true, false]);
    expect(node.appKeys.map(({ updated }) => updated)).toEqual([true, true, false]);
  });

  it('is refused for a UUID or an address that is known there', () => {
    const { document } = adoptNetwork(full, own);
    expect(() => adoptNetwork(document, own)).toThrow('is in the network already, its node has the address 1000');
    const address =
      (wanted: number): (() => unknown) =>
      () =>
        adoptNetwork(full, { ...own, address: wanted });
    for (const taken of [0x0200, 0x0201, 0x0220, 0x0222, 0, 0x8000]) expect(address(taken)).toThrow('was, an address');
    expect(adoptNetwork(full, { ...own, address: 0x0400 }).address).toBe(0x0400);
    const everywhere = Array.from({ length: 0x7fff }, (_, i) => i + 1);
    expect(() => adoptNetwork(full, { ...own, avoid: everywhere })).toThrow('no 1 addresses in a row');
  });
});
