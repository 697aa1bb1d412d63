import { expect, it } from 'vitest';
import type { BridgingEntry } from './bridge-table.ts';
import { ALL_SUBNETS, BOTH_WAYS, Subnets } from './testing/subnets.ts';

/** Entries that lead round all three subnets, back to where a message came from. */
const ROUND: readonly BridgingEntry[] = [
  BOTH_WAYS,
  { ...BOTH_WAYS, netKeyIndex1: 2, netKeyIndex2: 0 },
  { ...BOTH_WAYS, netKeyIndex1: 0, netKeyIndex2: 1 },
];

it.each([
  ['that bridge the same two subnets', [BOTH_WAYS]],
  ['that bridge in a ring', ROUND],
] as const)('two bridges %s each send a message on once: what comes back ends in the message cache', (_, entries) => {
  const { a, b, air, bridge, mesh, send } = new Subnets(entries);
  const other = mesh.add(ALL_SUBNETS);
  for (const entry of entries) other.layer.bridge.add(entry);
  other.layer.bridge.enabled = true;
  for (let tag = 0; tag < 20; tag++) {
    send(a, 2, 8, { tag, ttl: 127 });
    send(b, 1, 8, { tag, ttl: 127 });
  }
  const tags = Array.from({ length: 20 }, (_, tag) => tag);
  for (const { received } of [a, b]) expect(received.map(({ payload }) => payload[0])).toEqual(tags);
  for (const { layer } of [bridge, other]) expect(layer.counters).toMatchObject({ received: 40, bridged: 40 });
  expect(air.length).toBeLessThanOrEqual(40 * (1 + 2) * 3);
});
