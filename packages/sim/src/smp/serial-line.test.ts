import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import type { SmpTransport } from '@meshferry/smp';
import { describe, expect, test } from 'vitest';
import { SerialLine, type SerialLineOptions } from './serial-line.ts';

const PACKET = Uint8Array.of(2, 0, 0, 0, 0, 0, 1, 0);

function line(options: Partial<SerialLineOptions> = {}): { clock: VirtualClock; line: SerialLine } {
  const clock = new VirtualClock();
  const all = { baud: 115_200, loss: 0, twice: 0, delay: 0, ...options };
  return { clock, line: new SerialLine('line', clock, new SeededRandom('line'), all) };
}

function opened(clock: VirtualClock, { route }: SerialLine): SmpTransport | MeshError {
  let got: SmpTransport | MeshError | undefined;
  route.open((outcome) => {
    got = outcome;
  });
  clock.advance(10);
  if (got === undefined) throw new Error('nothing came of it');
  return got;
}

function port(clock: VirtualClock, of: SerialLine): SmpTransport {
  const got = opened(clock, of);
  if (got instanceof MeshError) throw got;
  return got;
}

/** When packets came, ms, and when the end did. */
function heard(clock: VirtualClock, end: SmpTransport): string[] {
  const all: string[] = [];
  end.listen({
    received: (packet) => all.push(`${clock.now.toFixed(1)} ${packet.length}`),
    ended: ({ code }) => all.push(code),
  });
  return all;
}

describe('a serial line', () => {
  test('carries what its rate allows, one packet after the other', () => {
    const { clock, line: made } = line();
    const near = port(clock, made);
    const got = heard(clock, made.attach());
    near.send(new Uint8Array(1000), () => {});
    near.send(PACKET, () => {});
    clock.advance(1000);
    // 1004 octets are 1340 characters in 11 lines; then 12 octets, 16 characters, 1 line.
    expect(got).toEqual([`${(10 + 13_730 / 115.2).toFixed(1)} 1000`, `${(10 + 13_920 / 115.2).toFixed(1)} 8`]);
  });

  test('knows nothing of the device: what comes while nobody is there is lost, and another one goes on', () => {
    const { clock, line: made } = line();
    const near = port(clock, made);
    const ends = heard(clock, near);
    let accepted = 0;
    const send = (): void => {
      near.send(PACKET, (error) => (accepted += error === undefined ? 1 : 0));
      clock.advance(100);
    };
    send();
    const before = made.attach();
    const first = heard(clock, before);
    send();
    before.close();
    send();
    const second = heard(clock, made.attach());
    send();
    expect([accepted, ends, first.filter((entry) => entry !== 'link-lost').length, second.length]).toEqual([
      4,
      [],
      1,
      1,
    ]);
  });

  test('is opened by one at a time, and ends when it is unplugged', () => {
    const { clock, line: made } = line();
    const near = port(clock, made);
    expect(opened(clock, made)).toMatchObject({ code: 'connect-failed' });
    const got = heard(clock, near);
    const errors: (string | undefined)[] = [];
    near.send(PACKET, (error) => errors.push(error?.code));
    made.unplug();
    near.send(PACKET, (error) => errors.push(error?.code));
    clock.advance(1000);
    expect([got, errors]).toEqual([['link-lost'], ['link-lost', 'link-lost']]);
    const cancel = made.route.open(() => errors.push('opened'));
    cancel();
    clock.advance(1000);
    expect(errors).toHaveLength(2);
    expect(opened(clock, made)).not.toBeInstanceOf(MeshError);
  });

  test.each<[Partial<SerialLineOptions>, number]>([
    [{ loss: 1 }, 0],
    [{ twice: 1 }, 2],
    [{ delay: 500 }, 1],
  ])('spoils what the device sends: %j', (spoils, times) => {
    const { clock, line: made } = line(spoils);
    const got = heard(clock, port(clock, made));
    made.attach().send(PACKET, () => {});
    clock.advance(1000);
    expect(got).toHaveLength(times);
    if (spoils.delay !== undefined) expect(Number.parseFloat(got[0]!)).toBeGreaterThan(15);
  });
});
