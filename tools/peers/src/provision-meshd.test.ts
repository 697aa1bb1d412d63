import { decodeComposition } from '@meshferry/access';
import { fromHex, MeshError, toHex } from '@meshferry/core';
import { ConfigurationClient } from '@meshferry/foundation';
import type { MeshNode } from '@meshferry/node';
import {
  type ProvisionedNode,
  type ProvisionerOptions,
  type ProvisioningLink,
  pbAdv,
  provisionDevice,
  UnprovisionedScanner,
} from '@meshferry/provisioning';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT, Echo, echo, echoModel, SERVER, VENDOR } from './testing/echo.ts';
import type { Meshd } from './testing/meshd.ts';
import { MeshdApplication } from './testing/meshd-application.ts';
import { ground, ourNode } from './testing/our-node.ts';
import { until } from './testing/system-clock.ts';
import { describeWithMeshd } from './testing/with-meshd.ts';

const UUID = fromHex('6e03af6e14604ad6b1f8464bdf9ac1ab');
const MESHD = 0x00aa;
const DATA = {
  netKey: fromHex('18eed9c2a56add85049ffc3c59ad0e12'),
  netKeyIndex: 0,
  keyRefresh: false,
  ivUpdate: false,
  ivIndex: 0x1234_5678,
  unicastAddress: MESHD,
};
const STATIC_OOB = fromHex('00112233445566778899aabbccddeeff');

describeWithMeshd('our provisioner and a bluetooth-meshd node', (meshd) => {
  let application: MeshdApplication;
  let node: MeshNode;
  let provisioned: ProvisionedNode;
  const client = new ConfigurationClient();
  const echoes = echoModel(CLIENT);
  const to = { address: MESHD };

  beforeAll(async () => {
    application = new MeshdApplication(meshd(), {
      elements: [[SERVER, CLIENT], [SERVER]],
      vendorModels: [[0x05f1, 1]],
    });
    node = ourNode(meshd(), { ...DATA, unicastAddress: 1 }, [[client.model, echoes.model]], (address) =>
      address === MESHD ? provisioned.deviceKey : undefined,
    );
  });

  afterAll(() => node?.close());

  it('is found by its Unprovisioned Device beacon', async () => {
    const scanner = new UnprovisionedScanner({ ...ground, advertising: meshd().radio });
    await application.join(UUID);
    const device = await until('its beacon', () => scanner.devices[0]);
    scanner.close();
    expect(device).toMatchObject({ bearer: 'adv', oobInformation: 0, rssi: -20 });
    expect(toHex(device.uuid)).toBe(toHex(UUID));
  });

  it('is provisioned over PB-ADV', async () => {
    const outcome = await provision(meshd(), { policy: { allowCmac: true } });
    if (outcome instanceof MeshError) throw outcome;
    provisioned = outcome;
    expect(outcome.capabilities).toMatchObject({ elements: 2, algorithms: ['cmac'] });
    await application.attach();
    expect(meshd().nodes()).toEqual([toHex(UUID)]);
  });

  it('tells its composition', async () => {
    const { page, data } = await client.node.compositionDataGet(to, 0xff);
    const composition = decodeComposition(data);
    expect(page).toBe(0); // it has no other
    expect(composition).toMatchObject({
      ok: true,
      value: {
        composition: {
          cid: 0x05f1,
          pid: 1,
          vid: 2,
          crpl: 100,
          elements: [
            { location: 1, sigModels: [0x0000, SERVER, CLIENT], vendorModels: [VENDOR] },
            { location: 2, sigModels: [SERVER], vendorModels: [] },
          ],
        },
      },
    });
  });

  it('takes an AppKey and binds it to SIG and vendor models', async () => {
    const appKey = fromHex('63964771734fbd76e3b40519d1d94a48');
    node.network.addAppKey(0, 0, appKey);
    echoes.model.bind(0);
    await client.keys.appKeyAdd(to, 0, 0, appKey);
    expect(await client.keys.appKeyGet(to, 0)).toEqual([0]);
    for (const [element, model] of [
      [MESHD, SERVER],
      [MESHD, CLIENT],
      [MESHD, VENDOR],
      [MESHD + 1, SERVER],
    ] as const) {
      await client.models.appBind(to, element, model, 0);
      expect(await client.models.appGet(to, element, model)).toEqual([0]);
    }
    await expect(client.models.appBind(to, MESHD, SERVER, 5)).rejects.toMatchObject({ code: 'config-status' });
  });

  it('takes a publication and uses it, but reports its retransmit interval wrong, as 5.66 does', async () => {
    const settings = { to: 0xc001, appIndex: 0, ttl: 5, period: 0x41, retransmit: 0x4a };
    const expected = { address: 0xc001, appIndex: 0, ttl: 5, period: 0x41 };
    const told = await client.models.publicationSet(to, MESHD, CLIENT, settings);
    expect(told).toMatchObject({ ...expected, retransmit: 0x4a });
    const got = await client.models.publicationGet(to, MESHD, CLIENT);
    expect(got).toMatchObject({ ...expected, retransmit: 0x1a });
    echoes.model.subscribe(0xc001);
    const { value, octets } = echo(30);
    await application.publish(0, CLIENT, octets);
    expect(await until('what it publishes', () => echoes.heard.shift())).toEqual({
      src: MESHD,
      dst: 0xc001,
      data: value.data,
    });
    expect(await client.models.publicationSet(to, MESHD, CLIENT, undefined)).toBeUndefined();
  });

  it('takes subscriptions to a group and to a label', async () => {
    const label = fromHex('0073e7e4d8b9440faf8415df4c56c0e1');
    expect(await client.models.subscriptionAdd(to, MESHD, SERVER, 0xc001)).toBe(0xc001);
    expect(await client.models.subscriptionAdd(to, MESHD, SERVER, label)).toBe(0xb529);
    expect(await client.models.subscriptionGet(to, MESHD, SERVER)).toEqual([0xc001, 0xb529]);
    await client.models.subscriptionDelete(to, MESHD, SERVER, label);
    expect(await client.models.subscriptionGet(to, MESHD, SERVER)).toEqual([0xc001]);
  });

  it('takes Relay, Network Transmit and Default TTL', async () => {
    // Before the first Set it tells the highest values there are.
    expect(await client.node.relayGet(to)).toEqual({ relay: 'off', retransmit: { count: 8, intervalMs: 310 } });
    const set = await client.node.relaySet(to, true, { count: 3, intervalMs: 100 });
    expect(set).toEqual({ relay: 'on', retransmit: { count: 3, intervalMs: 100 } });
    expect(await client.node.relayGet(to)).toEqual(set);
    await client.node.relaySet(to, false, { count: 3, intervalMs: 100 });
    const transmit = { count: 3, intervalMs: 50 };
    expect(await client.node.networkTransmitSet(to, transmit)).toEqual(transmit);
    expect(await client.node.networkTransmitGet(to)).toEqual(transmit);
    expect(await client.node.defaultTtlSet(to, 9)).toBe(9);
    expect(await client.node.defaultTtlGet(to)).toBe(9);
  });

  it.each([3, 8, 11, 12, 20, 100, 380])('exchanges messages of %i octets with our node, both ways', async (length) => {
    const { value, octets } = echo(length);
    const text = toHex(octets);
    echoes.model.send(Echo, value, { dst: MESHD });
    const heard = await until('the message at the daemon', () =>
      take(application.messages, ({ data }) => data === text),
    );
    expect(heard).toEqual({ element: 0, src: 1, appIndex: 0, dst: MESHD, data: text });
    await application.send(0, 1, 0, octets);
    const answer = await until('the message at our node', () => takeEcho(value.data));
    expect(answer).toEqual({ src: MESHD, dst: 1, data: value.data });
  });

  it('sends short messages segmented, too, and hears those to its group', async () => {
    const { value, octets } = echo(5);
    await application.send(0, 1, 0, octets, true);
    expect(await until('the message', () => takeEcho(value.data))).toMatchObject({ src: MESHD, dst: 1 });
    echoes.model.send(Echo, value, { dst: 0xc001 });
    const heard = await until('the message to the group', () => application.messages.shift());
    expect(heard).toMatchObject({ element: 0, src: 1, dst: 0xc001, data: toHex(octets) });
  });

  it('is reset without a status, and forgets the network', async () => {
    const reset = client.node.nodeReset(to, { attempts: 2, intervalMs: 1500 });
    await expect(reset).rejects.toMatchObject({ code: 'no-response' });
    expect(meshd().nodes()).toEqual([]);
  });

  /** By its content: what was published before may be repeated. */
  function takeEcho(data: Uint8Array) {
    return take(echoes.heard, (heard) => toHex(heard.data) === toHex(data));
  }
});

