import assert from 'node:assert/strict';
import { BlobClient, type BlobEvent, BlobServer, sourceOf } from '@meshferry/blob';
import { fromHex, MemoryStore, toHex } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { Air, type Station } from '../testing/air.ts';
import { octets } from '../testing/client-setup.ts';
import { BLOB_ID } from '../testing/server-setup.ts';

const COUNT = 5;
/** PDUs that the Friend keeps for each: five chunks of 36 octets, of four segments each, do not fit. */
const QUEUE = 16;

export const clientFriend: readonly Case[] = [
  specified('blob_cli_friend', 'Friend of five Low Power servers, unicast, pull, 3 × 256 octets: all complete', () => {
    const air = new Air();
    const client = new BlobClient({ clock: air.clock, random: air.random });
    const role = { friend: { lowPowerNodes: COUNT, queueSize: QUEUE } };
    air.join(1, { models: [client.model], role });
    const content = octets(768);
    const targets = Array.from({ length: COUNT }, (_, i) => lowPowerServer(air, 2 + i));
    air.until(() => targets.every(({ station }) => station.network.lowPower?.friend === 1), 120, 'friendships');

    const events: BlobEvent[] = [];
    const receivers = targets.map(({ station: { address } }) => ({ address }));
    client.start(
      { blobId: BLOB_ID, source: sourceOf(fromHex(content)), receivers, appIndex: 0, ttl: 3, timeoutBase: 10 },
      (event) => events.push(event),
    );
    air.until(() => events.at(-1)?.type === 'done', 3000, 'end of the transfer');

    assert.deepEqual(
      events.flatMap((event) => (event.type === 'done' ? [event.outcome] : event.type === 'lost' ? ['lost'] : [])),
      ['complete'],
    );
    for (const { station, received } of targets) {
      assert.equal(toHex(received), content);
      assert.equal(station.network.lowPower?.friend, 1);
      // Opcode, number and 36 octets; never more at a time than the queue holds.
      const chunks = station.heard.filter(({ hex }) => hex.startsWith('66'));
      assert.ok(chunks.every(({ hex }) => hex.length <= 2 * 39));
      assert.ok(chunks.length >= 24);
    }
  }),
];

/** A Low Power node with a server that takes blocks of 256 octets in chunks of 36, in pull mode. */
function lowPowerServer(air: Air, address: number): { station: Station; received: Uint8Array } {
  const received = new Uint8Array(768);
  const server = new BlobServer({
    clock: air.clock,
    store: new MemoryStore(),
    capabilities: { minBlockSizeLog: 8, maxBlockSizeLog: 8, maxChunkSize: 36, maxChunksNumber: 8, push: false },
    pull: { friendQueue: QUEUE, reported: () => station.network.lowPower?.poll() },
  });
  const sink = {
    begin: () => true,
    block: (offset: number, data: Uint8Array) => {
      received.set(data, offset);
      return true;
    },
  };
  const events = { complete: () => {}, suspended: () => {}, failed: () => {} };
  const station = air.join(address, { models: [server.model], role: { lowPower: true } });
  server.expect(BLOB_ID, { ttl: 3, timeoutBase: 10, sink, events });
  return { station, received };
}
