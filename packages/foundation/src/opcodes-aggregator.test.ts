import {
  ConfigCompositionDataGet,
  ConfigCompositionDataStatus,
  type Context,
  Model,
  message,
  rest,
  u16,
} from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { ConfigAppKeyDelete, ConfigAppKeyStatus } from './config-key-messages.ts';
import {
  ConfigDefaultTtlGet,
  ConfigDefaultTtlSet,
  ConfigDefaultTtlStatus,
  ConfigNodeReset,
  ConfigNodeResetStatus,
} from './config-node-messages.ts';
import { OpcodesAggregatorSequence, OpcodesAggregatorStatus } from './opcodes-aggregator-messages.ts';
import { AggregatorStatus } from './status-codes.ts';
import { CLIENT, Pair, SERVER, TO } from './testing/mesh-1-1.ts';

const Say = message({
  name: 'Say',
  opcode: 0x7a,
  response: 'Said',
  source: 'test',
  fields: { octets: u16(), text: rest({ max: 300 }) },
});
const Whisper = message({ name: 'Whisper', opcode: 0x7b, source: 'test', fields: { octets: u16() } });
const Said = message({ name: 'Said', opcode: 0x7c, source: 'test', fields: { text: rest() } });
const NOTHING = new Uint8Array(0);

/** A model of AppKeys that answers as long as it is told, or whispers nothing, and notes what it was told. */
class Echo {
  readonly model = new Model({ id: 0x1000, name: 'Echo' });
  readonly contexts: Context[] = [];
  later = false;

  constructor() {
    this.model.publishes();
    this.model.handle(Say, ({ octets, text }, context) => {
      this.contexts.push(context);
      const answer = () => this.model.reply(context, Said, { text: octets === 0 ? text : new Uint8Array(octets) });
      if (this.later) this.model.clock.after(500, answer);
      else answer();
    });
    this.model.handle(Whisper, (_, context) => this.contexts.push(context));
  }
}

function setUp(more: readonly (readonly Model[])[] = []) {
  const echo = new Echo();
  const pair = new Pair({ elements: () => [[echo.model], ...more] });
  echo.model.bind(0);
  const { aggregator } = pair.clients;
  const heard: string[] = [];
  const listen = aggregator.model.listen(OpcodesAggregatorStatus, (status) =>
    heard.push(toHex(OpcodesAggregatorStatus.encode(status))),
  );
  return { pair, echo, aggregator, heard, listen };
}

/** An octet of what is to be said, which is said again. */
const say = (text: string, octets = 0) => ({
  message: Say.encode({ octets, text: new TextEncoder().encode(text) }),
  response: Said,
});
const said = (text: string) => toHex(Said.encode({ text: new TextEncoder().encode(text) }));
const UNDER_APP_KEY = { ...TO, appIndex: 0 };
const hex = (answers: readonly Uint8Array[]) => answers.map(toHex);

