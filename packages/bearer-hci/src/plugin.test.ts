import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AD_MESH_MESSAGE, type Bearer, type BearerGround } from '@meshferry/bearer';
import { socketStream } from '@meshferry/byte-streams';
import { hostClock, hostRandom, MeshError, silent } from '@meshferry/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer } from './index.ts';
import { EmulatedAir } from './testing/emulated-air.ts';

const clock = hostClock(globalThis);
const random = hostRandom(globalThis.crypto);
const ground: BearerGround = { clock, random, log: silent };

const folder = mkdtempSync(join(tmpdir(), 'meshferry-hci-'));
const socket = join(folder, 'hci');
const air = new EmulatedAir(clock, random);
const server = createServer({ noDelay: true }, (connection) => air.attach(socketStream(connection, 'host')));
const silentServer = createServer(() => {});

beforeAll(async () => {
  await listening(server, socket);
});

afterAll(() => {
  server.close();
  silentServer.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the plugin', () => {
  it('says what it is, and whether it can be used here, without leaving anything open', async () => {
    expect(bearer).toMatchObject({ scheme: 'hci', summary: expect.stringContaining('HCI') });
    for (const uri of bearer.uris) expect(uri.startsWith('hci:')).toBe(true);
    const handles = () =>
      process.getActiveResourcesInfo().filter((name) => /Socket|Server|Process|Poll|FSEvent/.test(name));
    const before = handles();
    expect(await bearer.check()).toBeNull();
    for (const uri of ['hci:tcp:127.0.0.1:9000', 'hci:unix:/run/hci']) expect(await bearer.check(uri)).toBeNull();
    const problem = await bearer.check('hci:serial:/dev/ttyACM0,1000000');
    if (problem !== null) expect(problem).toMatchObject({ code: 'bearer-unavailable', hint: expect.any(String) });
    expect(handles()).toEqual(before);
  });

  it.each([
    ['hci:serial:/dev/meshferry-has-no-such-port', 'bearer-unavailable'],
    ['hci:unix:/run/meshferry-has-no-such-socket', 'bearer-unavailable'],
    ['hci:tcp:127.0.0.1:1', 'bearer-unavailable'],
    ['hci:unix:/etc/passwd', 'bearer-unavailable'],
    ['hci:pigeon:1', 'bad-bearer-uri'],
  ])('says of %s what is wrong', async (uri, code) => {
    const error = await failure(uri);
    expect(error).toMatchObject({ code, hint: expect.any(String) });
  });

  it('says so when nothing that answers is at the other end', async () => {
    const closing = createServer((connection) => connection.destroy());
    const path = join(folder, 'closing');
    await listening(closing, path);
    expect(await failure(`hci:unix:${path}`)).toMatchObject({
      code: 'bearer-failed',
      hint: expect.stringContaining('one host at a time'),
    });
    closing.close();
  });
});

describe('a controller behind a UNIX socket', () => {
  it('is opened, used, closed and opened again', async () => {
    for (let round = 0; round < 3; round++) {
      const [a, b] = [await bearer.open(`hci:unix:${socket}`, ground), await bearer.open(`hci:unix:${socket}`, ground)];
      expect(await exchange(a, b)).toBe(true);
      a.close();
      b.close();
      await passed(() => air.controllers.length === 0);
    }
  });

  it('is lost when the other end goes', async () => {
    const radio = await bearer.open(`hci:unix:${socket}`, ground);
    const reasons: MeshError[] = [];
    radio.lost?.((reason) => reasons.push(reason));
    const sent = new Promise((resolve) => {
      radio.advertising?.send(
        { type: AD_MESH_MESSAGE, data: new Uint8Array(20) },
        { count: 50, intervalMs: 100 },
        resolve,
      );
    });
    air.controllers[0]!.unplug();
    expect(await sent).toMatchObject({ code: 'bearer-lost' });
    expect(reasons).toMatchObject([{ code: 'bearer-lost', hint: expect.any(String) }]);
    radio.close();
  });
});

describe('a controller behind TCP', () => {
  it('is opened and used', async () => {
    const tcp = createServer({ noDelay: true }, (connection) => air.attach(socketStream(connection, 'host')));
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const address = tcp.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const [a, b] = [
      await bearer.open(`hci:tcp:127.0.0.1:${port}`, ground),
      await bearer.open(`hci:tcp:127.0.0.1:${port}`, ground),
    ];
    expect(await exchange(a, b)).toBe(true);
    a.close();
    b.close();
    tcp.close();
  });
});

const missing = missingForSerial();
if (missing !== undefined) console.warn(`tests of serial ports are skipped: ${missing}`);

describe.skipIf(missing !== undefined)('a controller behind a serial port', () => {
  const socats: ChildProcess[] = [];
  const port = (name: string) => join(folder, name);

  const bridge = async (name: string): Promise<ChildProcess> => {
    const socat = spawn('socat', [`PTY,link=${port(name)},raw,echo=0`, `UNIX-CONNECT:${socket}`], { stdio: 'ignore' });
    socats.push(socat);
    await passed(() => existsSync(port(name)));
    return socat;
  };

  afterAll(() => {
    for (const socat of socats) socat.kill();
  });

  it('is opened and used', async () => {
    await bridge('a');
    await bridge('b');
    const [a, b] = [
      await bearer.open(`hci:serial:${port('a')}`, ground),
      await bearer.open(`hci:serial:${port('b')},115200`, ground),
    ];
    expect(await exchange(a, b)).toBe(true);
    expect(await exchange(b, a)).toBe(true);
    a.close();
    b.close();
  });

  it('is for one program at a time', async () => {
    await bridge('c');
    const first = await bearer.open(`hci:serial:${port('c')}`, ground);
    // Root may open a port that is locked in this way: the kernel does not ask it.
    const second = await failure(`hci:serial:${port('c')}`);
    if (second !== undefined) expect(second).toMatchObject({ code: 'bearer-busy' });
    first.close();
  });

  it('is lost when it is pulled', async () => {
    const socat = await bridge('d');
    const radio = await bearer.open(`hci:serial:${port('d')}`, ground);
    const reason = new Promise<MeshError>((resolve) => radio.lost?.(resolve));
    socat.kill();
    expect(await reason).toMatchObject({ code: 'bearer-lost', hint: expect.stringContaining('Plug') });
    radio.close();
  });
});

function missingForSerial(): string | undefined {
  try {
    execFileSync('socat', ['-V'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'not here: socat';
  }
}

/** Whether the second hears what the first sends. */
async function exchange(from: Bearer, to: Bearer): Promise<boolean> {
  const data = random.bytes(20);
  const heard = new Promise<boolean>((resolve) => {
    to.advertising?.receive([AD_MESH_MESSAGE], (ad) => ad.data.every((octet, i) => octet === data[i]) && resolve(true));
  });
  await sleep(50);
  from.advertising?.send({ type: AD_MESH_MESSAGE, data }, { count: 3, intervalMs: 20 }, () => {});
  return Promise.race([heard, sleep(5000).then(() => false)]);
}

/** Why it cannot be opened; undefined: it could. */
async function failure(uri: string): Promise<MeshError | undefined> {
  try {
    (await bearer.open(uri, ground)).close();
    return undefined;
  } catch (error) {
    if (error instanceof MeshError) return error;
    throw error;
  }
}

function listening(on: Server, path: string): Promise<void> {
  return new Promise((resolve) => on.listen(path, resolve));
}

async function passed(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await sleep(10);
  expect(holds()).toBe(true);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
