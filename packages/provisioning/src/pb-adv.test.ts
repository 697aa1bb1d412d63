import { type Advertising, memoryAir, withFaults } from '@meshferry/bearer';
import { fromHex, MeshError, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import type { ProvisioningLink } from './link.ts';
import { pbAdv } from './pb-adv.ts';
import { pbAdvAcceptor } from './pb-adv-acceptor.ts';
import { nextTransaction } from './pb-adv-outgoing.ts';
import { HandRadio } from './testing/hand-radio.ts';
import { LinkEnd } from './testing/link-end.ts';
import { type TraceStep, vectors } from './testing/link-vectors.ts';

const { pbAdvTrace: trace } = vectors;
const UUID = fromHex(trace.deviceUuid);
const LINK_OPEN = trace.steps[0]!.packets[0]!;
const LINK_ACK = trace.steps[1]!.packets[0]!;
const INVITE = '23af585000000002140000';

/** The device of the vectors; the test plays the Provisioner. */
function device() {
  const clock = new VirtualClock();
  const radio = new HandRadio(clock);
  const ends: LinkEnd[] = [];
  const ground = { clock, random: new SeededRandom('device'), crypto: portableCrypto };
  const stop = pbAdvAcceptor(ground, radio).accept({ uuid: UUID, oobInformation: 0 }, (link) => {
    ends.push(new LinkEnd(link));
  });
  return { clock, radio, ends, stop };
}

/** The same with its link open. */
function linkedDevice() {
  const end = device();
  end.radio.hear(LINK_OPEN);
  expect(end.radio.packets()).toEqual([LINK_ACK]);
  return { ...end, end: end.ends[0]! };
}

/** A Provisioner whose Link ID is that of the vectors; the test plays the device. */
function provisioner(linkId: string = trace.linkId) {
  const clock = new VirtualClock();
  const radio = new HandRadio(clock);
  const seeded = new SeededRandom('provisioner');
  const random = { bytes: () => fromHex(linkId), uniform: () => seeded.uniform() };
  const outcomes: (ProvisioningLink | MeshError)[] = [];
  const cancel = pbAdv({ clock, random }, radio).open(UUID, (outcome) => outcomes.push(outcome));
  return { clock, radio, outcomes, cancel };
}

function linkedProvisioner(linkId?: string) {
  const opening = provisioner(linkId);
  opening.radio.hear(`${linkId ?? trace.linkId}0007`);
  opening.radio.packets();
  return { ...opening, end: new LinkEnd(opening.outcomes[0] as ProvisioningLink) };
}

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

describe('opening a link', () => {
  it('repeats Link Open in bursts more than a second apart, and gives up after 60 s', () => {
    const { clock, radio, outcomes } = provisioner();
    clock.advance(59_900);
    const opens = radio.sent.filter(({ data }) => data === LINK_OPEN);
    expect(opens.length).toBeGreaterThan(30);
    for (let i = 1; i < opens.length; i++) expect(opens[i]!.at - opens[i - 1]!.at).toBeGreaterThan(1400);
    expect(outcomes).toEqual([]);
    radio.packets();
    clock.advance(200);
    expect(outcomes).toMatchObject([{ code: 'link-open-failed' }]);
    expect((outcomes[0] as MeshError).message).toContain(trace.deviceUuid);
    expect(radio.packets()).toEqual(['23af5850000b01']); // in case that the device has taken it
    radio.hear(LINK_ACK);
    clock.advance(5000);
    expect([outcomes.length, radio.packets(), radio.listeners]).toEqual([1, [], 0]);
  });

  it('can be cancelled: the device is told, and nothing is called any more', () => {
    const { clock, radio, outcomes, cancel } = provisioner();
    radio.packets();
    cancel();
    cancel();
    radio.hear(LINK_ACK);
    clock.advance(70_000);
    expect([outcomes, radio.packets()]).toEqual([[], ['23af5850000b02']]);
  });

  it('is refused by a Link Close', () => {
    const { clock, radio, outcomes } = provisioner();
    radio.hear('23af5850000b02');
    clock.advance(70_000);
    expect(outcomes).toMatchObject([{ code: 'link-open-failed' }]);
  });

  it('fails with the bearer', () => {
    const { clock, radio, outcomes } = provisioner();
    expect(outcomes).toEqual([]);
    radio.broken = true;
    clock.advance(70_000);
    expect(outcomes).toMatchObject([{ code: 'link-open-failed', cause: { code: 'bearer-closed' } }]);
  });

  it('takes no UUID of another length', () => {
    const clock = new VirtualClock();
    const bearer = pbAdv({ clock, random: new SeededRandom(1) }, new HandRadio(clock));
    expect(() => bearer.open(new Uint8Array(15), () => {})).toThrow(MeshError);
  });

  it('cancelled after it is open leaves the link as it is', () => {
    const { radio, end, cancel } = linkedProvisioner();
    cancel();
    expect([radio.packets(), end.closed]).toEqual([[], undefined]);
    radio.hear('23af58508000000cd6010100010000000000000000');
    expect(end.received).toHaveLength(1);
  });

  it('hears a Link ACK that comes again without doing anything', () => {
    const { radio, end } = linkedProvisioner();
    radio.hear(LINK_ACK);
    radio.hear(LINK_OPEN);
    expect([radio.packets(), end.received, end.closed]).toEqual([[], [], undefined]);
  });
});

describe('a transaction', () => {
  it('is repeated until it is acknowledged, each segment 20 to 50 ms after the one before, and whole each time', () => {
    const { clock, radio, end } = linkedProvisioner();
    const pdu = fromHex(trace.steps[5]!.provisioningPdu!);
    end.send(pdu);
    clock.advance(5000);
    const rounds = radio.sent.length / 3;
    expect(rounds).toBeGreaterThan(6);
    for (let i = 0; i < radio.sent.length; i++) {
      expect(radio.sent[i]!.data.slice(10)).toBe(trace.steps[5]!.packets[i % 3]!.slice(10));
      if (i === 0) continue;
      const gap = radio.sent[i]!.at - radio.sent[i - 1]!.at - 20; // which the radio takes
      const [least, most] = i % 3 === 0 ? [500, 500] : [20, 50];
      expect(gap).toBeGreaterThanOrEqual(least);
      expect(gap).toBeLessThanOrEqual(most + 1e-6);
    }
    radio.packets();
    radio.hear('23af58500101'); // of another transaction
    expect(end.outcomes).toEqual([]);
    radio.hear('23af58500001');
    clock.advance(5000);
    expect([end.outcomes, radio.packets()]).toEqual([['sent'], []]);
  });

  it('that nobody acknowledges for 30 s closes the link with Timeout', () => {
    const { clock, radio, end } = linkedDevice();
    end.send(fromHex('08'), fromHex('0901'));
    clock.advance(29_900);
    expect(end.closed).toBeUndefined();
    radio.packets();
    clock.advance(200);
    expect([end.closed, end.outcomes]).toEqual(['timeout', ['link-closed', 'link-closed']]);
    expect(radio.packets()).toEqual(['23af5850000b01']);
  });

  it('is taken for acknowledged by the answer', () => {
    const { clock, radio, end } = linkedProvisioner();
    end.send(fromHex('0000'));
    clock.advance(100);
    radio.hear('23af58508000000cd6010100010000000000000000');
    expect(end.outcomes).toEqual(['sent']);
    radio.packets();
    clock.advance(5000);
    expect(radio.packets()).toEqual([]);
  });

  it('is not taken for acknowledged before it has left', () => {
    const { clock, radio, end } = linkedProvisioner();
    end.send(fromHex('0000'));
    radio.hear('23af58508000000cd6010100010000000000000000');
    expect(end.outcomes).toEqual([]);
    clock.advance(100);
    expect(radio.packets()).toContain(INVITE);
  });

  it('waits for the one before', () => {
    const { clock, radio, end } = linkedProvisioner();
    end.send(fromHex('0000'), fromHex('020000000000'));
    clock.advance(100);
    expect(radio.packets()).toEqual([INVITE]);
    radio.hear('23af58500001');
    clock.advance(100);
    expect(radio.packets()).toEqual(['23af58500100000664020000000000']);
  });

  it('of a length that no link takes, or on a closed link, is refused', () => {
    const { clock, end } = linkedProvisioner();
    end.send(new Uint8Array(0), new Uint8Array(1470));
    end.link.send(new Uint8Array(0));
    expect(end.outcomes).toEqual([]);
    clock.advance(1);
    expect(end.outcomes).toEqual(['bad-pdu-length', 'bad-pdu-length']);
    end.link.close('fail');
    end.send(fromHex('0000'));
    clock.advance(1);
    expect(end.outcomes.at(-1)).toBe('link-closed');
  });

  it('acknowledges all copies of one PDU with one acknowledgment at a time', () => {
    const { clock, radio, end } = linkedDevice();
    clock.advance(100);
    for (let i = 0; i < 5; i++) radio.hear(INVITE);
    expect(radio.packets()).toEqual(['23af58500001']);
    clock.advance(100);
    radio.hear(INVITE);
    expect([radio.packets(), end.received]).toEqual([['23af58500001'], ['0000']]);
  });
});

describe('a link', () => {
  it.each([
    ['device', linkedDevice],
    ['provisioner', linkedProvisioner],
  ] as const)('of the %s on which nothing comes for 60 s is closed with Timeout', (_, make) => {
    const { clock, radio, end } = make();
    clock.advance(59_900);
    expect(end.closed).toBeUndefined();
    radio.packets();
    clock.advance(200);
    expect(end.closed).toBe('timeout');
    expect(radio.packets()).toContain('23af5850000b01');
  });

  it('bears with a user who has two minutes to enter a number', () => {
    const { clock, radio, end } = linkedDevice();
    radio.hear(INVITE);
    clock.advance(130_000);
    expect(end.closed).toBeUndefined();
    clock.advance(30_000);
    expect(end.closed).toBe('timeout');
  });

  it('closed by the device lets it announce itself again; once stopped it does not', () => {
    const { clock, radio, end, ends, stop } = linkedDevice();
    clock.advance(20_000);
    expect(radio.sent).toEqual([]); // no beacon while it is open
    end.link.close('fail');
    end.link.close('success');
    expect(radio.packets()).toEqual(['23af5850000b02']);
    clock.advance(5000);
    expect(radio.sent.map(({ type }) => type)).toContain(0x2b);
    radio.hear(LINK_OPEN);
    expect(ends).toHaveLength(2);
    stop();
    radio.hear(INVITE); // an open link lives on
    expect(ends[1]!.received).toEqual(['0000']);
    radio.hear('23af5850000b00');
    expect([ends[1]!.closed, radio.listeners]).toEqual(['success', 0]);
    radio.sent.length = 0;
    clock.advance(60_000);
    expect(radio.sent).toEqual([]);
  });

  it('ends with its bearer', () => {
    const { clock, radio, end } = linkedDevice();
    clock.advance(100);
    radio.broken = true;
    end.send(fromHex('08'));
    clock.advance(100);
    expect([end.closed, end.outcomes]).toEqual(['fail', ['link-closed']]);
  });

  it('ends when an acknowledgment cannot be sent', () => {
    const { clock, radio, end } = linkedDevice();
    clock.advance(100);
    radio.broken = true;
    radio.hear(INVITE);
    clock.advance(100);
    expect(end.closed).toBe('fail');
  });
});

describe.each([0, 0.1, 0.2, 0.3])('two ends with a loss of %f, reordering and copies', (loss) => {
  it('exchange PDUs of all lengths, ten links in parallel over one bearer', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(`loss ${loss}`);
    const air = memoryAir(clock, random);
    const join = (): Advertising =>
      withFaults(air.join().advertising, clock, random, { loss, duplication: loss, reordering: loss, delayMs: 5 });
    const bearer = pbAdv({ clock, random }, join());
    const pairs = Array.from({ length: 10 }, (_, i) => {
      const uuid = Uint8Array.from({ length: 16 }, () => i);
      const pair: { near?: LinkEnd; far?: LinkEnd } = {};
      pbAdvAcceptor({ clock, random, crypto: portableCrypto }, join()).accept({ uuid, oobInformation: 0 }, (link) => {
        pair.far = new LinkEnd(link);
        pair.far.onPdu = (pdu) => pair.far!.send(pdu.slice().reverse());
      });
      bearer.open(uuid, (link) => {
        if (link instanceof MeshError) throw link;
        pair.near = new LinkEnd(link);
        pair.near.onPdu = () => sendNext(pair.near!);
        sendNext(pair.near);
      });
      return pair;
    });
    for (let i = 0; i < 600 && pairs.some(({ near }) => (near?.received.length ?? 0) < LENGTHS.length); i++) {
      clock.advance(1000);
    }
    for (const { near, far } of pairs) {
      expect(near!.received).toEqual(LENGTHS.map((length) => toHex(pduOf(length).reverse())));
      expect(far!.received).toEqual(LENGTHS.map((length) => toHex(pduOf(length))));
      near!.link.close('success');
    }
    clock.advance(200_000); // those that have lost all three copies of Link Close time out
    for (const { far } of pairs) expect(far!.closed).toMatch(/success|timeout/);
    expect(pairs.filter(({ far }) => far!.closed === 'success').length).toBeGreaterThan(loss === 0 ? 9 : 5);
  });

  const LENGTHS = [2, 12, 65, 34, 1, 200];

  function sendNext(end: LinkEnd): void {
    const length = LENGTHS[end.received.length];
    if (length !== undefined) end.send(pduOf(length));
  }

  function pduOf(length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
  }
});

it('a device that goes out of reach in the middle costs the link, and can be provisioned later', () => {
  const clock = new VirtualClock();
  const random = new SeededRandom('reach');
  let inReach = true;
  const air = memoryAir(clock, random, { hears: () => inReach });
  const far: LinkEnd[] = [];
  const near: LinkEnd[] = [];
  const bearer = pbAdv({ clock, random }, air.join().advertising);
  const acceptor = pbAdvAcceptor({ clock, random, crypto: portableCrypto }, air.join().advertising);
  acceptor.accept({ uuid: UUID, oobInformation: 0 }, (link) => far.push(new LinkEnd(link)));
  const open = () =>
    bearer.open(UUID, (link) => {
      if (link instanceof MeshError) throw link;
      near.push(new LinkEnd(link));
    });
  open();
  clock.advance(2000);
  inReach = false;
  near[0]!.send(fromHex('0000'));
  clock.advance(61_000);
  expect([near[0]!.closed, far[0]!.closed]).toEqual(['timeout', 'timeout']);
  inReach = true;
  open();
  clock.advance(2000);
  near[1]!.send(fromHex('0000'));
  clock.advance(2000);
  expect(far[1]!.received).toEqual(['0000']);
});
