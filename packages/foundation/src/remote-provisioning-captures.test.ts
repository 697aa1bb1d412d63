import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fromHex, MeshError, SeededRandom, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type ProvisionedNode, ProvisioningDevice, pbAdvAcceptor, provisionDevice } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import {
  deviceOptions,
  groundOfDevice,
  groundOfProvisioner,
  provisionerOptions,
  type RecordedSession,
  User,
} from '../../provisioning/src/testing/replay.ts';
import { pbRemote } from './pb-remote.ts';
import { type RemoteNode, RemoteWorld } from './testing/remote.ts';

// Sessions of Zephyr and BlueZ, both ends: one side's recorded messages against our other side, which has the same keys
// and random numbers. It must send the same messages in the same order, and come to the same device key.
const CAPTURES = [
  ['bluez-rpr', 1],
  ['remote-provisioning-provision-reset-repeat', 3],
] as const;
const folder = new URL('../../../../shared/captures/', import.meta.url);
const [CLIENT, SERVER] = [0x0001, 0x0100];

interface Message {
  readonly fromClient: boolean;
  /** Access message, hex. */
  readonly hex: string;
}

interface Captured {
  readonly session: RecordedSession;
  readonly deviceKey: string;
  /** Of the link, from Link Open to the last message. */
  readonly messages: readonly Message[];
}

// Outside of the project's own checkout the captures are missing; then these tests are skipped.
describe.skipIf(!existsSync(folder))('recorded remote provisioning', () => {
  describe.each(CAPTURES)('%s', (name, count) => {
    it('is whole', () => {
      const sessions = read(name);
      expect(sessions).toHaveLength(count);
      for (const { messages } of sessions) {
        expect(messages[0]?.hex).toMatch(/^8059/);
        expect(messages.filter(({ hex }) => hex.startsWith('805d'))).toHaveLength(6);
      }
    });

    it('goes on with our client in the place of the recorded one', async () => {
      for (const captured of read(name)) {
        const { outcome, unexpected } = await asClient(captured);
        if (outcome instanceof MeshError) throw outcome;
        expect(toHex(outcome.deviceKey)).toBe(captured.deviceKey);
        expect(unexpected).toEqual([]);
      }
    });

    it('goes on with our server in the place of the recorded one', async () => {
      for (const captured of read(name)) {
        const { node, pdus } = await asServer(captured);
        expect(toHex(node!.deviceKey)).toBe(captured.deviceKey);
        expect(pdus).toEqual(captured.messages.map(({ hex }) => hex).filter((hex) => hex.startsWith('805f')));
      }
    });
  });

  it('of a link that does not open at first: our client fails, and opens it when it is asked again', async () => {
    const links = linkMessages(readMessages('remote-provisioning-timeouts'));
    expect(links).toHaveLength(2);
    const world = new RemoteWorld();
    const client = newClient(world);
    const outcomes: string[] = [];
    for (const messages of links) {
      pbRemote(client.node.client, { address: SERVER }).open(uuidOf(messages), (link) =>
        outcomes.push(link instanceof MeshError ? link.code : 'open'),
      );
      await lockstep(world, messages.slice(0, 3), client);
    }
    expect(outcomes).toEqual(['link-open-failed', 'open']);
  });
});

/** Our client hears what the recorded server said, each message when the recorded client had said all before it. */
async function asClient({ session, messages }: Captured) {
  const world = new RemoteWorld();
  const client = newClient(world);
  const user = new User(world.clock);
  const result = new Promise<ProvisionedNode | MeshError>((done) => {
    pbRemote(client.node.client, { address: SERVER }).open(uuidOf(messages), (link) => {
      if (link instanceof MeshError) done(link);
      else
        provisionDevice(groundOfProvisioner(session, world.clock), link, {
          ...provisionerOptions(session, user),
          done,
        });
    });
  });
  await lockstep(world, messages, client);
  const outcome = await world.until(result);
  const recorded = new Set(messages.map(({ hex }) => hex));
  return { outcome, unexpected: client.sent.filter((hex) => !recorded.has(hex)) };
}

interface ReplayClient {
  readonly node: RemoteNode;
  /** Messages that were sent, hex. */
  readonly sent: string[];
}

function newClient(world: RemoteWorld): ReplayClient {
  const node = world.node(CLIENT, [SERVER]);
  const sent: string[] = [];
  const send = node.network.send.bind(node.network);
  node.network.send = (message, done) => {
    sent.push(toHex(message.payload));
    return send(message, done);
  };
  return { node, sent };
}

