import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { readCaptureKeys } from './capture/capture-keys.ts';
import { readCapture } from './capture/capture-reader.ts';
import { CaptureWriter } from './capture/capture-writer.ts';
import { type Json, meshferry, temporaryFolder } from './testing/cli.ts';
import { captureNames, capturePath } from './testing/shared-captures.ts';
import { hasTshark, tshark } from './testing/tshark.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Recordings with messages that Wireshark lacks, and with no friendship: Wireshark does not know its credentials. */
const RECORDINGS = [
  'blob-push-unsegmented-chunks',
  'dfd-initiator-full-run',
  'dfu-distribution-pull-2-targets',
  'models-metadata-in-two-parts',
  'large-composition-data-full-message',
  'opcodes-aggregator-380-bytes',
  'bluez-rpr',
].filter((name) => captureNames.includes(name));

const DISSECTOR = readFileSync(new URL('../../../tools/wireshark/meshferry.lua', import.meta.url), 'utf8');

describe.skipIf(!hasTshark)('tshark', () => {
  test('decrypts 100 % of a simulated update, and names its messages', async () => {
    const { file, tables } = filesOf('update');
    const recorded = await meshferry(['capture', '--bearer', 'sim:targets=3,loss=0.1', '--out', file, '--json']);
    const { events, result } = await meshferry(['decode', file, '--json']);
    expect(result.decrypted + result.beacons).toBe(recorded.result.events);
    expect(tshark(file, tables, '-Y', 'btmesh.src')).toHaveLength(result.decrypted);
    const ours = messagesOf(events).map(({ src, dst, message }) => `${Number(src)} ${Number(dst)} ${message.payload}`);
    expect(new Set(ours).size).toBeGreaterThan(100);
    expect(distinct(fields(file, tables, 'btmesh.src', 'btmesh.dst', 'btmesh.access.decrypted'))).toEqual(
      distinct(ours),
    );
    expect(distinct(fields(file, tables, 'meshferry.name'))).toEqual(distinct(namesOf(events)));
  });

  it.each(RECORDINGS)('the dissector reads %s as decode does', async (name) => {
    const { file, tables } = filesOf(name);
    const io = { cwd: folder.path } as Parameters<typeof readCapture>[0];
    const keys = readCaptureKeys(io, capturePath(name).replace('.jsonl.gz', '.keys.json'));
    const addresses = JSON.parse(readFileSync(capturePath(name).replace('.jsonl.gz', '.keys.json'), 'utf8')).nodesSeen;
    // Wireshark's table has no key of every node.
    const devKeys = keys.devKeys.flatMap(({ addr, key }) =>
      addr === null ? (addresses ?? []).map((node: number) => ({ addr: node, key })) : [{ addr, key }],
    );
    const writer = new CaptureWriter(file, { ...keys, devKeys });
    for (const { t, d = 0, type, data } of readCapture(io, capturePath(name))) writer.add({ t, device: d, type, data });
    writer.close();

    const { events } = await meshferry(['decode', capturePath(name), '--json']);
    const ours = messagesOf(events).filter(({ message }) => DISSECTOR.includes(`name = "${message.name}"`));
    expect(ours.length).toBeGreaterThan(0);
    const named = ours.map(({ message }) => `${message.payload} ${message.name}`);
    expect(distinct(fields(file, tables, 'btmesh.access.decrypted', 'meshferry.name'))).toEqual(distinct(named));
    for (const field of ['blobId', 'chunkNumber', 'firmwareId', 'totalSize', 'updateBlobId', 'uuid']) {
      const values = ours.flatMap(({ message }) => message.fields?.[field] ?? []);
      if (values.length === 0) continue;
      const shown = fields(file, tables, `meshferry.${field}`).map((value) => value.replace(/^0x/, ''));
      expect(distinct(shown)).toEqual(distinct(values.map(String)));
    }
    const text = tshark(file, tables, '-O', 'meshferry', '-Y', 'meshferry').flat().join('\n');
    expect(text).not.toMatch(/cut short|too many|Lua Error/);
  });
});

function filesOf(name: string): { file: string; tables: string } {
  return { file: join(folder.path, `${name}.pcap`), tables: join(folder.path, `${name}.wireshark`) };
}

/** One text for each packet that has them all. */
function fields(file: string, tables: string, ...names: readonly string[]): string[] {
  const display = names.map((name) => `${name}`).join(' && ');
  const rows = tshark(file, tables, '-Y', display, '-T', 'fields', ...names.flatMap((name) => ['-e', name]));
  return rows.map((row) => row.join(' '));
}

function messagesOf(events: readonly Json[]): readonly Json[] {
  return events.filter(({ message }) => message !== undefined);
}

function namesOf(events: readonly Json[]): string[] {
  return messagesOf(events).map(({ message }) => message.name);
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}
