import { readFileSync } from 'node:fs';
import { readNetworkDocument } from '@meshferry/cdb';
import { fromHex, toHex } from '@meshferry/core';
import type { MeshDevice } from '@meshferry/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CfgClient } from './testing/cfgclient.ts';
import { type EchoModel, echoModel, SERVER, VENDOR } from './testing/echo.ts';
import { ourDevice } from './testing/our-node.ts';
import { until } from './testing/system-clock.ts';
import { describeWithMeshd } from './testing/with-meshd.ts';

const UUID = fromHex('70cf7c9732a345b691494810d2e9cbf4');

/** Commands of the menu `config`, and what our node has to have answered for that to be printed. */
const CONFIGURATION: readonly (readonly [command: string, printed: RegExp])[] = [
  ['composition-get', /Model ID\s+1000.*Model ID\s+05f1 0001/s],
  ['appkey-add 0', /AppKey status Success/],
  ['appkey-get 0', /AppKeys:\s+0 \(0x000\)/],
  ['bind 00aa 0 1000', /Model App status Success/],
  ['bind 00ab 0 0001 05f1', /Model App status Success/],
  ['bind 00ab 0 1000', /Model App status Invalid Model/],
  ['mod-appidx-get 00aa 1000', /AppKeys:\s+0 \(0x000\)/],
  ['pub-set 00aa c000 0 41 25 1000', /Publication status Success/],
  ['pub-get 00aa 1000', /Pub Addr: c000.*Rexmit steps\s+250/s],
  ['sub-add 00aa c001 1000', /Subscription status Success/],
  ['sub-get 00aa 1000', /Subscriptions:\s+c001/],
  ['ttl-set 7', /Default TTL 7/],
  ['ttl-get', /Default TTL 7/],
  ['relay-set 1 2 5', /Relay 0x01, cnt 2, steps 5/],
  ['relay-get', /Relay 0x01, cnt 2, steps 5/],
  ['network-transmit-set 3 1', /Net transmit cnt 3, steps 1/],
  ['network-transmit-get', /Net transmit cnt 3, steps 1/],
  ['beacon-set 1', /Config Beacon Status 0x01/],
  ['friend-get', /Friend state 0x02/],
  ['proxy-get', /Proxy state 0x02/],
  ['ident-get 0', /NodeIdState 0x02, status Success/],
  ['netkey-get', /NetKey List.*0 \(0x000\)/s],
  ['kr-phase-get 0', /KR Phase 00/],
  ['hb-pub-set 0001 2 3 4 f 0', /CountLog\s+02/],
  ['hb-sub-get', /Max Hops\s+00/],
];

describeWithMeshd('mesh-cfgclient and our device', (meshd) => {
  let client: CfgClient;
  let device: MeshDevice;
  let server: EchoModel;

  beforeAll(async () => {
    client = await CfgClient.start(meshd());
    await client.run('create', /Attached with path/);
    device = ourDevice(meshd(), UUID, () => {
      server = echoModel(SERVER);
      return [[server.model], [echoModel(VENDOR).model]];
    });
  });

  afterAll(async () => {
    device?.close();
    await client?.stop();
  });

  it('provisions it', async () => {
    await client.run('discover-unprovisioned on', new RegExp(`UUID = ${toHex(UUID)}`, 'i'));
    await client.run(`provision ${toHex(UUID)}`, /Provisioning done/, 60_000);
    expect((await until('our node', () => device.node)).address).toBe(0x00aa);
  });

  it('configures it', async () => {
    await client.run('appkey-create 0 0', /\n/);
    await client.run('menu config', /node-reset/);
    await client.run('target 00aa', /Configuring node 00aa/);
    for (const [command, printed] of CONFIGURATION) await client.run(command, printed);
    const node = device.node!;
    expect(server.model.appKeys).toEqual([0]);
    expect(server.model.publication).toMatchObject({ address: 0xc000, period: 0x41, retransmit: 0x25 });
    expect(node.network.relay).toEqual({ count: 3, intervalMs: 60 });
  });

  it('exports its network, which we read', async () => {
    await client.run('back', /export-db/);
    const [, path] = await client.run('export-db', /Config DB is exported to (\S+)/);
    const read = readNetworkDocument(readFileSync(path!, 'utf8'));
    expect(read).toMatchObject({
      ok: true,
      value: {
        repairs: [{ code: 'no-subscription' }],
        warnings: [{ code: 'bluez-style' }],
        document: {
          nodes: [
            { unicastAddress: '0001' },
            {
              UUID: '70CF7C97-32A3-45B6-9149-4810D2E9CBF4',
              unicastAddress: '00AA',
              elements: [
                {
                  models: expect.arrayContaining([
                    expect.objectContaining({ modelId: '1000', bind: [0], subscribe: ['C001'] }),
                  ]),
                },
                { models: [{ modelId: '05F10001', bind: [0] }] },
              ],
            },
          ],
        },
      },
    });
  });

  it('resets it', async () => {
    await client.run('menu config', /node-reset/);
    await client.run('target 00aa', /Configuring node 00aa/);
    await client.run('node-reset', /\n/);
    await until('the reset of our device', () => device.state === 'unprovisioned');
  });
});