async function lockstep(world: RemoteWorld, messages: readonly Message[], { node, sent }: ReplayClient): Promise<void> {
  for (const { fromClient, hex } of messages) {
    if (fromClient) await world.until(waitFor(world, () => sent.includes(hex), `the client sends ${hex}`));
    else {
      const key = { kind: 'device', node: SERVER } as const;
      const route = { src: SERVER, dst: CLIENT, netIndex: 0, credentials: 'flooding', ttl: 5, seq: 0 } as const;
      node.access.receive({ ...route, key, payload: fromHex(hex) });
    }
  }
}

/** Our server hears what the recorded client said, each message when the recorded server had said all before it. */
async function asServer({ session, messages }: Captured) {
  const world = new RemoteWorld();
  const client = world.node(CLIENT, [SERVER]);
  world.node(SERVER);
  const heard: string[] = [];
  const receive = client.access.receive.bind(client.access);
  client.access.receive = (message) => {
    heard.push(toHex(message.payload));
    receive(message);
  };
  let node: ProvisionedNode | undefined;
  const user = new User(world.clock);
  const device = new ProvisioningDevice(groundOfDevice(session, world.clock), {
    ...deviceOptions(session, user),
    provisioned: (provisioned) => {
      node = provisioned;
    },
  });
  const ground = { clock: world.clock, random: new SeededRandom('device'), crypto: portableCrypto };
  const announced = { uuid: uuidOf(messages), oobInformation: 0 };
  pbAdvAcceptor(ground, world.air.join().advertising).accept(announced, (link) => device.serve(link));
  for (const { fromClient, hex } of messages) {
    // The last report of a link has a reason with us, and none with Zephyr.
    if (!fromClient)
      await world.until(waitFor(world, () => heard.some((ours) => ours.startsWith(hex)), `the server sends ${hex}`));
    else {
      const key = { kind: 'device', node: SERVER } as const;
      client.network.send({ src: CLIENT, dst: SERVER, key, payload: fromHex(hex) });
    }
  }
  return { node, pdus: heard.filter((hex) => hex.startsWith('805f')) };
}

async function waitFor(world: RemoteWorld, isThere: () => boolean, what: string): Promise<void> {
  for (let i = 0; !isThere(); i++) {
    if (i === 3000) throw new Error(`waited in vain: ${what}`);
    await new Promise<void>((resolve) => world.clock.after(20, resolve));
  }
}

function uuidOf(messages: readonly Message[]): Uint8Array {
  return fromHex(messages[0]!.hex.slice(4, 36));
}

function read(name: string): Captured[] {
  const keys: Record<string, (Record<string, string> & { privP?: string })[] | undefined> = JSON.parse(
    readFileSync(new URL(`${name}.keys.json`, folder), 'utf8'),
  );
  const links = linkMessages(readMessages(name));
  const sessions = keys.remoteProvisioningSessions ?? keys.provisioningSessions ?? [];
  return sessions.flatMap((session) => {
    // The link over which the public key of the session went.
    const messages = links.find((link) => link.some(({ hex }) => hex.includes(session.pubP!)));
    return messages === undefined ? [] : [{ session: recorded(session), deviceKey: session.deviceKey!, messages }];
  });
}

/** Messages of links, without those that were repeated, cut at each Link Open. */
function linkMessages(messages: readonly Message[]): Message[][] {
  const links: Message[][] = [];
  for (const message of messages) {
    if (message.hex.startsWith('8059')) links.push([]);
    links.at(-1)?.push(message);
  }
  return links;
}

function readMessages(name: string): Message[] {
  const lines = gunzipSync(readFileSync(new URL(`${name}.expect.jsonl.gz`, folder)))
    .toString('utf8')
    .trim()
    .split('\n');
  return lines.flatMap((line) => {
    const { k, p, src } = JSON.parse(line) as { k: string; p: string; src: number };
    const isLink = k === 'acc' && /^805[89a-f]/.test(p);
    return isLink ? [{ fromClient: src === CLIENT, hex: p }] : [];
  });
}

function recorded(session: Record<string, string>): RecordedSession {
  return {
    invite: session.invite!,
    capabilities: session.caps!,
    start: session.start!,
    privateKeyProvisioner: session.privP!,
    privateKeyDevice: session.privD!,
    authValue: session.auth!,
    randomProvisioner: session.randomP!,
    randomDevice: session.randomD!,
    provisioningData: session.provisioningData!,
  };
}