describe('Opcodes Aggregator models', () => {
  it('carry messages to the configuration server under the device key', async () => {
    const { pair, aggregator, heard } = setUp();
    const answers = await pair.until(
      aggregator.send(TO, SERVER, [
        { message: ConfigDefaultTtlSet.encode({ ttl: 9 }), response: ConfigDefaultTtlStatus },
        { message: ConfigDefaultTtlGet.encode({}), response: ConfigDefaultTtlStatus },
      ]),
    );
    expect(hex(answers)).toEqual(['800e09', '800e09']);
    expect(heard).toEqual(['8073000001' + '06800e09' + '06800e09']);
    expect(pair.server.network.defaultTtl).toBe(9);
  });

  it('carry messages to another element under an AppKey, with a context of their own', async () => {
    const { pair, echo, aggregator } = setUp();
    const whisper = { message: Whisper.encode({ octets: 1 }) };
    const answers = await pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, [say('a'), whisper, say('b')]));
    expect(hex(answers)).toEqual([said('a'), '', said('b')]);
    expect(echo.contexts).toHaveLength(3);
    expect(echo.contexts[0]).toMatchObject({
      src: CLIENT,
      dst: SERVER + 1,
      key: { kind: 'app', index: 0 },
      netIndex: 0,
    });
  });

  it('send as many sequences as it takes, and go on after an overflow', async () => {
    const { pair, aggregator, heard } = setUp();
    const messages = Array.from({ length: 12 }, (_, i) => say(`${i}`.padEnd(100, '.')));
    const answers = await pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, messages));
    expect(answers).toEqual(
      messages.map((_, i) => Said.encode({ text: new TextEncoder().encode(`${i}`.padEnd(100, '.')) })),
    );
    expect(heard).toHaveLength(4);
    heard.length = 0;
    // Short questions, long answers: two of three fit into a Status.
    const long = await pair.until(
      aggregator.send(UNDER_APP_KEY, SERVER + 1, [say('', 150), say('', 150), say('', 150)]),
    );
    expect(long.map(({ length }) => length)).toEqual([151, 151, 151]);
    expect(heard.map((status) => status.slice(4, 6))).toEqual(['05', '00']);
  });

  it('fill a Status to its last octet, and no further', async () => {
    const { pair, aggregator, heard } = setUp();
    const send = (octets: number) =>
      pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, [say('', octets), say('', 100)]));
    // 380 octets: 5 before the items, 2 + 1 + 270 for the first, 1 + 1 + 100 for the second.
    expect((await send(270)).map(({ length }) => length)).toEqual([271, 101]);
    expect(heard.map((status) => status.slice(4, 6))).toEqual(['00']);
    expect((await send(271)).map(({ length }) => length)).toEqual([272, 101]);
    expect(heard.map((status) => status.slice(4, 6))).toEqual(['00', '05', '00']);
  });

  it('work on an air that loses a fifth', async () => {
    const { pair, aggregator } = setUp();
    pair.loss = 0.2;
    const messages = Array.from({ length: 9 }, (_, i) => say(`${i}`.repeat(60)));
    const answers = await pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, messages));
    expect(hex(answers)).toEqual(messages.map((_, i) => said(`${i}`.repeat(60))));
  });

  it.each([
    ['no such element', AggregatorStatus.invalidAddress, SERVER + 9, say('x').message],
    ['no such element before', AggregatorStatus.invalidAddress, SERVER - 1, say('x').message],
    ['a message that no model takes', AggregatorStatus.wrongOpcode, SERVER + 1, Said.encode({ text: NOTHING })],
    ['a message that is none', AggregatorStatus.wrongOpcode, SERVER + 1, Uint8Array.of(0x7f)],
    [
      'another sequence',
      AggregatorStatus.wrongOpcode,
      SERVER,
      OpcodesAggregatorSequence.encode({ elementAddress: SERVER, items: [Uint8Array.of(1)] }),
    ],
    ['the answer of another sequence', AggregatorStatus.wrongOpcode, SERVER, fromHex('8073000001')],
    ['a message of another key', AggregatorStatus.wrongAccessKey, SERVER, ConfigDefaultTtlGet.encode({})],
    ['a message of a wrong length', AggregatorStatus.messageNotUnderstood, SERVER + 1, Uint8Array.of(0x7b)],
  ])('stop at %s, with the answers before it', async (_, status, element, bad) => {
    const { pair, aggregator } = setUp();
    const messages = element === SERVER + 1 ? [say('a'), { message: bad }, say('b')] : [{ message: bad }, say('b')];
    const answers = element === SERVER + 1 ? [Said.encode({ text: Uint8Array.of(0x61) })] : [];
    const outcome = pair.until(aggregator.send(UNDER_APP_KEY, element, messages));
    await expect(outcome).rejects.toMatchObject({ code: 'aggregator-status', status, answers });
  });

  it('do not take an AppKey that the model is not bound to, nor the device key for its models', async () => {
    const { pair, echo, aggregator } = setUp();
    echo.model.unbind(0);
    const unbound = pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, [say('a')]));
    await expect(unbound).rejects.toMatchObject({ status: AggregatorStatus.wrongAccessKey });
    echo.model.bind(0);
    const device = pair.until(aggregator.send(TO, SERVER + 1, [say('a')]));
    await expect(device).rejects.toMatchObject({ status: AggregatorStatus.wrongAccessKey });
    expect(echo.contexts).toEqual([]);
  });

  it('say that an answer alone is too long for a Status', async () => {
    const tooLong = new Model({ id: 0x1001, name: 'Too long' });
    tooLong.handle(Whisper, (_, context) => void tooLong.reply(context, Said, { text: new Uint8Array(375) }));
    const { pair, aggregator } = setUp([[tooLong]]);
    tooLong.bind(0);
    const outcome = pair.until(
      aggregator.send(UNDER_APP_KEY, SERVER + 2, [{ message: Whisper.encode({ octets: 0 }) }]),
    );
    await expect(outcome).rejects.toMatchObject({ status: AggregatorStatus.responseOverflow });
  });

  it('let a model that answers later do so by itself', async () => {
    const { pair, echo, aggregator } = setUp();
    echo.later = true;
    const sent: number[] = [];
    const { network } = pair.server;
    const send = network.send.bind(network);
    network.send = (outgoing, done) => {
      sent.push(outgoing.payload[0]!);
      return send(outgoing, done);
    };
    expect(await pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, [say('a')]))).toEqual([NOTHING]);
    pair.clock.advance(2000);
    expect(sent.at(-1)).toBe(Said.opcode);
  });

  it('send what models publish because of it after the Status', async () => {
    const { pair, echo, aggregator } = setUp();
    echo.model.listen(Whisper, ({ octets }) => void echo.model.publish(Whisper, { octets }));
    echo.model.setPublication({ to: 0xc001, appIndex: 0 });
    const sent: string[] = [];
    const { network } = pair.server;
    const send = network.send.bind(network);
    network.send = (outgoing, done) => {
      sent.push(toHex(outgoing.payload.subarray(0, 2)));
      return send(outgoing, done);
    };
    const whispers = [1, 2].map((octets) => ({ message: Whisper.encode({ octets }) }));
    await pair.until(aggregator.send(UNDER_APP_KEY, SERVER + 1, whispers));
    pair.clock.advance(1000);
    expect(sent).toEqual(['8073', '7b01', '7b02']);
  });

  it('reset the node only when the Status has left', async () => {
    const { pair, aggregator } = setUp();
    const resets: number[] = [];
    aggregator.model.listen(OpcodesAggregatorStatus, () => resets.push(pair.server.resets));
    const reset = { message: ConfigNodeReset.encode({}), response: ConfigNodeResetStatus };
    await pair.until(aggregator.send(TO, SERVER, [reset]));
    pair.clock.advance(1000);
    expect(resets).toEqual([0]);
    expect(pair.server.resets).toBe(1);
  });

  it('take every key a node has been told to delete in order, without rolling back', async () => {
    const { pair, aggregator } = setUp();
    const remove = (appKeyIndex: number) => ({
      message: ConfigAppKeyDelete.encode({ netKeyIndex: 0, appKeyIndex }),
      response: ConfigAppKeyStatus,
    });
    const outcome = pair.until(aggregator.send(TO, SERVER, [remove(0), { message: Uint8Array.of(0x80, 0x0c, 0) }]));
    await expect(outcome).rejects.toMatchObject({ status: AggregatorStatus.messageNotUnderstood });
    expect(pair.server.network.keys.appIndexes(0)).toEqual([]);
  });

  it('have no room for a page that fills a message by itself', async () => {
    const { pair, aggregator } = setUp(
      Array.from({ length: 60 }, (_, i) => [new Model({ id: 0x1100 + i, name: `${i}` })]),
    );
    const page = { message: ConfigCompositionDataGet.encode({ page: 0 }), response: ConfigCompositionDataStatus };
    const outcome = pair.until(aggregator.send(TO, SERVER, [page]));
    await expect(outcome).rejects.toMatchObject({ status: AggregatorStatus.responseOverflow, answers: [] });
  });
});

