import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { nextTransaction } from './pb-adv-outgoing.ts';
import type { HandRadio } from './testing/hand-radio.ts';
import { type TraceStep, vectors } from './testing/link-vectors.ts';
import { device, INVITE, LINK_ACK, LINK_OPEN, linkedDevice, linkedProvisioner } from './testing/pb-adv-bench.ts';

const { pbAdvTrace: trace } = vectors;

describe.each(['provisioner', 'device'] as const)('the complete trace of the sample data, as the %s', (role) => {
  it('gives the same packets', () => {
    const { clock, radio, end } = role === 'device' ? linkedDevice() : linkedProvisioner();
    for (const step of trace.steps.slice(2, -1)) play(step);
    expect(end.outcomes.every((outcome) => outcome === 'sent')).toBe(true);
    const close = trace.steps.at(-1)!.packets[0]!;
    if (role === 'device') {
      radio.hear(close);
      expect(end.closed).toBe('success');
    } else {
      end.link.close('success');
      expect(radio.sent).toMatchObject([{ data: close, count: 3 }]);
      expect(radio.listeners).toBe(0);
    }

    function play({ from, packets, provisioningPdu, acknowledgment }: TraceStep): void {
      if (from === role) {
        end.send(fromHex(provisioningPdu!));
        clock.advance(400);
        expect(radio.packets()).toEqual(packets);
        radio.hear(acknowledgment!.packet);
      } else {
        for (const packet of packets) radio.hear(packet);
        expect(end.received.at(-1)).toBe(provisioningPdu);
        expect(radio.packets()).toEqual([acknowledgment!.packet]);
        clock.advance(100);
      }
    }
  });
});

describe.each(['provisioner', 'device'] as const)('the retrieval of records of the sample data, as the %s', (role) => {
  it('gives the same packets', () => {
    const { linkId, steps } = vectors.recordRetrieval;
    const { clock, radio, end } = role === 'device' ? deviceOn(linkId) : linkedProvisioner(linkId);
    for (const { from, packets, provisioningPdu, acknowledgment } of steps) {
      if (packets === undefined) continue; // a note
      if (from === role) {
        end.send(fromHex(provisioningPdu));
        clock.advance(400);
        expect(radio.packets()).toEqual(packets);
        radio.hear(acknowledgment);
      } else {
        for (const packet of packets) radio.hear(packet);
        expect(end.received.at(-1)).toBe(provisioningPdu);
        expect(radio.packets()).toEqual([acknowledgment]);
        clock.advance(100);
      }
    }
    expect(end.outcomes).toEqual(['sent', 'sent']);
  });

  function deviceOn(linkId: string) {
    const made = device();
    made.radio.hear(linkId + LINK_OPEN.slice(8));
    made.radio.packets();
    return { ...made, end: made.ends[0]! };
  }
});

it('transaction numbers go round as in the vectors', () => {
  for (const numbers of [vectors.transactionNumbers.provisioner, vectors.transactionNumbers.device]) {
    const [first, second, , last, again] = numbers.map((text) => Number.parseInt(text, 16));
    expect(nextTransaction(first!)).toBe(second);
    expect(nextTransaction(last!)).toBe(again);
  }
});

describe('wrong packets of the vectors', () => {
  const cases: Record<string, () => void> = {
    'pbadv-bad-fcs': ignoredByLink,
    'pbadv-other-link': ignoredByLink,
    'pbadv-segn-wrong': ignoredByLink,
    'pbadv-length-0': ignoredByLink,
    'pbadv-old-transaction': ignoredByLink,
    'pbadv-short': ignoredByLink,
    'pbadv-bearer-opcode': ignoredByLink,
    'pbadv-ack-padding': () => {
      ignoredByLink();
      const { clock, radio, end } = linkedDevice();
      end.send(fromHex('08'));
      clock.advance(100);
      hear(radio);
      expect(end.outcomes).toEqual([]);
    },
    'pbadv-repeat-after-ack': () => {
      const { clock, radio, end } = linkedDevice();
      for (const packet of packets()) {
        radio.hear(packet);
        expect(radio.packets()).toEqual(['23af58500001']);
        clock.advance(100);
      }
      expect(end.received).toEqual(['0000']);
    },
    'pbadv-continuation-first': () => {
      const { clock, radio, end } = linkedDevice();
      for (const packet of [INVITE, '23af58500100000664020000000000']) {
        radio.hear(packet);
        clock.advance(100);
      }
      radio.packets();
      hear(radio);
      expect(end.received.at(-1)).toBe(trace.steps[5]!.provisioningPdu);
      expect(radio.packets()).toEqual(['23af58500201']);
    },
    'pbadv-link-open-other-uuid': () => {
      const { radio, ends } = device();
      hear(radio);
      expect([radio.packets(), ends]).toEqual([[], []]);
    },
    'pbadv-link-open-repeated': () => {
      const { clock, radio, ends } = device();
      for (const packet of packets()) {
        radio.hear(packet);
        expect(radio.packets()).toEqual([LINK_ACK]);
        clock.advance(100);
      }
      radio.hear(INVITE);
      clock.advance(100);
      radio.packets();
      hear(radio);
      expect([radio.packets(), ends.length]).toEqual([[], 1]);
    },
    'pbadv-link-open-second-link': () => {
      const { clock, radio, ends } = device();
      const [first, second] = packets();
      radio.hear(first!);
      clock.advance(100);
      radio.packets();
      radio.hear(second!);
      expect([radio.packets(), ends.length]).toEqual([[], 1]);
    },
    'pbadv-close-reason': () => {
      const { radio, end } = linkedDevice();
      hear(radio);
      expect([end.closed, radio.packets()]).toEqual(['fail', []]);
    },
  };
  let current: readonly string[] = [];
  const packets = () => current;
  const hear = (radio: HandRadio) => {
    for (const packet of current) radio.hear(packet);
  };

  function ignoredByLink(): void {
    const { clock, radio, end } = linkedDevice();
    hear(radio);
    clock.advance(1000);
    expect([radio.packets(), end.received, end.closed]).toEqual([[], [], undefined]);
    radio.hear(INVITE); // the link is none the worse for it
    expect(end.received).toEqual(['0000']);
  }

  it.each(vectors.pbAdvNegative)('$id: $expect', ({ id, packets }) => {
    current = packets;
    cases[id]!();
  });

  it('are all known here', () => {
    expect(vectors.pbAdvNegative.map(({ id }) => id).sort()).toEqual(Object.keys(cases).sort());
  });
});
