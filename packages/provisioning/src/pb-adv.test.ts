import { fromHex, MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { pbAdv } from './pb-adv.ts';
import { HandRadio } from './testing/hand-radio.ts';
import { vectors } from './testing/link-vectors.ts';
import { INVITE, LINK_ACK, LINK_OPEN, linkedDevice, linkedProvisioner, provisioner } from './testing/pb-adv-bench.ts';

const { pbAdvTrace: trace } = vectors;

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
