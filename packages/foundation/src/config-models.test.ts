import { Feature, type PublicationSettings, publishPeriodOf, publishRetransmitOf } from '@meshferry/access';
import { describe, expect, it } from 'vitest';
import { ConfigurationStatus } from './status-codes.ts';
import { APP_KEY, FoundationPair, LAMP, MUTE, SERVER_ADDRESS, VENDOR } from './testing/node.ts';

const to = { address: SERVER_ADDRESS };
const LABEL = Uint8Array.from({ length: 16 }, (_, i) => i);
const NEW_NET_KEY = new Uint8Array(16).fill(0x33);
const NEW_APP_KEY = new Uint8Array(16).fill(0x44);

/** The error of a refusal, by its status code. */
const refusal = (status: number) => expect.objectContaining({ code: 'config-status', status });

describe('Configuration Client and Server: models', () => {
  async function configured(): Promise<FoundationPair> {
    const pair = new FoundationPair();
    const { keys, models } = pair.client.configurationClient;
    await pair.until(keys.appKeyAdd(to, 0, 0, APP_KEY));
    await pair.until(models.appBind(to, SERVER_ADDRESS, LAMP, 0));
    return pair;
  }

  it('bind and unbind AppKeys, of SIG and vendor models', async () => {
    const pair = await configured();
    const { models } = pair.client.configurationClient;
    await pair.until(models.appBind(to, SERVER_ADDRESS, VENDOR, 0));
    expect(await pair.until(models.appGet(to, SERVER_ADDRESS, VENDOR))).toEqual([0]);
    await pair.until(models.appUnbind(to, SERVER_ADDRESS, VENDOR, 0));
    await pair.until(models.appUnbind(to, SERVER_ADDRESS, VENDOR, 0));
    expect(await pair.until(models.appGet(to, SERVER_ADDRESS, VENDOR))).toEqual([]);
    expect(await pair.until(models.appGet(to, SERVER_ADDRESS, LAMP))).toEqual([0]);
    const bound = (element: number, model: number, key: number) => pair.until(models.appBind(to, element, model, key));
    await expect(bound(SERVER_ADDRESS + 1, LAMP, 0)).rejects.toEqual(refusal(ConfigurationStatus.invalidAddress));
    await expect(bound(SERVER_ADDRESS, 0x4444, 0)).rejects.toEqual(refusal(ConfigurationStatus.invalidModel));
    await expect(bound(SERVER_ADDRESS, LAMP, 9)).rejects.toEqual(refusal(ConfigurationStatus.invalidAppKeyIndex));
    await expect(bound(SERVER_ADDRESS, 0, 0)).rejects.toEqual(refusal(ConfigurationStatus.cannotBind));
    await expect(pair.until(models.appGet(to, SERVER_ADDRESS + 9, LAMP))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidAddress),
    );
    pair.close();
  });

  it('refuse a binding that there is no room for', async () => {
    const pair = new FoundationPair({ limits: { appKeys: 1 } });
    pair.server.network.addAppKey(0, 0, APP_KEY);
    pair.server.network.addAppKey(1, 0, NEW_APP_KEY);
    const { models } = pair.client.configurationClient;
    await pair.until(models.appBind(to, SERVER_ADDRESS, LAMP, 0));
    await pair.until(models.appBind(to, SERVER_ADDRESS, LAMP, 0));
    await expect(pair.until(models.appBind(to, SERVER_ADDRESS, LAMP, 1))).rejects.toEqual(
      refusal(ConfigurationStatus.insufficientResources),
    );
    pair.close();
  });

  it('publish to groups and labels, with all parameters', async () => {
    const pair = await configured();
    const { models } = pair.client.configurationClient;
    const publication = (settings: PublicationSettings | undefined, model = LAMP) =>
      pair.until(models.publicationSet(to, SERVER_ADDRESS, model, settings));
    expect(await pair.until(models.publicationGet(to, SERVER_ADDRESS, LAMP))).toBeUndefined();
    const settings = { appIndex: 0, ttl: 3, period: publishPeriodOf(5000), retransmit: publishRetransmitOf(3, 100) };
    const { appIndex, ttl, period, retransmit } = settings;
    const told = { address: 0xc005, appIndex, credentialFlag: false, ttl, period, retransmit };
    expect(await publication({ to: 0xc005, ...settings })).toEqual(told);
    expect(await pair.until(models.publicationGet(to, SERVER_ADDRESS, LAMP))).toEqual(told);
    expect(pair.server.access.modelAt(SERVER_ADDRESS, LAMP)?.publication).toEqual(told);
    const virtual = await publication({ to: LABEL, appIndex: 0 });
    expect(virtual).toMatchObject({ address: pair.server.access.virtualAddress(LABEL), ttl: 0xff });
    expect(await publication(undefined)).toBeUndefined();
    await expect(publication({ to: 0xc005, appIndex: 1 })).rejects.toEqual(
      refusal(ConfigurationStatus.invalidAppKeyIndex),
    );
    await expect(publication({ to: 0xc005, appIndex: 0, credentialFlag: true })).rejects.toEqual(
      refusal(ConfigurationStatus.featureNotSupported),
    );
    await expect(publication({ to: 0xc005, appIndex: 0 }, MUTE)).rejects.toEqual(
      refusal(ConfigurationStatus.invalidPublishParameters),
    );
    await expect(publication(undefined, MUTE)).rejects.toEqual(refusal(ConfigurationStatus.invalidPublishParameters));
    await expect(pair.until(models.publicationGet(to, SERVER_ADDRESS, MUTE))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidPublishParameters),
    );
    await expect(publication({ to: 0xc005, appIndex: 0 }, 0x7777)).rejects.toEqual(
      refusal(ConfigurationStatus.invalidModel),
    );
    await pair.until(models.appBind(to, SERVER_ADDRESS, VENDOR, 0));
    await expect(publication({ to: 0xc005, appIndex: 0, period: 1 }, VENDOR)).rejects.toEqual(
      refusal(ConfigurationStatus.invalidPublishParameters),
    );
    await expect(publication({ to: 0x8000, appIndex: 0 })).rejects.toMatchObject({ code: 'bad-field' });
    pair.close();
  });

  it('take friendship credentials where there is Low Power, and end with the key', async () => {
    const pair = new FoundationPair({ features: Feature.lowPower });
    const { keys, models } = pair.client.configurationClient;
    await pair.until(keys.appKeyAdd(to, 0, 0, APP_KEY));
    await pair.until(models.appBind(to, SERVER_ADDRESS, LAMP, 0));
    const settings = { to: 0xc005, appIndex: 0, credentialFlag: true };
    expect(await pair.until(models.publicationSet(to, SERVER_ADDRESS, LAMP, settings))).toMatchObject({
      credentialFlag: true,
    });
    await pair.until(models.appUnbind(to, SERVER_ADDRESS, LAMP, 0));
    expect(await pair.until(models.publicationGet(to, SERVER_ADDRESS, LAMP))).toBeUndefined();
    pair.close();
  });

  it('subscribe to groups and labels', async () => {
    const pair = await configured();
    const { models } = pair.client.configurationClient;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    const virtual = pair.server.access.virtualAddress(LABEL);
    expect(await run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, 0xc000))).toBe(0xc000);
    expect(await run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, 0xc000))).toBe(0xc000);
    expect(await run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, LABEL))).toBe(virtual);
    expect(await run(models.subscriptionGet(to, SERVER_ADDRESS, LAMP))).toEqual([0xc000, virtual]);
    expect(await run(models.subscriptionDelete(to, SERVER_ADDRESS, LAMP, LABEL))).toBe(virtual);
    expect(await run(models.subscriptionDelete(to, SERVER_ADDRESS, LAMP, 0xc000))).toBe(0xc000);
    expect(await run(models.subscriptionGet(to, SERVER_ADDRESS, LAMP))).toEqual([]);
    await run(models.subscriptionAdd(to, SERVER_ADDRESS, VENDOR, 0xc001));
    expect(await run(models.subscriptionOverwrite(to, SERVER_ADDRESS, VENDOR, LABEL))).toBe(virtual);
    expect(await run(models.subscriptionGet(to, SERVER_ADDRESS, VENDOR))).toEqual([virtual]);
    expect(await run(models.subscriptionOverwrite(to, SERVER_ADDRESS, VENDOR, 0xc002))).toBe(0xc002);
    await run(models.subscriptionDeleteAll(to, SERVER_ADDRESS, VENDOR));
    expect(await run(models.subscriptionGet(to, SERVER_ADDRESS, VENDOR))).toEqual([]);
    await expect(run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, 0xffff))).rejects.toMatchObject({
      code: 'bad-address',
    });
    const refused = refusal(ConfigurationStatus.notASubscribeModel);
    await expect(run(models.subscriptionAdd(to, SERVER_ADDRESS, 0, 0xc000))).rejects.toEqual(refused);
    await expect(run(models.subscriptionGet(to, SERVER_ADDRESS, 0))).rejects.toEqual(refused);
    for (let i = 0; i < 8; i++) await run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, 0xd000 + i));
    await expect(run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, 0xd008))).rejects.toEqual(
      refusal(ConfigurationStatus.insufficientResources),
    );
    await expect(run(models.subscriptionAdd(to, SERVER_ADDRESS + 3, LAMP, LABEL))).rejects.toEqual(
      refusal(ConfigurationStatus.invalidAddress),
    );
    pair.close();
  });

  it('survive a restart, all of them', async () => {
    const pair = await configured();
    const { models, keys, heartbeats, node } = pair.client.configurationClient;
    const run = <T>(promise: Promise<T>) => pair.until(promise);
    await run(keys.netKeyAdd(to, 2, NEW_NET_KEY));
    await run(models.publicationSet(to, SERVER_ADDRESS, LAMP, { to: LABEL, appIndex: 0, period: 0x41 }));
    await run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, LABEL));
    await run(models.subscriptionAdd(to, SERVER_ADDRESS, LAMP, 0xc0de));
    await run(
      heartbeats.publicationSet(to, { destination: 1, count: 4, periodLog: 17, ttl: 3, features: 7, netIndex: 2 }),
    );
    await run(node.beaconSet(to, true));
    await run(node.defaultTtlSet(to, 0));
    const before = await state();
    pair.restart();
    expect(await state()).toEqual(before);
    pair.close();

    async function state() {
      return {
        netKeys: await run(keys.netKeyGet(to)),
        appKeys: await run(keys.appKeyGet(to, 0)),
        bound: await run(models.appGet(to, SERVER_ADDRESS, LAMP)),
        publication: await run(models.publicationGet(to, SERVER_ADDRESS, LAMP)),
        subscriptions: await run(models.subscriptionGet(to, SERVER_ADDRESS, LAMP)),
        heartbeats: { ...(await run(heartbeats.publicationGet(to))), count: undefined },
        beacon: await run(node.beaconGet(to)),
        ttl: await run(node.defaultTtlGet(to)),
      };
    }
  });
});
