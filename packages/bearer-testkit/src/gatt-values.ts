import type { LinkEnd, ValueRecord } from './gatt-ends.ts';
import { carries, join, linked, sameValues, sendValue, value } from './gatt-ends.ts';
import type { Scene } from './scene.ts';
import type { Stage } from './stage.ts';

/** Values go over links, until these end. */
export const valueScenes: readonly Scene[] = [
  {
    name: 'carries values whole and in order, both ways, of any length up to the MTU less 3',
    play: async (stage) => {
      const { client, served } = await linked(stage);
      for (const [from, to] of [
        [client, served],
        [served, client],
      ] as const) {
        const lengths = [1, 2, 19, 20, from.link.mtu - 3, 1];
        await carries(
          stage,
          from,
          to,
          lengths.map((length, i) => value(i, length)),
        );
      }
    },
  },
  {
    name: 'refuses a value that is too long with value-too-long, and the link goes on',
    play: async (stage) => {
      const { client, served } = await linked(stage);
      await carries(stage, client, served, [value(1, 20)]);
      for (const [from, to] of [
        [client, served],
        [served, client],
      ] as const) {
        const before = to.received.length;
        for (const length of [from.link.mtu - 2, 5000]) {
          const { outcomes } = sendValue(stage, from.link, value(3, length));
          await stage.until(() => outcomes.length > 0, stage.gatt.latencyMs, 'a value that is too long is refused');
          const [code] = outcomes;
          stage.expect(code === 'value-too-long', `${length} octets: ${code ?? 'taken'} instead of value-too-long`);
        }
        await stage.pass(stage.gatt.latencyMs);
        stage.expect(to.received.length === before, 'a value that is too long arrived');
        await carries(stage, from, to, [value(4, 20)]);
      }
    },
  },
  {
    name: 'takes a flood of values both ways at once: each is taken and arrives, in order',
    play: async (stage) => {
      const { client, served } = await linked(stage);
      const { flood, latencyMs } = stage.gatt;
      const values = Array.from({ length: flood }, (_, i) => value(i, 20));
      const taken: number[] = [];
      const records = [client, served].flatMap(({ link }) =>
        values.map((octets, i) => sendValue(stage, link, octets, () => void taken.push(i))),
      );
      const most = flood * latencyMs;
      await stage.until(() => taken.length === 2 * flood, most, `${2 * flood} values are taken`);
      const error = records.flatMap(({ outcomes }) => outcomes).find((code) => code !== undefined);
      stage.expect(error === undefined, `one of ${2 * flood} values ended with ${error}`);
      const arrived = () => client.received.length >= flood && served.received.length >= flood;
      await stage.until(arrived, most, `${flood} values arrive at each end`);
      for (const { received } of [client, served]) {
        stage.expect(sameValues(received, values), 'values did not arrive as they were sent, in order');
      }
    },
  },
  {
    name: 'takes a value out of the done of another, and out of one that was received',
    play: async (stage) => {
      const { client, served } = await linked(stage);
      let count = 0;
      const next = (): void => {
        if (++count < 20) sendValue(stage, client.link, value(count, 10), next);
      };
      sendValue(stage, client.link, value(0, 10), next);
      await stage.until(() => served.received.length === 20, 20 * stage.gatt.latencyMs, '20 values arrive');
      let answered = 0;
      served.link.listen({
        received: (octets) => sendValue(stage, served.link, octets, () => answered++),
        disconnected: () => {},
      });
      for (let i = 0; i < 10; i++) sendValue(stage, client.link, value(i, 10));
      await stage.until(() => client.received.length === 10, 20 * stage.gatt.latencyMs, '10 values come back');
      await stage.until(() => answered === 10, stage.gatt.latencyMs, 'they are taken');
    },
  },
  ...(['client', 'server'] as const).map(
    (side): Scene => ({
      name: `tells both ends once when the ${side} disconnects, and ends what waits with bearer-closed`,
      play: async (stage) => {
        const { client, served } = await linked(stage);
        const [here, there] = side === 'client' ? [client, served] : [served, client];
        const records = [...waitingValues(stage, here, 50), ...waitingValues(stage, there, 50)];
        await stage.pass(20);
        here.link.disconnect();
        if (here.hasEnded) stage.violated('the end of a link was told before disconnect returned');
        here.link.disconnect();
        const bothKnow = () => here.hasEnded && there.hasEnded;
        await stage.until(bothKnow, stage.gatt.connectMs, 'both ends learn that the link has ended');
        there.link.disconnect();
        await allEnd(stage, records);
        for (const { link } of [here, there]) {
          const record = sendValue(stage, link, value(1, 10));
          await allEnd(stage, [record]);
          stage.expect(record.outcomes[0] !== undefined, 'a value was taken by a link that has ended');
        }
        await stage.pass(stage.gatt.latencyMs);
      },
    }),
  ),
  {
    name: 'can be disconnected while it tells of a value, while it tells of a send, and as soon as it is handed over',
    play: async (stage) => {
      const { central, server, peer, client, served } = await linked(stage);
      let received = 0;
      served.link.listen({
        received: () => {
          received++;
          served.link.disconnect();
        },
        disconnected: () => void ended++,
      });
      let ended = 0;
      const records = waitingValues(stage, client, 20);
      await stage.until(() => client.hasEnded && ended > 0, stage.gatt.connectMs, 'both ends learn of the end');
      await allEnd(stage, records);
      stage.expect(received === 1 && ended === 1, `${received} values and ${ended} ends were told`);

      const second = await join(stage, central, server, peer);
      sendValue(stage, second.client.link, value(1, 10), () => second.client.link.disconnect());
      const more = waitingValues(stage, second.client, 20);
      const bothKnow = () => second.client.hasEnded && second.served.hasEnded;
      await stage.until(bothKnow, stage.gatt.connectMs, 'both ends learn of the end');
      await allEnd(stage, more);
    },
  },
];

/** Values that are sent at once. */
export function waitingValues(stage: Stage, { link }: LinkEnd, count: number): ValueRecord[] {
  return Array.from({ length: count }, (_, i) => sendValue(stage, link, value(i, 20)));
}

/** Each has ended, with success or as the contract says of a link that has ended. */
export async function allEnd(
  stage: Stage,
  records: readonly ValueRecord[],
  codes: readonly string[] = ['bearer-closed'],
): Promise<void> {
  await stage.until(() => records.every(({ outcomes }) => outcomes.length > 0), 1000, 'every value has ended');
  const wrong = records.flatMap(({ outcomes }) => outcomes).find((code) => code !== undefined && !codes.includes(code));
  stage.expect(wrong === undefined, `a value ended with ${wrong} instead of ${codes.join(' or ')}`);
}
