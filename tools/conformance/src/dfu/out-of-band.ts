import assert from 'node:assert/strict';
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { type Clock, fromHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { OobRetriever } from '@meshferry/dfu';
import { checkFirmwareChain, makeFirmware } from '@meshferry/firmware';
import { httpsRetriever } from '@meshferry/node';
import { type Case, specified } from '../case.ts';
import { type Answer, ArchiveServer, archiveOf, offerAnswer } from '../testing/archive-server.ts';
import { DistributorSetup, firmwareStatus } from '../testing/distributor-setup.ts';
import { UPLOAD_CANCEL, UPLOAD_GET, uploadOobStart, uploadStatus } from '../testing/upload-octets.ts';
import { OFFERED_DATA } from '../testing/upload-setup.ts';

const URI = 'https://fw.example.com/lamp';
/** With letters, so that it shows in which case they are sent. */
const CURRENT = '5900abcd';
const NEW = '5900abce';
const IMAGE = fromHex(OFFERED_DATA);
const METADATA = fromHex('01020304');

/** A Distributor that fetches over HTTPS, from a server without a network. */
class Scene {
  readonly server = new ArchiveServer();
  readonly distributor: DistributorSetup;

  constructor() {
    const { fetch } = this.server;
    const oob = (clock: Clock): OobRetriever => httpsRetriever({ access: { fetch, clock }, crypto: portableCrypto });
    this.distributor = new DistributorSetup({ oob });
  }

  /** Upload OOB Start; the answers to it, once the archive has been asked. */
  async start(uri = URI, current = CURRENT): Promise<readonly string[]> {
    const { distributor } = this;
    const { tester } = distributor;
    const from = tester.heard.length;
    const asked = this.server.requests.length;
    const early = distributor.ask(uploadOobStart(uri, current));
    await settled();
    distributor.clock.advance(1000);
    assert.ok(early.length === 0 || this.server.requests.length === asked, 'answered before the check was done');
    return tester.heard.slice(from).map(({ hex }) => hex);
  }

  /** What the check ends with. */
  async checks(check: ArchiveServer['check'], answer: string): Promise<void> {
    this.server.check = check;
    assert.deepEqual(await this.start(), [answer], JSON.stringify(check));
  }

  /** An offer whose archive is this ends in Transfer Success, or in Transfer Error. */
  async fetches(
    body: Uint8Array | readonly (Uint8Array | null)[],
    isGood: boolean,
    what: string,
    id = NEW,
    size = IMAGE.length,
  ): Promise<void> {
    const { distributor, server } = this;
    server.check = offerAnswer(id, size);
    server.get = { headers: { 'content-type': 'application/gzip' }, body };
    assert.deepEqual(await this.start(), [uploadStatus(0, 1, { isOob: true, firmwareId: CURRENT })], what);
    await settled();
    assert.equal(server.requests.at(-1), `${URI}/get?cfwid=${CURRENT.toUpperCase()}`);
    // How far it came is told, but not specified.
    const percent = isGood ? 100 : distributor.server.uploadProgress;
    distributor.exchange(UPLOAD_GET, uploadStatus(0, isGood ? 3 : 2, { percent, isOob: true, firmwareId: CURRENT }));
    if (isGood) distributor.exchange('83240000', firmwareStatus(0, 1, 0, id));
    else distributor.exchange('83240000', firmwareStatus(4, 0, 0));
  }
}

/** The promises of a fetch have run to their end. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

const refused = (status: number): string => uploadStatus(status, 0);
const UNREACHABLE = refused(0x0b);
const NOTHING_NEWER = refused(0x0c);

async function checkCases(): Promise<void> {
  const scene = new Scene();
  const { server, distributor } = scene;
  await scene.checks({ status: 404 }, NOTHING_NEWER);
  assert.deepEqual(server.requests, [`${URI}/check?cfwid=${CURRENT.toUpperCase()}`]);
  await scene.checks({ status: 500 }, UNREACHABLE);
  await scene.checks(
    Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    UNREACHABLE,
  );
  await scene.checks({ status: 302, headers: { location: 'http://fw.example.com/lamp/check?cfwid=1' } }, UNREACHABLE);
  assert.ok(
    server.requests.every((url) => url.startsWith('https://')),
    'nothing is asked over http',
  );
  await scene.checks({ headers: { 'content-type': 'text/html' }, body: '<html></html>' }, UNREACHABLE);
  const broken: ((text: string) => string)[] = [
    (text) => text.replace('firmware_image_file_size', 'size'),
    (text) => text.replace('firmware_id', 'id'),
    (text) => text.replace('_size":90', '_size":-90'),
    (text) => text.replace('_size":90', '_size":"90"'),
    () => '{',
  ];
  for (const change of broken) await scene.checks(offerAnswer(NEW, 90, { change }), UNREACHABLE);
  await scene.checks(offerAnswer(CURRENT.toUpperCase(), 90), NOTHING_NEWER);
  assert.deepEqual(await scene.start('coap://fw.example.com/lamp'), [refused(9)]);
  assert.deepEqual(await scene.start('http://fw.example.com/lamp'), [refused(9)]);
  assert.deepEqual(await scene.start('no uri'), [refused(0x0a)]);
  assert.deepEqual(await scene.start(''), [refused(0x0a)]);
  distributor.exchange(UPLOAD_GET, uploadStatus(0, 0));
  // Both cases of the letters, a redirect within https, a chain of which this is the first.
  for (const id of [NEW, NEW.toUpperCase()]) {
    server.check = (url): Answer =>
      url.includes('/moved/')
        ? offerAnswer(id, 90, { chain: 3 })
        : { status: 302, headers: { location: `${URI}/moved/check?cfwid=${CURRENT.toUpperCase()}` } };
    assert.deepEqual(await scene.start(`${URI}/`), [uploadStatus(0, 1, { isOob: true, firmwareId: CURRENT })]);
    await settled();
    distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
  }
}

/** Who does not answer is waited for 30 s; meanwhile a second request is not answered at all. */
async function silentServer(): Promise<void> {
  const { server, distributor } = new Scene();
  server.check = { headers: { 'content-type': 'application/json' }, body: [null] };
  const begun = distributor.tell(uploadOobStart(URI, CURRENT));
  await settled();
  distributor.exchange(uploadOobStart(URI, CURRENT));
  distributor.clock.advance(begun + 29_000 - distributor.clock.now);
  await settled();
  assert.deepEqual(distributor.tester.heard, [], 'not before 30 s');
  distributor.clock.advance(2000);
  await settled();
  distributor.clock.advance(500);
  assert.deepEqual(
    distributor.tester.heard.map(({ hex }) => hex),
    [UNREACHABLE],
  );
  assert.equal(server.requests.length, 1);
}

async function fetchCases(): Promise<void> {
  const good = archiveOf(NEW, IMAGE, { metadata: METADATA });
  const bad: Readonly<Record<string, Uint8Array>> = {
    truncated: good.slice(0, -20),
    'a path that leads out': archiveOf(NEW, IMAGE, { more: { '../x': 'x' } }),
    'another firmware id than the check said': archiveOf('5900abcf', IMAGE),
    'metadata that are named but not there': archiveOf(NEW, IMAGE, { metadata: new Uint8Array(0) }),
    'an image of another size': archiveOf(NEW, IMAGE.slice(1)),
    '1 GiB of zeros': bomb(),
    'no archive at all': Buffer.from('<html></html>'),
  };
  for (const [what, body] of Object.entries(bad)) await new Scene().fetches(body, false, what);
  const withMetadata = new Scene();
  await withMetadata.fetches(good, true, 'gzip tar');
  assert.deepEqual(withMetadata.distributor.slots.images[0]?.metadata, METADATA);
  assert.deepEqual(withMetadata.distributor.slots.images[0]?.size, 90);
  assert.deepEqual(Buffer.from(withMetadata.distributor.slots.source(0).read(0, 90)), Buffer.from(IMAGE));
  const without = new Scene();
  await without.fetches(archiveOf(NEW.toUpperCase(), IMAGE), true, 'without metadata');
  assert.equal(without.distributor.slots.images[0]?.metadata.length, 0);
  const made = await makeFirmware({
    payload: new Uint8Array(500).fill(7),
    version: { major: 2, minor: 0, revision: 0, build: 0 },
    company: 0x59,
    crypto: portableCrypto,
  });
  const packed = new Scene();
  await packed.fetches(made.zip, true, 'ZIP', Buffer.from(made.firmwareId).toString('hex'), made.image.length);
  assert.deepEqual(packed.distributor.slots.images[0]?.metadata, made.metadata);
}

/** A chain of three ends, one that comes back to where it was is refused. */
async function chains(): Promise<void> {
  const server = new ArchiveServer();
  const { clock } = new DistributorSetup();
  const next: Record<string, string> = { '590001': '590002', '590002': '590003', '590003': '590004' };
  const answer =
    (chain: (id: string) => number) =>
    (url: string): Answer => {
      const id = url.slice(url.indexOf('=') + 1).toLowerCase();
      const newer = next[id];
      return newer === undefined ? { status: 404 } : offerAnswer(newer, 90, { chain: chain(id) });
    };
  server.check = answer((id) => 4 - Number(id.at(-1)));
  const access = { fetch: server.fetch, clock };
  const whole = await checkFirmwareChain(URI, fromHex('590001'), access);
  assert.ok(whole.ok);
  assert.deepEqual(
    whole.value.map(({ firmwareId }) => Buffer.from(firmwareId).toString('hex')),
    ['590002', '590003', '590004'],
  );
  next['590003'] = '590001';
  server.check = answer(() => 3);
  const requests = server.requests.length;
  const looping = await checkFirmwareChain(URI, fromHex('590001'), access);
  const steps = looping.ok ? looping.value.length : 0;
  assert.ok(steps <= 3 && server.requests.length - requests <= 3, 'a loop ends');
}

/** A gzip of 1 GiB of zeros: the same packed piece, 64 times. */
function bomb(): Uint8Array {
  const piece = deflateRawSync(new Uint8Array(16 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
  const header = Buffer.from('1f8b0800000000000003', 'hex');
  const end = Buffer.alloc(10);
  end.writeUInt16LE(0x0003, 0);
  end.writeUInt32LE(crc32(new Uint8Array(0)), 2);
  end.writeUInt32LE(0x4000_0000, 6);
  return Buffer.concat([header, ...Array<Buffer>(64).fill(piece), end]);
}

export const outOfBand: readonly Case[] = [
  specified(
    'OOB/01',
    "what a maker's server can answer to check and to get: statuses 0, 9 to 0xC, success and error",
    async () => {
      await checkCases();
      await silentServer();
      await fetchCases();
      await chains();
    },
  ),
];
