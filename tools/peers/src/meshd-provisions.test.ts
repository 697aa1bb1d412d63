import { AD_PB_ADV } from '@meshferry/bearer';
import { fromHex, toHex } from '@meshferry/core';
import type { MeshDevice } from '@meshferry/node';
import {
  type DeviceInput,
  type DeviceOutput,
  decodePbAdvPdu,
  decodeProvisioningPdu,
  type ProvisioningDeviceOptions,
} from '@meshferry/provisioning';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Echo, type EchoModel, echo, echoModel, SERVER } from './testing/echo.ts';
import type { Meshd } from './testing/meshd.ts';
import { MeshdApplication } from './testing/meshd-application.ts';
import { ourDevice } from './testing/our-node.ts';
import { until } from './testing/system-clock.ts';
import { describeWithMeshd } from './testing/with-meshd.ts';

const MESHD_UUID = fromHex('2b1d3b0a2f6c4d83a6c5c0b6b1a1f001');
const MESHD = 0x0001;
const OURS = 0x0100;
const GROUP = 0xc005;

describeWithMeshd('bluetooth-meshd as the provisioner of our device', (meshd) => {
  let application: MeshdApplication;
  let device: MeshDevice;
  let echoes: EchoModel;
  let nextAddress = OURS;
  const uuid = fromHex('70cf7c9732a345b691494810d2e9cbf4');

  beforeAll(async () => {
    application = new MeshdApplication(meshd(), { elements: [[SERVER]], addressFor: () => nextAddress });
    await application.createNetwork(MESHD_UUID);
    device = ourDevice(meshd(), uuid, () => {
      echoes = echoModel(SERVER);
      return [[echoes.model], []];
    });
  });

  afterAll(() => device?.close());

  it('finds it by its beacon', async () => {
    await application.node('Management1.UnprovisionedScan', 'a{sv}', {});
    const [, rssi, data] = await application.event('ScanResult');
    expect([rssi, toHex(data as Buffer)]).toEqual([-20, `${toHex(uuid)}0402`]);
  });

  it('provisions it over PB-ADV', async () => {
    const { event, method } = await beAdded(meshd(), application, uuid);
    expect(event).toEqual(['AddNodeComplete', Buffer.from(uuid), OURS, 2]);
    expect(method).toBe('none');
    const node = await until('our node', () => device.node);
    expect([node.address, node.network.ivIndex, node.network.keys.netIndexes]).toEqual([OURS, 0, [0]]);
  });

  it('configures it: composition data, AppKey, binding, subscription', async () => {
    await application.sendToDevice(OURS, fromHex('800800'));
    expect(await nextFrom(OURS)).toMatch(/^0200f105/);
    await application.node('Management1.CreateAppKey', 'qq', 0, 0);
    await application.addAppKey(OURS, 0);
    expect(await nextFrom(OURS)).toBe('800300000000');
    await application.sendToDevice(OURS, fromHex('803d000100000010'));
    expect(await nextFrom(OURS)).toBe('803e00000100000010');
    expect(echoes.model.appKeys).toEqual([0]);
    await application.sendToDevice(OURS, fromHex('801b000105c00010'));
    expect(await nextFrom(OURS)).toBe('801f00000105c00010');
    await application.addAppKey(MESHD, 0);
    expect(await nextFrom(MESHD)).toBe('800300000000');
    await application.sendToDevice(MESHD, fromHex('803d010000000010'));
    expect(await nextFrom(MESHD)).toBe('803e00010000000010');
  });

  it.each([3, 8, 11, 12, 20, 100, 380])('exchanges messages of %i octets with it, both ways', async (length) => {
    const { value, octets } = echo(length);
    await application.send(0, OURS, 0, octets);
    expect(await until('the message at our node', () => echoes.heard.shift())).toEqual({
      src: MESHD,
      dst: OURS,
      data: value.data,
    });
    echoes.model.send(Echo, value, { dst: MESHD });
    expect(await until('the message at the daemon', () => application.messages.shift())).toEqual({
      element: 0,
      src: OURS,
      appIndex: 0,
      dst: MESHD,
      data: toHex(octets),
    });
  });

  it('sends short messages segmented, and to a group', async () => {
    const { value, octets } = echo(6);
    await application.send(0, OURS, 0, octets, true);
    expect((await until('the message', () => echoes.heard.shift())).data).toEqual(value.data);
    for (const data of [echo(6), echo(40)]) {
      await application.send(0, GROUP, 0, data.octets);
      expect(await until('the message', () => echoes.heard.shift())).toEqual({
        src: MESHD,
        dst: GROUP,
        data: data.value.data,
      });
    }
  });

  it('resets it, and can provision it again', async () => {
    await application.sendToDevice(OURS, fromHex('8049'));
    expect(await nextFrom(OURS)).toBe('804a');
    await until('the reset of our device', () => device.state === 'unprovisioned');
    nextAddress = OURS + 0x10;
    const { event } = await beAdded(meshd(), application, uuid);
    expect(event).toEqual(['AddNodeComplete', Buffer.from(uuid), nextAddress, 2]);
    await until('our node', () => device.node?.address === nextAddress);
  });

  async function nextFrom(src: number): Promise<string> {
    const message = await until(`a message from ${src}`, () => application.messages.shift());
    expect(message.src).toBe(src);
    return message.data;
  }
});

