import { type MeshError, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageStateRead, ImageStateWrite } from '../messages/image.ts';
import { Echo, McumgrParameters, OsInfo, Reset } from '../messages/os.ts';
import { decodeHeader, type SmpHeader } from '../packet.ts';
import { SmpClient } from './client.ts';
import type { SmpClientOptions, SmpKnowledge, SmpTraceEvent } from './client-types.ts';
import { isRefusal, type SmpRefusedError, wantsReconnect } from './errors.ts';
import { PacketLink, type PacketLinkOptions, settled } from './testing/packet-link.ts';
import { refusal } from './testing/test-device.ts';

type Answer = (packet: Uint8Array) => void;

/** A client whose device is a function of the request's header. */
function bench(
  device: (header: SmpHeader, answer: Answer, packet: Uint8Array) => void,
  options: SmpClientOptions = {},
  link: PacketLinkOptions = {},
) {
  const clock = new VirtualClock();
  const transport = new PacketLink(clock, (packet, answer) => device(decodeHeader(packet)!, answer, packet), link);
  const trace: SmpTraceEvent[] = [];
  const client = new SmpClient(transport, clock, { trace: (event) => trace.push(event), ...options });
  const run = <T>(promise: Promise<T>): Promise<T> => settled(clock, promise);
  const failure = (promise: Promise<unknown>): Promise<MeshError> =>
    run(
      promise.then(
        () => Promise.reject(new Error('it should have failed')),
        (error: MeshError) => error,
      ),
    );
  return { clock, transport, client, trace, run, failure };
}

const echoes = (header: SmpHeader, answer: Answer) => answer(Echo.encodeResponse({ r: 'yes' }, header));
const silence = () => {};

function sequences({ sent }: PacketLink): number[] {
  return sent.map((packet) => packet[6]!);
}

describe('requests and answers', () => {
  it('are matched by sequence number, whatever the order of the answers', async () => {
    const held: (() => void)[] = [];
    const { client, run, clock } = bench((header, answer) =>
      held.push(() => answer(Echo.encodeResponse({ r: String(header.sequence) }, header))),
    );
    const answers = Promise.all([0, 1, 2].map((i) => client.os.echo(`${i}`)));
    clock.advance(20);
    for (const answer of held.reverse()) answer();
    expect(await run(answers)).toEqual(['0', '1', '2']);
  });

  it('of another group, command, kind or number are dropped and counted', async () => {
    const { client, run, trace } = bench((header, answer) => {
      answer(Echo.encodeResponse({ r: 'group' }, header).with(5, 9));
      answer(Echo.encodeResponse({ r: 'command' }, header).with(7, 9));
      answer(Echo.encodeResponse({ r: 'read' }, header).with(0, 0x09));
      answer(Echo.encodeResponse({ r: 'request' }, header).with(0, 0x0a));
      answer(Echo.encodeResponse({ r: 'number' }, header).with(6, 99));
      echoes(header, answer);
    });
    expect(await run(client.os.echo('x'))).toBe('yes');
    expect(client.dropped).toEqual({ stale: 0, foreign: 5, malformed: 0 });
    expect(trace.map(({ kind }) => kind)).toEqual(['sent', ...Array<string>(5).fill('dropped'), 'received']);
  });

  it('several in one message are all taken', async () => {
    const answers: Uint8Array[] = [];
    const { client, run, transport, clock } = bench((header) => {
      answers.push(Echo.encodeResponse({ r: String(header.sequence) }, header));
    });
    const both = Promise.all([client.os.echo('a'), client.os.echo('b')]);
    clock.advance(10);
    const merged = new Uint8Array(answers[0]!.length + answers[1]!.length + 3);
    merged.set(answers[0]!);
    merged.set(answers[1]!, answers[0]!.length);
    transport.give(merged);
    expect(await run(both)).toEqual(['0', '1']);
    expect(client.dropped).toEqual({ stale: 0, foreign: 0, malformed: 0 });
  });

  it('take one packet after the other to the transport', async () => {
    const { client, transport, clock } = bench(silence);
    for (let i = 0; i < 3; i++) client.os.echo('x').catch(() => {});
    clock.step();
    expect(transport.sent.length).toBe(1);
    clock.advance(1);
    expect(transport.sent.length).toBe(3);
  });

  it('have at most 128 at a time waiting', async () => {
    const { client, failure } = bench(silence);
    for (let i = 0; i < 128; i++) client.os.echo('x').catch(() => {});
    expect((await failure(client.os.echo('x'))).code).toBe('smp-too-many-requests');
  });

  it('that cannot be encoded are not sent', async () => {
    const { client, failure, transport } = bench(silence);
    const error = await failure(client.request(ImageStateWrite, { hash: new Uint8Array(65) }));
    expect(error.code).toBe('bad-field');
    expect(transport.sent).toEqual([]);
  });

  it('too long for the transport fail with its error', async () => {
    const { client, failure } = bench(silence, {}, { limit: 20 });
    expect((await failure(client.os.echo('0123456789'))).code).toBe('packet-too-long');
  });

  it('that are refused name the group, the code and a remedy', async () => {
    const { client, failure } = bench((header, answer) => answer(refusal(header, 27, 1)));
    const error = (await failure(client.image.list())) as SmpRefusedError;
    expect(error.code).toBe('smp-refused');
    expect(error.refusal).toMatchObject({ layer: 'group', group: 1, code: 27 });
    expect(error.message).toContain('image list refused');
    expect(error.hint).toBe(error.refusal.remedy);
    expect(isRefusal(error, 1, 27)).toBe(true);
    expect(isRefusal(error, 'smp', 27)).toBe(false);
    expect(isRefusal(error, 2, 27)).toBe(false);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'smp-refused', refusal: { code: 27, group: 1 } });
    expect(wantsReconnect(error)).toBe(false);
  });
});

