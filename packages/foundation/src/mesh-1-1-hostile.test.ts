import { type MessageType, opcodeAt } from '@meshferry/access';
import { MemoryStore } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryOctets } from '../../access/src/testing/index.ts';
import { BRIDGE_MESSAGES } from './bridge-messages.ts';
import { DIRECTED_FORWARDING_MESSAGES } from './families.ts';
import { LARGE_COMPOSITION_DATA_MESSAGES } from './large-composition-data-messages.ts';
import { ON_DEMAND_PRIVATE_PROXY_MESSAGES } from './on-demand-private-proxy-messages.ts';
import {
  OPCODES_AGGREGATOR_MESSAGES,
  OpcodesAggregatorSequence,
  OpcodesAggregatorStatus,
} from './opcodes-aggregator-messages.ts';
import { PRIVATE_BEACON_MESSAGES } from './private-beacon-messages.ts';
import { SAR_CONFIGURATION_MESSAGES } from './sar-configuration-messages.ts';
import { SOLICITATION_PDU_RPL_MESSAGES } from './solicitation-pdu-rpl-messages.ts';
import { CLIENT, Pair, SERVER } from './testing/mesh-1-1.ts';

const FAMILIES: Readonly<Record<string, readonly MessageType<unknown>[]>> = {
  'SAR Configuration': SAR_CONFIGURATION_MESSAGES,
  'Opcodes Aggregator': OPCODES_AGGREGATOR_MESSAGES,
  'Large Composition Data': LARGE_COMPOSITION_DATA_MESSAGES,
  'Mesh Private Beacon': PRIVATE_BEACON_MESSAGES,
  'On-Demand Private Proxy': ON_DEMAND_PRIVATE_PROXY_MESSAGES,
  'Solicitation PDU RPL': SOLICITATION_PDU_RPL_MESSAGES,
  'Bridge Configuration': BRIDGE_MESSAGES,
  'Directed Forwarding Configuration': DIRECTED_FORWARDING_MESSAGES,
};
const BY_OPCODE = new Map(
  Object.values(FAMILIES)
    .flat()
    .map((type) => [type.opcode, type]),
);

/** A node that is handed messages as its network layer would, and what it answers. */
class Target {
  readonly store = new MemoryStore();
  readonly pair = new Pair({ store: this.store, directed: { supports: { forwarding: true, relay: true } } });
  readonly answers: Uint8Array[] = [];
  #seq = 0;

  constructor() {
    const { server } = this.pair;
    server.rpl.model.bind(0);
    server.network.send = (message) => {
      this.answers.push(message.payload);
      return () => {};
    };
  }

  /** The state after a message that is answered within 50 ms, if it is at all. */
  tell(payload: Uint8Array, app = false): Uint8Array | undefined {
    const key = app ? ({ kind: 'app', index: 0 } as const) : ({ kind: 'device', node: SERVER } as const);
    const route = { src: CLIENT, dst: SERVER, key, netIndex: 0, credentials: 'flooding', ttl: 5 } as const;
    this.answers.length = 0;
    this.pair.server.access.receive({ ...route, seq: this.#seq++, payload });
    this.pair.clock.advance(60);
    expect(this.answers.length).toBeLessThanOrEqual(1);
    return this.answers[0];
  }
}

describe.each(Object.entries(FAMILIES))('the server of %s', (name, messages) => {
  it('never throws on octets, and answers what it takes with a message that can be read, nothing else', () => {
    const target = new Target();
    const app = name === 'Solicitation PDU RPL';
    const octets = fc.oneof(...messages.map((type) => arbitraryOctets(type)));
    fc.assert(
      fc.property(octets, (payload) => {
        const type = BY_OPCODE.get(opcodeAt(payload))!;
        const isRequest = type.response !== undefined && type.decode(payload).ok;
        const answer = target.tell(payload, app);
        if (!isRequest) return answer === undefined;
        const answering = BY_OPCODE.get(opcodeAt(answer!))!;
        return answering.name === type.response && answering.decode(answer!).ok;
      }),
      { numRuns: 10_000 },
    );
  });
});

it('any sequence of messages to the aggregator ends in a Status that holds its answers, however deep and odd', () => {
  const target = new Target();
  const all = Object.values(FAMILIES).flat();
  const item = fc
    .oneof(...all.map((type) => arbitraryOctets(type)))
    .filter(({ length }) => length > 0 && length <= 120);
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 3 }), (items) => {
      const answer = target.tell(OpcodesAggregatorSequence.encode({ elementAddress: SERVER, items }));
      const status = OpcodesAggregatorStatus.decode(answer!);
      if (!status.ok) return false;
      const isWhole = status.value.items.length === items.length;
      return status.value.status === 0 ? isWhole : !isWhole;
    }),
    { numRuns: 10_000 },
  );
});

it('what was told to a node in any order is there after a restart', () => {
  const kept = fc.oneof(
    ...[...BRIDGE_MESSAGES, ...DIRECTED_FORWARDING_MESSAGES, ...SAR_CONFIGURATION_MESSAGES, ...PRIVATE_BEACON_MESSAGES]
      .filter(({ response }) => response !== undefined)
      .map((type) => arbitraryOctets(type)),
  );
  fc.assert(
    fc.property(fc.array(kept, { maxLength: 30 }), (payloads) => {
      const target = new Target();
      for (const payload of payloads) target.tell(payload);
      const { server } = target.pair;
      const before = [server.network.bridge.entries, server.network.bridge.enabled, server.network.sarTransmitter];
      target.pair.restart();
      const { network } = target.pair.server;
      expect([network.bridge.entries, network.bridge.enabled, network.sarTransmitter]).toEqual(before);
      expect(network.bridge.entries.length).toBeLessThanOrEqual(network.bridge.tableSize);
    }),
    { numRuns: 300 },
  );
});