describeWithMeshd('a bluetooth-meshd device with a static OOB value', (meshd) => {
  it('is not provisioned with another one, but then with its own', async () => {
    const application = new MeshdApplication(meshd(), { elements: [[SERVER]], staticOob: STATIC_OOB });
    await application.join(UUID);
    const wrong = await provision(meshd(), {
      policy: { allowCmac: true },
      oob: { staticValue: new Uint8Array(16).fill(1) },
    });
    expect(wrong).toMatchObject({ code: 'confirmation-failed' });
    expect(meshd().nodes()).toEqual([]);
    expect(await application.event('JoinFailed')).toEqual(['JoinFailed', 'confirmation-failed']);
    await application.join(UUID);
    const right = await provision(meshd(), { policy: { allowCmac: true }, oob: { staticValue: STATIC_OOB } });
    expect(right).toMatchObject({ capabilities: { staticOob: true } });
    await application.attach();
  });
});

describeWithMeshd(
  'a bluetooth-meshd device at its ordinary speed',
  (meshd) => {
    it('gets to answer our Link Open, and is provisioned', async () => {
      const application = new MeshdApplication(meshd(), { elements: [[SERVER]] });
      await application.join(UUID);
      const outcome = await provision(meshd(), { policy: { allowCmac: true } });
      if (outcome instanceof MeshError) throw outcome;
      await application.attach();
    });
  },
  { speed: 1 },
);

/** Opens a link to the device and provisions it. */
async function provision(meshd: Meshd, options: Partial<ProvisionerOptions>): Promise<ProvisionedNode | MeshError> {
  const link = await new Promise<ProvisioningLink | MeshError>((done) => {
    pbAdv(ground, meshd.radio).open(UUID, done);
  });
  if (link instanceof MeshError) return link;
  return new Promise((done) => {
    provisionDevice(ground, link, { dataFor: () => DATA, aboutToFinish: () => {}, done, ...options });
  });
}

/** Takes the first that fits out of a list. */
function take<T>(list: T[], fits: (item: T) => boolean): T | undefined {
  const at = list.findIndex(fits);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}