describe('sequence numbers', () => {
  it('go up by one from where they were told to begin, 255 to 0', async () => {
    const { client, run, transport } = bench(echoes, { firstSequence: 254 });
    for (let i = 0; i < 4; i++) await run(client.os.echo('x'));
    expect(sequences(transport)).toEqual([254, 255, 0, 1]);
  });

  it('leave out what waits and what was given up lately', async () => {
    const { client, run, failure, transport, clock } = bench((header, answer) => {
      if (header.sequence !== 1 && header.sequence !== 2) echoes(header, answer);
    });
    await run(client.os.echo('x'));
    const waiting = failure(client.os.echo('waits', { timeoutMs: 500_000 }));
    clock.advance(1);
    await failure(client.os.echo('given up', { timeoutMs: 100 }));
    for (let i = 0; i < 256; i++) await run(client.os.echo('x'));
    expect(sequences(transport).filter((sequence) => sequence === 1 || sequence === 2)).toEqual([1, 2]);
    client.close();
    await waiting;
  });

  it('of a request that never left may be used at once', async () => {
    const { client, run, transport } = bench(echoes);
    const ended = new AbortController();
    const first = client.os.echo('first');
    const second = client.os.echo('second', { signal: ended.signal });
    ended.abort();
    await expect(run(second)).rejects.toMatchObject({ code: 'cancelled' });
    await run(first);
    expect(transport.sent.length).toBe(1);
  });
});

describe('without an answer', () => {
  it('a write fails after its time and is not repeated', async () => {
    const { client, failure, transport, clock } = bench(silence);
    const error = await failure(client.request(Reset, {}, { timeoutMs: 3000 }));
    expect(error.code).toBe('smp-timeout');
    expect(error.message).toContain('reset');
    expect(clock.now).toBe(3000);
    expect(transport.sent.length).toBe(1);
  });

  it('a read is repeated with new numbers, sooner where packets get lost, 40 s at most', async () => {
    for (const [lossy, times] of [
      [true, [0, 1500, 4500, 10_500, 22_500]],
      [false, [0, 10_000, 30_000]],
    ] as const) {
      const { client, failure, trace, transport, clock } = bench(silence, { knowledge: { protocol: 2 } }, { lossy });
      expect((await failure(client.image.list())).code).toBe('smp-timeout');
      expect(trace.map(({ at }) => at)).toEqual(times);
      expect(sequences(transport)).toEqual(times.map((_, i) => i));
      expect(clock.now).toBe(40_000);
    }
  });

  it('to its first attempt one to a later attempt will do, and the other way round', async () => {
    const { client, run, transport } = bench(
      (header, answer) => {
        if (header.sequence === 1) answer(McumgrParameters.encodeResponse({ bufSize: 1, bufCount: 1 }, header));
      },
      {},
      { lossy: true },
    );
    expect(await run(client.request(McumgrParameters, {}))).toEqual({ bufSize: 1, bufCount: 1 });
    expect(transport.sent.length).toBe(2);
    const late = bench(
      (header, answer) => {
        if (header.sequence === 0) late.clock.after(3000, () => echoes(header, answer));
      },
      {},
      { lossy: true },
    );
    expect(await late.run(late.client.os.echo('x', { repeat: true }))).toBe('yes');
  });

  it('a late one is dropped as stale', async () => {
    const { client, run, failure, clock } = bench((header, answer) => {
      clock.after(header.sequence === 0 ? 5000 : 0, () => echoes(header, answer));
    });
    await failure(client.os.echo('x', { timeoutMs: 1000 }));
    await run(client.os.echo('y', { timeoutMs: 10_000 }));
    clock.advance(10_000);
    expect(client.dropped).toEqual({ stale: 1, foreign: 0, malformed: 0 });
  });

  it('a transport that does not even send ends', async () => {
    const { client, failure, transport, clock } = bench(silence);
    transport.send = () => {};
    const both = Promise.all([failure(client.os.echo('x')), failure(client.os.echo('y'))]);
    expect((await both).map(({ code }) => code)).toEqual(['link-lost', 'link-lost']);
    expect(clock.now).toBe(30_000);
    expect(client.ended?.code).toBe('link-lost');
  });
});