describeWithMeshd('bluetooth-meshd provisions our device with OOB data', (meshd) => {
  let application: MeshdApplication;
  let shown: number | undefined;
  const staticOob = fromHex('00112233445566778899aabbccddeeff');
  let nextAddress = OURS;

  beforeAll(async () => {
    application = new MeshdApplication(meshd(), {
      elements: [[SERVER]],
      staticOob,
      number: () => shown,
      addressFor: () => nextAddress++,
    });
    await application.createNetwork(MESHD_UUID);
  });

  it('a static value', () => provisioned('01', 'static', { staticOob }));

  it('a number that our device shows', async () => {
    const show: DeviceOutput['show'] = ({ value }) => {
      shown = Number(value);
      return () => {};
    };
    await provisioned('02', 'output', { output: { size: 6, actions: ['numeric'], show } });
    expect(shown).toBeGreaterThan(0);
  });

  it('a number that the daemon shows', async () => {
    const enter: DeviceInput['enter'] = (_, answer) => {
      void application.event('DisplayNumeric', 60_000).then(([, , value]) => answer(value as number));
      return () => {};
    };
    await provisioned('03', 'input', { input: { size: 6, actions: ['numeric'], enter } });
  });

  /** A device that offers this is provisioned, by this method. */
  async function provisioned(
    number: string,
    method: string,
    offered: Pick<ProvisioningDeviceOptions, 'staticOob' | 'output' | 'input'>,
  ): Promise<void> {
    const uuid = fromHex(`70cf7c9732a345b691494810d2e9cb${number}`);
    const device = ourDevice(meshd(), uuid, () => [[]], offered);
    try {
      expect((await beAdded(meshd(), application, uuid)).method).toBe(method);
      await until('our node', () => device.node);
    } finally {
      device.close();
    }
  }
});

/** Lets the daemon add our device; what it told then, and the authentication that it chose. */
async function beAdded(
  meshd: Meshd,
  application: MeshdApplication,
  uuid: Uint8Array,
): Promise<{ readonly event: readonly unknown[]; readonly method: string }> {
  let method = '';
  const stopWatching = meshd.radio.receive([AD_PB_ADV], ({ data }) => {
    const packet = decodePbAdvPdu(data);
    if (!packet.ok || packet.value.generic.kind !== 'transaction-start') return;
    const pdu = decodeProvisioningPdu(packet.value.generic.data);
    if (pdu.ok && pdu.value.type === 'start') method = pdu.value.start.authentication.method;
  });
  try {
    await application.node('Management1.AddNode', 'aya{sv}', Buffer.from(uuid), {});
    return { event: await application.event('AddNodeComplete', 60_000), method };
  } finally {
    stopWatching();
  }
}