describe('a client of another kind of node', () => {
  function answering(status: number, items: readonly Uint8Array[], elementAddress = SERVER) {
    const { pair, aggregator } = setUp();
    pair.server.access.receive = () => {
      const payload = OpcodesAggregatorStatus.encode({ status, elementAddress, items: [...items] });
      pair.server.network.send({ src: SERVER, dst: CLIENT, key: { kind: 'device', node: SERVER }, payload });
    };
    const get = { message: ConfigDefaultTtlGet.encode({}), response: ConfigDefaultTtlStatus };
    return pair.until(aggregator.send(TO, SERVER, [get, get], { attempts: 1 }));
  }
  const answer = ConfigDefaultTtlStatus.encode({ ttl: 5 });

  it('does not take answers to other messages or elements, or more than it asked for', async () => {
    for (const [items, element] of [
      [[Uint8Array.of(0x80, 0x0b, 1)], SERVER],
      [[answer, answer, answer], SERVER],
      [[answer, answer], SERVER + 1],
    ] as const) {
      await expect(answering(0, items, element)).rejects.toMatchObject({ code: 'no-response' });
    }
    expect(await answering(0, [answer, NOTHING])).toEqual([answer, NOTHING]);
  });

  it('tells success with answers missing, and codes that it does not know', async () => {
    await expect(answering(0, [answer])).rejects.toMatchObject({
      code: 'aggregator-status',
      status: 0,
      answers: [answer],
    });
    await expect(answering(0x77, [answer])).rejects.toMatchObject({
      status: 0x77,
      message: expect.stringContaining('0x77'),
    });
  });

  it('refuses to send a message that fits into no sequence', async () => {
    const { aggregator } = setUp();
    const outcome = aggregator.send(TO, SERVER, [{ message: new Uint8Array(380).fill(1) }]);
    await expect(outcome).rejects.toMatchObject({ code: 'bad-field' });
    expect(await aggregator.send(TO, SERVER, [])).toEqual([]);
  });
});
