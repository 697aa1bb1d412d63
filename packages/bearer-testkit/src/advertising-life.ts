import { AD_MESH_MESSAGE } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { AD_DATA_MAX, listen, numbered, ONCE, pair, reaches } from './advertising-ends.ts';
import type { Scene } from './scene.ts';
import { named, type SentRecord, type Stage } from './stage.ts';

const LONG = { count: 50, intervalMs: 100 };

/** Bearers are closed, opened again, lost, and hear what nobody should send. */
export const lifeScenes: readonly Scene[] = [
  {
    name: 'ends everything under way with bearer-closed when it is closed',
    play: async (stage) => {
      const { from, to, ear } = await pair(stage);
      const { sets } = from.advertising;
      const sends = Array.from({ length: sets + 20 }, (_, i) => stage.send(from.advertising, numbered(i), LONG));
      const cancelled = stage.send(from.advertising, numbered(1000), LONG);
      cancelled.cancel();
      await stage.pass(50);
      stage.close(from);
      await endedWith(stage, sends, ['bearer-closed']);
      await stage.pass(stage.advertising.latencyMs);
      const before = ear.heard.length;
      await stage.pass(3 * LONG.intervalMs);
      stage.expect(ear.heard.length === before, 'a closed bearer still sends');
      await reaches(stage, (await stage.advertiser()).advertising, [listen(to.advertising)], numbered(7));
    },
  },
  {
    name: 'closed it sends and hears nothing, and says bearer-closed',
    play: async (stage) => {
      const { from, to, ear } = await pair(stage);
      await reaches(stage, from.advertising, [ear], numbered(1));
      stage.close(to);
      to.close();
      const before = ear.heard.length;
      const late = listen(to.advertising);
      const sends = [0, 1, AD_DATA_MAX].map((length) =>
        stage.send(to.advertising, { type: AD_MESH_MESSAGE, data: new Uint8Array(length) }, ONCE),
      );
      await endedWith(stage, sends, ['bearer-closed']);
      stage.send(to.advertising, numbered(2), ONCE).cancel();
      await stage.succeeded(from.advertising, numbered(3), { count: 3, intervalMs: 20 });
      await stage.pass(stage.advertising.latencyMs);
      stage.expect(ear.heard.length === before && late.heard.length === 0, 'a closed bearer heard something');
      ear.stop();
      late.stop();
    },
  },
  {
    name: 'can be closed while it tells what it heard, and while it tells of a send',
    play: async (stage) => {
      const { from, to } = await pair(stage);
      let heard = 0;
      for (let i = 0; i < 2; i++) {
        to.advertising.receive([AD_MESH_MESSAGE], () => {
          heard++;
          stage.close(to);
        });
      }
      const last = stage.send(from.advertising, numbered(0), LONG);
      await stage.until(() => heard > 0, LONG.count * LONG.intervalMs, 'a copy is heard');
      await stage.pass(2 * LONG.intervalMs);
      stage.expect(heard <= 2, 'a closed bearer heard something');
      const sends = [1, 2, 3].map((i) => stage.send(from.advertising, numbered(i), LONG));
      stage.send(from.advertising, numbered(9, AD_DATA_MAX + 1), ONCE, () => stage.close(from));
      await endedWith(stage, [last, ...sends], ['bearer-closed']);
    },
  },
  {
    name: 'can be opened again and again',
    play: async (stage) => {
      const to = await stage.advertiser();
      const ear = listen(to.advertising);
      for (let i = 0; i < 5; i++) {
        const from = await stage.advertiser();
        const back = listen(from.advertising);
        await reaches(stage, from.advertising, [ear], numbered(i));
        await reaches(stage, to.advertising, [back], numbered(100 + i));
        stage.send(from.advertising, numbered(200 + i), LONG);
        stage.close(from);
      }
    },
  },
  {
    name: 'closes in the middle of a flood, and leaves nothing behind',
    play: async (stage) => {
      const { from, to } = await pair(stage);
      const { flood } = stage.advertising;
      const both = [from, to].flatMap(({ advertising }) =>
        Array.from({ length: flood / 2 }, (_, i) => stage.send(advertising, numbered(i), ONCE)),
      );
      await stage.pass(30);
      stage.close(from);
      stage.close(to);
      await stage.until(() => both.every(({ outcomes }) => outcomes.length > 0), 1000, 'all sends have ended');
    },
  },
  {
    name: 'says once that its radio was lost, when that was not asked for',
    needs: 'lose',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const told: MeshError[] = [];
      stage.expect(from.lost !== undefined, 'a bearer that can be lost has no "lost"');
      from.lost?.((reason) => told.push(reason));
      from.lost?.(() => stage.violated('a listener that was taken back was told of the loss'))();
      const sends = Array.from({ length: from.advertising.sets + 5 }, (_, i) =>
        stage.send(from.advertising, numbered(i), LONG),
      );
      await stage.pass(50);
      await stage.subject.lose?.(stage.rig, from);
      await stage.until(() => told.length > 0, 10_000, 'the bearer says that it was lost');
      await endedWith(stage, sends, ['bearer-lost']);
      await endedWith(stage, [stage.send(from.advertising, numbered(1), ONCE)], ['bearer-lost', 'bearer-closed']);
      stage.close(from);
      await stage.pass(100);
      stage.expect(told.length === 1, `the loss was told ${told.length} times`);
      stage.expect(told[0]!.code === 'bearer-lost', `the loss was told as ${told[0]!.code}`);
      await reaches(stage, (await stage.advertiser()).advertising, [ear], numbered(2));
    },
  },
  {
    name: 'does not call it a loss when it is closed',
    play: async (stage) => {
      const from = await stage.advertiser();
      from.lost?.(() => stage.violated('"lost" was told of a bearer that was closed'));
      stage.close(from);
      await stage.pass(100);
    },
  },
  {
    name: 'takes no harm from octets that no bearer sends',
    needs: 'garble',
    play: async (stage) => {
      const { from, to, ear } = await pair(stage);
      for (let i = 0; i < 5; i++) {
        await stage.subject.garble?.(stage.rig);
        await reaches(stage, from.advertising, [ear], numbered(i));
        await reaches(stage, to.advertising, [listen(from.advertising)], numbered(10 + i));
      }
      const odd = ear.heard.find(({ type, data }) => type !== AD_MESH_MESSAGE || data.length > AD_DATA_MAX);
      stage.expect(odd === undefined, `a structure of ${odd?.data.length} octets was heard`);
    },
  },
];

/** All of them end with one of these codes, soon. */
async function endedWith(stage: Stage, sends: readonly SentRecord[], codes: readonly string[]): Promise<void> {
  await stage.until(() => sends.every(({ outcomes }) => outcomes.length > 0), 1000, 'every send has ended');
  for (const { outcomes } of sends) {
    const [outcome] = outcomes;
    const isRight = outcome instanceof MeshError && codes.includes(outcome.code);
    stage.expect(isRight, `a send ended with ${named(outcome)} instead of ${codes.join(' or ')}`);
  }
}