describe('what cannot be read', () => {
  const garbled = (header: SmpHeader) => Echo.encodeResponse({ r: 'yes' }, header).with(8, 0x1f);

  it('fails a write', async () => {
    const { client, failure } = bench((header, answer) => answer(garbled(header)));
    const error = await failure(client.os.echo('x'));
    expect(error.code).toBe('smp-malformed-answer');
    expect(client.dropped.malformed).toBe(1);
  });

  it('has a read repeated, three times in all', async () => {
    const once = bench((header, answer) => {
      const right = OsInfo.encodeResponse({ output: 'Zephyr' }, header);
      answer(header.sequence === 0 ? right.subarray(0, right.length - 1) : right);
    });
    expect(await once.run(once.client.os.info())).toBe('Zephyr');
    const always = bench((header, answer) => answer(refusal(header, 1).with(8, 0xff)));
    expect((await always.failure(always.client.os.info())).code).toBe('smp-malformed-answer');
    expect(always.transport.sent.length).toBe(3);
  });

  it('never throws, and every request settles', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (octets, keepsHeader) => {
        const { client, run, transport } = bench((header, answer) => {
          const right = Echo.encodeResponse({ r: 'yes' }, header);
          if (!keepsHeader) return transport.give(octets);
          const hostile = new Uint8Array(8 + octets.length);
          hostile.set(right.subarray(0, 8));
          hostile.set(octets, 8);
          hostile[2] = 0;
          hostile[3] = octets.length;
          answer(hostile);
        });
        const outcome = await run(client.os.echo('x', { timeoutMs: 1000 }).catch((error: MeshError) => error.code));
        expect(['smp-timeout', 'smp-malformed-answer', 'smp-refused', outcome]).toContain(outcome);
      }),
      { numRuns: 3000 },
    ));
});

describe('the version of the protocol', () => {
  const versions = ({ sent }: PacketLink) => sent.map((packet) => (packet[0]! >> 3) & 3);

  it('is 2 at first', async () => {
    const knowledge: SmpKnowledge = {};
    const { client, run, transport } = bench(echoes, { knowledge });
    await run(client.os.echo('x'));
    expect(versions(transport)).toEqual([1]);
    expect(knowledge.protocol).toBe(2);
  });

  it.each([8, 12, 13])('is 1 where the first request in 2 is refused with rc %i and in 1 is not', async (code) => {
    const knowledge: SmpKnowledge = {};
    const { client, run, transport } = bench(
      (header, answer) => (header.version === 0 ? echoes(header, answer) : answer(refusal(header, code))),
      { knowledge },
    );
    expect(await run(client.os.echo('x'))).toBe('yes');
    expect(await run(client.os.echo('y'))).toBe('yes');
    expect(versions(transport)).toEqual([1, 0, 0]);
    expect(knowledge.protocol).toBe(1);
  });

  it('stays 2 where 1 does no better: a command is not there', async () => {
    const { client, run, failure, transport } = bench((header, answer) => {
      if (header.command === 0) echoes(header, answer);
      else answer(refusal(header, 8));
    });
    expect(isRefusal(await failure(client.os.info()), 'smp', 8)).toBe(true);
    await run(client.os.echo('x'));
    await failure(client.os.info());
    expect(versions(transport)).toEqual([1, 0, 1, 1]);
  });

  it('is 2 again where a device known to speak 1 calls that too old', async () => {
    const knowledge: SmpKnowledge = { protocol: 1 };
    const { client, run } = bench(
      (header, answer) => (header.version === 1 ? echoes(header, answer) : answer(refusal(header, 12))),
      { knowledge },
    );
    expect(await run(client.os.echo('x'))).toBe('yes');
    expect(knowledge.protocol).toBe(2);
  });

  it('is tried as 1 where a device says nothing to 2', async () => {
    const knowledge: SmpKnowledge = {};
    const { client, run } = bench(
      (header, answer) => {
        if (header.version === 0) answer(McumgrParameters.encodeResponse({ bufSize: 400, bufCount: 2 }, header));
      },
      { knowledge },
    );
    expect(await run(client.os.parameters())).toEqual({ bufSize: 400, bufCount: 2 });
    expect(knowledge.protocol).toBe(1);
  });

  it('may be lower in the answer, whose error is of the old form then', async () => {
    const { client, failure, transport } = bench((header, answer) => {
      answer(refusal({ ...header, version: 0 }, 6));
    });
    expect(isRefusal(await failure(client.image.list()), 'smp', 6)).toBe(true);
    await failure(client.image.list());
    expect(versions(transport)).toEqual([1, 1]);
  });
});

