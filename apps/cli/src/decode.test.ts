import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { formatAddress } from '@meshferry/core';
import { afterAll, describe, expect, it, test } from 'vitest';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';
import { captureNames, capturePath, type ExpectedLine, expectedLines } from './testing/shared-captures.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

describe.skipIf(captureNames.length === 0)('recorded traffic of other stacks', () => {
  it.each(captureNames)('%s: exactly its messages, control messages and beacons, in order', async (name) => {
    const { exit, stderr, events, result } = await meshferry(['decode', capturePath(name), '--json']);
    expect(exit).toBe(0);
    expect(stderr).toBe('');
    const expected = expectedLines(name);
    const lines = events.slice(0, -1);
    expect(found(name, lines)).toEqual(expected.map((line) => describeExpected(name, line)));

    const recorded = gunzipSync(readFileSync(capturePath(name)))
      .toString()
      .trimEnd()
      .split('\n');
    expect(lines.map(({ line }: Json) => line)).toEqual(recorded.map((_, i) => i + 1));
    expect(lines.map(({ t }: Json) => t)).toEqual(recorded.map((line) => JSON.parse(line).t));
    expect(result).toMatchObject({
      type: 'result',
      ok: true,
      pdus: recorded.length,
      decrypted: lines.filter(({ kind }: Json) => kind === 'network').length,
      messages: expected.filter(({ k }) => k === 'acc').length,
      controls: expected.filter(({ k }) => k === 'ctl').length,
      replays: 0,
      errors: {},
    });
  });

  test('every line has the members of the contract', async () => {
    const { events } = await meshferry(['decode', capturePath('dfu-distribution-4-targets'), '--json']);
    const start = events.find(({ message }) => message?.name === 'BLOB Block Start');
    expect(start).toEqual({
      type: 'pdu',
      line: expect.any(Number),
      t: expect.any(Number),
      d: 0,
      kind: 'network',
      net: 0,
      ivIndex: 0,
      cred: 'flooding',
      src: '0x0001',
      dst: expect.stringMatching(/^0x010[1-4]$/),
      seq: expect.any(Number),
      ttl: expect.any(Number),
      ctl: false,
      message: {
        seq: start?.seq,
        key: 'app0',
        mic: 4,
        payload: expect.stringMatching(/^8304/),
        opcode: '0x8304',
        name: 'BLOB Block Start',
        fields: { blockNumber: 0, chunkSize: expect.any(Number) },
      },
      error: null,
    });
    const beacon = events.find(({ kind }) => kind === 'beacon');
    expect(beacon).toEqual({
      type: 'pdu',
      line: expect.any(Number),
      t: expect.any(Number),
      d: expect.any(Number),
      kind: 'beacon',
      beacon: 'secure-network',
      net: 0,
      flags: 0,
      ivIndex: 0,
      error: null,
    });
    expect(events.find(({ segment }) => segment !== undefined)?.segment).toEqual({
      segO: expect.any(Number),
      segN: expect.any(Number),
      seqZero: expect.any(Number),
    });
  });

  test('provisioning PDUs are told by their type', async () => {
    const { events } = await meshferry(['decode', capturePath('pbadv-hmac-no-oob'), '--json']);
    const pdus = events.filter(({ kind }) => kind === 'provisioning');
    expect(new Set(pdus.map(({ pdu }) => pdu))).toEqual(
      new Set([
        'link-open',
        'link-ack',
        'transaction-start',
        'transaction-continuation',
        'transaction-acknowledgment',
        'link-close',
      ]),
    );
    expect(events.filter(({ error }) => error !== undefined && error !== null)).toEqual([]);
  });

  test('for people: one line a message, with its name and fields', async () => {
    const { exit, stdout } = await meshferry(['decode', capturePath('dfu-client-metadata-rejected-by-all')]);
    expect(exit).toBe(0);
    const starts = stdout.split('\n').filter((line) => line.includes('Firmware Update Start'));
    expect(starts).toHaveLength(3);
    expect(starts[0]).toMatch(/0x0001 → 0x0101 {2}Firmware Update Start {2}updateTtl=255 {2}.*metadata=/);
    expect(stdout).toMatch(/249 PDUs, 133 decrypted, 118 repetitions: 6 messages, 3 control messages, 116 beacons/);
  });

  test.each([
    ['pbadv-hmac-no-oob', /beacon unprovisioned {2}uuid=6c696e67616f30+ {2}oob=0000 {2}uri=00000000/],
    ['pbadv-hmac-no-oob', /provisioning transaction-start link [0-9a-f]{8} transaction \d+/],
    ['friendship-establish', /0x0004 → 0x0001 friendship {2}Friend Poll {2}fsn=0 control/],
    ['transport-unicast', /opcode 0x0f {2}0f04/],
    ['bluez-config', /Config AppKey Delete {2}appKeyIndex: 1 more octet needed/],
    ['bluez-cfgclient', /Config Composition Data Status/],
    ['blob-push-4-servers', /BLOB Chunk Transfer {2}chunkNumber=0 {2}data=[0-9a-f]{48}… \(754 characters\) app0/],
    ['opcodes-aggregator-380-bytes', /Opcodes Aggregator Sequence {2}elementAddress=\d+ {2}items=\[/],
  ])('for people: %s says %s', async (name, said) => {
    expect((await meshferry(['decode', capturePath(name)])).stdout).toMatch(said);
  });

  test('without the right keys every PDU says that none opens it', async () => {
    const keys = JSON.stringify({ netKeys: [{ index: 0, key: '00'.repeat(16) }] });
    const path = folder.write('other.keys.json', keys);
    const { result, events } = await meshferry(['decode', capturePath('transport-unicast'), '--keys', path, '--json']);
    expect(result).toMatchObject({
      ok: true,
      pdus: 216,
      decrypted: 0,
      messages: 0,
      errors: { 'no matching key': 216 },
    });
    expect(events[0]).toMatchObject({ kind: 'network', error: 'no matching key' });
  });
});

describe('captures of one line', () => {
  const KEYS = JSON.stringify({ ivIndex: 0, netKeys: [{ index: 0, key: '01'.repeat(16) }] });

  test('whole advertising data is looked through for what matters', async () => {
    const beacon = `00${'07'.repeat(16)}0102`;
    const adv = `020106142b${beacon}`;
    folder.write('adv.keys.json', KEYS);
    const path = folder.write('adv.jsonl', `{"t":5,"a":"c0ffee000001","adv":"${adv}"}\n\n{"t":6,"ad":44,"p":""}\n`);
    const { events, result } = await meshferry(['decode', path, '--json']);
    expect(events[0]).toMatchObject({ line: 1, t: 5, beacon: 'unprovisioned', uuid: '07'.repeat(16), oob: '0102' });
    expect(events[1]).toMatchObject({ line: 3, kind: 'unknown', error: null });
    expect(result).toMatchObject({ pdus: 2, beacons: 1 });
  });

  test.each([
    ['no JSON', '{"t":1', 'line 1 is not JSON'],
    ['no time', '{"ad":42,"p":""}', 'line 1 has no time'],
    ['no octets', '{"t":1,"ad":42}', 'line 1 has neither "ad" and "p" nor "adv"'],
    ['no hex', '{"t":1,"ad":42,"p":"xy"}', 'line 1 has octets that are not hex'],
    ['a list', '[]', 'line 1 has no time'],
    ['a number', '7', 'line 1 is not a JSON object'],
    ['a broken archive', '\u001f\u008b', 'cannot be unpacked'],
  ])('%s ends with 2', async (_, text, message) => {
    folder.write('bad.keys.json', KEYS);
    const path = folder.write('bad.jsonl', Buffer.from(text, 'latin1'));
    const { exit, stderr } = await meshferry(['decode', path]);
    expect(exit).toBe(2);
    expect(stderr).toContain(message);
  });

  test.each([
    ['no JSON', '{', 'it is not JSON'],
    ['no object', '[]', 'it is not a JSON object'],
    ['no list', '{"netKeys":7}', '"netKeys" is not a list'],
    ['a list of numbers', '{"netKeys":[7]}', '"netKeys" has an item that is no object'],
    ['a short key', '{"netKeys":[{"index":0,"key":"5ec2e7"}]}', '"netKeys" has one that is not 32 hex digits'],
    ['a large index', `{"netKeys":[{"index":4096,"key":"${'00'.repeat(16)}"}]}`, '4096 in "netKeys"'],
    ['address 0', `{"devKeys":[{"addr":0,"key":"${'00'.repeat(16)}"}]}`, '0 in "devKeys" is not a number from 1'],
    ['a negative IV Index', '{"ivIndex":-1}', '-1 in "ivIndex"'],
  ])('keys: %s ends with 2 and never shows a key', async (_, text, message) => {
    folder.write('k.keys.json', text);
    const { exit, stderr } = await meshferry(['decode', folder.write('k.jsonl', '')]);
    expect(exit).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('5ec2e7');
  });

  test('a capture or its keys that are not there end with 2', async () => {
    expect(await meshferry(['decode', join(folder.path, 'none.jsonl')])).toMatchObject({ exit: 2 });
    expect((await meshferry(['decode'])).stderr).toContain('nothing to decode');
  });
});

/** What was found, in the words of {@link describeExpected}. */
function found(name: string, lines: readonly Json[]): string[] {
  const devices = new Set<string>();
  return lines.flatMap((line: Json): string[] => {
    if (line.error !== null || line.duplicate) return [];
    if (line.message !== undefined) return [messageText(name, line)];
    if (line.control !== undefined) return [controlText(line)];
    if (line.kind !== 'beacon') return [];
    if (line.beacon !== 'unprovisioned') return [`${line.beacon} ${line.net} ${line.flags} ${line.ivIndex} ${line.t}`];
    // The decoder of the BlueZ captures tells each device once.
    if (isBlueZ(name) && devices.has(line.uuid)) return [];
    devices.add(line.uuid);
    return [`unprovisioned ${line.uuid} ${Number.parseInt(line.oob, 16)} ${line.uri ?? '-'} ${line.t}`];
  });
}

function messageText(name: string, { src, dst, ivIndex, cred, friendship, message, t }: Json): string {
  const { seq, key, mic, segs = '-', label = '-', payload } = message;
  const shape = segs === '-' ? '-' : `${segs} segments, MIC ${mic}`;
  const secured = `${key.replace(/:.*/, '')} ${credText(cred, friendship)} ${label}`;
  return `${src} ${dst} ${ivIndex} ${isBlueZ(name) ? '-' : seq} ${shape} ${secured} ${payload} ${t}`;
}

function controlText({ src, dst, ttl, ivIndex, cred, friendship, control, t }: Json): string {
  const where = `${src} ${dst} ${ttl} ${ivIndex} ${control.seq} ${credText(cred, friendship)}`;
  return `${where} ${control.opcode.slice(2)} ${control.payload} ${t}`;
}

function credText(cred: string, friendship: Json): string {
  return cred === 'friendship' ? `friend ${friendship.lpn.slice(2)}-${friendship.friend.slice(2)}` : cred;
}

function describeExpected(name: string, line: ExpectedLine): string {
  const { k, t, tend = t, iv, seq, ttl, cred = 'flooding', label = '-' } = line;
  if (k === 'snb' || k === 'mpb') {
    return `${k === 'snb' ? 'secure-network' : 'private'} ${line.net} ${line.flags} ${iv} ${t}`;
  }
  if (k === 'unprov') {
    const oob = typeof line.oob === 'string' ? Number.parseInt(line.oob, 16) : line.oob;
    return `unprovisioned ${line.uuid} ${oob} ${line.uri ?? '-'} ${t}`;
  }
  const [src, dst] = [formatAddress(line.src), formatAddress(line.dst)];
  if (k === 'ctl') return `${src} ${dst} ${ttl} ${iv} ${seq} ${cred} ${line.op} ${line.p} ${t}`;
  const shape = line.segs === undefined ? '-' : `${line.segs} segments, MIC ${line.mic}`;
  const secured = `${line.key.replace(/:.*/, '')} ${cred} ${label}`;
  // The decoder of the BlueZ captures gives the SEQ of the last segment, not of the first one.
  return `${src} ${dst} ${iv} ${isBlueZ(name) ? '-' : seq} ${shape} ${secured} ${line.p} ${tend}`;
}

function isBlueZ(name: string): boolean {
  return name.startsWith('bluez');
}
