import { type MeshError, type Result, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type FirmwareInformation, type MetadataVerdict, UpdatePhase, UpdateStatus } from '@meshferry/dfu';
import { buildMetadata, CoreType, type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeNodes, readyNetwork } from './ready-network.ts';
import { type Firmware, TargetWorld } from './testing/target-world.ts';
import { SIM_APP_INDEX, SIM_GROUP } from './world-keys.ts';

const TARGET = 0x0100;
const OLD = '59000000000000000000';
const NEW = '59000100000000000000';
const { applySuccess, verificationFailed } = UpdatePhase;

let app: MadeFirmware;
let net: MadeFirmware;
const file = firmwareFile();

beforeAll(async () => {
  app = await image(CoreType.application);
  net = await image(CoreType.network);
});

describe('a target with several images', () => {
  const uri = 'sim:targets=1,radio=ideal,images=app+net+blob';

  it('tells of all of them', async () => {
    const run = new TargetWorld(uri);
    expect((await information(run, TARGET)).map(({ firmwareId }) => toHex(firmwareId))).toEqual([OLD, OLD, OLD]);
  });

  it('takes for each index what is for it', async () => {
    const run = new TargetWorld(uri);
    const statuses: number[][] = [];
    for (const { metadata } of [app, net, file]) {
      const row: number[] = [];
      for (const index of [0, 1, 2, 3]) row.push((await check(run, TARGET, index, metadata)).status);
      statuses.push(row);
    }
    const { success: yes, metadataCheckFailed: no, wrongFirmwareIndex: none } = UpdateStatus;
    expect(statuses).toEqual([
      [yes, no, no, none],
      [no, yes, no, none],
      [no, no, yes, none],
    ]);
  });

  it('runs each of them by itself', async () => {
    const run = new TargetWorld(uri);
    const ids = async () => (await information(run, TARGET)).map(({ firmwareId }) => toHex(firmwareId));
    const [target] = run.world.targets;
    const flash = () => target?.flashes[0];
    expect((await run.update(net, [{ address: TARGET, imageIndex: 1 }]))[0]).toMatchObject({ phase: applySuccess });
    expect(await ids()).toEqual([OLD, NEW, OLD]);
    const { node } = target ?? {};
    expect((await run.update(file, [{ address: TARGET, imageIndex: 2 }]))[0]).toMatchObject({ phase: applySuccess });
    expect(target?.node, 'a file needs no restart').toBe(node);
    expect(await ids()).toEqual([OLD, NEW, NEW]);
    expect((await run.update(app, [{ address: TARGET }]))[0]).toMatchObject({ phase: applySuccess });
    expect(await ids()).toEqual([NEW, NEW, NEW]);
    expect([0, 1, 2].map((index) => toHex(flash()?.runningImage(index) ?? new Uint8Array()))).toEqual(
      [app, net, file].map((each) => toHex(each.image)),
    );
  });

  it('refuses the image whose octets changed, and keeps the others', async () => {
    const run = new TargetWorld(`${uri},fail=0x0100@flip`);
    const [receiver] = await run.update(net, [{ address: TARGET, imageIndex: 1 }]);
    expect(receiver).toMatchObject({ phase: verificationFailed });
    expect((await information(run, TARGET)).map(({ firmwareId }) => toHex(firmwareId))).toEqual([OLD, OLD, OLD]);
  });
});

describe('a target with several update servers', () => {
  const uri = 'sim:targets=2,radio=ideal,instances=2';

  it('has them on elements of their own, which the ready network knows', () => {
    const run = new TargetWorld(uri);
    const ready = readyNetwork(run.world.sim);
    const nodes = run.world.targets.map(({ node }) => node);
    const document = ready && describeNodes(ready.document, nodes);
    const targets = document?.nodes.filter(({ name }) => name?.startsWith('Target')) ?? [];
    expect(targets.map(({ name, unicastAddress }) => [name, unicastAddress])).toEqual([
      ['Target 1', '0100'],
      ['Target 2', '0102'],
    ]);
    for (const { elements } of targets) {
      expect(elements.map(({ models }) => models.map(({ modelId }) => modelId))).toEqual([
        ['0000', '0002', '1400', '1402'],
        ['1400', '1402'],
      ]);
      const [, second] = elements;
      expect(second?.models.map(({ bind, subscribe }) => [bind, subscribe])).toEqual(Array(2).fill([[0], ['C000']]));
    }
  });

  it('updates all of them in one update by group', async () => {
    const run = new TargetWorld(uri);
    const addresses = [0x0100, 0x0101, 0x0102, 0x0103];
    const receivers = await run.update(
      app,
      addresses.map((address) => ({ address })),
      { group: SIM_GROUP },
    );
    expect(receivers.map(({ phase, error }) => [phase, error?.message])).toEqual(
      addresses.map(() => [applySuccess, undefined]),
    );
    for (const { flashes } of run.world.targets) {
      expect(flashes.map((flash) => toHex(flash.firmwareId() ?? new Uint8Array()))).toEqual([NEW, NEW]);
    }
  });

  it('updates one of them, and the other has its own firmware', async () => {
    const run = new TargetWorld(uri);
    expect((await run.update(app, [{ address: TARGET + 1 }]))[0]).toMatchObject({ phase: applySuccess });
    const ids = [await information(run, TARGET), await information(run, TARGET + 1)].map(([first]) =>
      toHex(first?.firmwareId ?? new Uint8Array()),
    );
    expect(ids).toEqual([OLD, NEW]);
  });

  it('are provisioned with all their elements', async () => {
    const run = new TargetWorld('sim:targets=0,unprovisioned=1,instances=3');
    expect(run.world.devices[0]?.device?.capabilities.elements).toBe(3);
  });
});

function image(coreType: number): Promise<MadeFirmware> {
  const payload = Uint8Array.from({ length: 900 }, (_, i) => (i * coreType) & 0xff);
  const version = { major: 1, minor: 0, revision: 0, build: 0 };
  return makeFirmware({ payload, version, company: 0x59, crypto: portableCrypto, coreType, headerSize: 32 });
}

function firmwareFile(): Firmware {
  const octets = Uint8Array.from({ length: 700 }, (_, i) => (i * 11) & 0xff);
  const version = { major: 1, minor: 0, revision: 0, build: 0 };
  const userData = portableCrypto.sha256(octets);
  const parts = { version, size: octets.length, company: 0x59, coreType: CoreType.blob, userData };
  return { image: octets, ...buildMetadata(parts, portableCrypto) };
}

async function information(run: TargetWorld, address: number): Promise<readonly FirmwareInformation[]> {
  const { entries } = await answer<{ readonly entries: readonly FirmwareInformation[] }>(run, (done) =>
    run.role.update.informationGet(address, SIM_APP_INDEX, done),
  );
  return entries;
}

function check(run: TargetWorld, address: number, index: number, metadata: Uint8Array): Promise<MetadataVerdict> {
  return answer(run, (done) => run.role.update.metadataCheck(address, SIM_APP_INDEX, index, metadata, done));
}

function answer<T>(run: TargetWorld, ask: (done: (outcome: Result<T, MeshError>) => void) => unknown): Promise<T> {
  return run.run(
    new Promise((resolve, reject) => {
      ask((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)));
    }),
  );
}