describe('the end of the transport', () => {
  it('fails everything that waits or is asked later, once, and is told', async () => {
    const { client, failure, transport, clock } = bench(silence);
    const reasons: string[] = [];
    client.whenEnded(({ code }) => reasons.push(code));
    const waiting = Promise.all([failure(client.os.echo('x')), failure(client.image.list())]);
    clock.advance(3);
    transport.cut();
    const errors = [...(await waiting), await failure(client.os.echo('later'))];
    expect(errors.map(({ code }) => code)).toEqual(['link-lost', 'link-lost', 'link-lost']);
    expect(wantsReconnect(errors[0])).toBe(true);
    client.close();
    expect(reasons).toEqual(['link-lost']);
  });

  it('by close fails what waits with smp-closed', async () => {
    const { client, failure, clock } = bench(silence);
    const waiting = failure(client.os.echo('x'));
    clock.advance(1);
    client.close();
    expect((await waiting).code).toBe('smp-closed');
  });

  it('may be asked for in the middle of an answer', async () => {
    const { client, run } = bench(echoes);
    const first = client.os.echo('x').then(() => client.close());
    const second = client.os.echo('y').catch(({ code }: MeshError) => code);
    expect(await run(Promise.all([first, second]))).toEqual([undefined, 'smp-closed']);
    expect(client.ended?.code).toBe('smp-closed');
  });
});

describe('cancelling', () => {
  it('ends a request at once, and its answer is stale', async () => {
    const { client, failure, clock } = bench(echoes);
    const ended = new AbortController();
    const request = failure(client.os.echo('x', { signal: ended.signal }));
    clock.advance(7);
    ended.abort();
    expect((await request).code).toBe('cancelled');
    clock.advance(100);
    expect(client.dropped.stale).toBe(1);
    expect((await failure(client.os.echo('x', { signal: ended.signal }))).code).toBe('cancelled');
  });
});

describe('whatever happens to the packets', () => {
  it('every request settles, and right answers are right', () =>
    fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = new SeededRandom(seed);
        const fate = (packet: Uint8Array) => {
          const dice = random.uniform();
          if (dice < 0.2) return [];
          const afterMs = random.uniform() * 4000;
          const flipped = packet.slice();
          if (dice < 0.3)
            flipped[Math.floor(random.uniform() * flipped.length)]! ^= 1 << Math.floor(random.uniform() * 8);
          const arrival = { afterMs, packet: flipped };
          return dice < 0.5 ? [arrival, { afterMs: afterMs + 3000, packet: flipped }] : [arrival];
        };
        const { client, run } = bench(
          (header, answer, packet) => {
            const request = Echo.decodeRequest(packet.subarray(8));
            answer(request.ok ? Echo.encodeResponse({ r: request.value.d ?? '' }, header) : refusal(header, 3));
          },
          {},
          { toDevice: fate, toClient: fate, lossy: random.uniform() < 0.5 },
        );
        const texts = ['one', 'two', 'three', 'four', 'five'];
        const outcomes = await run(
          Promise.allSettled(texts.map((text) => client.os.echo(text, { repeat: 2000, timeoutMs: 10_000 }))),
        );
        expect(outcomes.length).toBe(5);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toHaveProperty('code');
        }
      }),
      { numRuns: 500 },
    ));
});

it('reads are told from writes by their command', () => {
  expect(toHex(ImageStateRead.encodeRequest({}, { version: 1, sequence: 1 }))).toBe('0800000100010100a0');
});
