import { MeshError } from '@meshferry/core';
import { AD_DATA_MAX, listen, numbered, ONCE, pair, reaches } from './advertising-ends.ts';
import type { Scene } from './scene.ts';
import { named } from './stage.ts';

/** Sends end, and bearers keep what they claim. */
export const sendScenes: readonly Scene[] = [
  {
    name: 'claims advertising sets and an interval that can be',
    play: async (stage) => {
      const { sets, minIntervalMs } = (await stage.advertiser()).advertising;
      stage.expect(Number.isInteger(sets) && sets >= 1, `${sets} advertising sets`);
      stage.expect(minIntervalMs >= 0 && minIntervalMs <= 10_240, `a shortest interval of ${minIntervalMs} ms`);
    },
  },
  {
    name: 'tells once of each send when it began and when its last copy had left',
    play: async (stage) => {
      const { advertising } = await stage.advertiser();
      const { jitterMs } = stage.advertising;
      for (const count of [1, 2, 5]) {
        const transmit = { count, intervalMs: 25 };
        const { start, end } = await stage.succeeded(advertising, numbered(count), transmit);
        const least = (count - 1) * transmit.intervalMs - jitterMs;
        const took = end - start;
        stage.expect(took >= least, `${count} copies 25 ms apart are told to have taken ${took} ms`);
      }
      await stage.pass(stage.advertising.latencyMs);
    },
  },
  {
    name: 'has as many sends on air in parallel as it claims sets',
    play: async (stage) => {
      const { advertising } = await stage.advertiser();
      const { sets, minIntervalMs } = advertising;
      const transmit = { count: 3, intervalMs: Math.max(100, 2 * minIntervalMs) };
      const sends = Array.from({ length: sets }, (_, i) => stage.send(advertising, numbered(i), transmit));
      const all = () => sends.every(({ outcomes }) => outcomes.length > 0);
      const most = sets * stage.budgetMs(advertising, sets, transmit); // also when it claims too many
      await stage.until(all, most, `${sets} sends are done`);
      const sent = sends.map(({ outcomes }) => stage.success(outcomes[0]));
      const lastStart = Math.max(...sent.map(({ start }) => start));
      const firstEnd = Math.min(...sent.map(({ end }) => end));
      stage.expect(lastStart < firstEnd, `of ${sets} sends the last began only when another had ended`);
    },
  },
  {
    name: 'sends no faster than the interval it claims, and about as fast',
    play: async (stage) => {
      const { advertising } = await stage.advertiser();
      const { minIntervalMs, sets } = advertising;
      const [count, intervalMs] = [6, 1];
      const { start, end } = await stage.succeeded(advertising, numbered(1), { count, intervalMs });
      const took = end - start;
      // Sets may take turns with the copies of one structure.
      const least = ((count - 1) * minIntervalMs) / sets - stage.advertising.jitterMs;
      stage.expect(took >= least, `${count} copies, ${minIntervalMs} ms apart at least, took ${took} ms`);
      const most = stage.budgetMs(advertising, 1, { count, intervalMs });
      stage.expect(took <= most, `${count} copies, which can be ${minIntervalMs} ms apart, took ${took} ms`);
    },
  },
  {
    name: 'refuses a structure that is too long with ad-too-long, and goes on',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      for (const length of [AD_DATA_MAX + 1, 255, 5000]) {
        const outcome = await stage.outcome(from.advertising, numbered(1, length), ONCE);
        const code = outcome instanceof MeshError ? outcome.code : 'sent';
        stage.expect(code === 'ad-too-long', `${length} octets: ${named(outcome)} instead of ad-too-long`);
      }
      await stage.pass(stage.advertising.latencyMs);
      stage.expect(ear.heard.length === 0, 'a structure that is too long was sent');
      await reaches(stage, from.advertising, [ear], numbered(2));
    },
  },
  {
    name: 'tells nothing of what was cancelled: at once, in the queue, on air, when done',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const { sets } = from.advertising;
      const transmit = { count: 3, intervalMs: 20 };
      const sends = Array.from({ length: sets + 4 }, (_, i) => stage.send(from.advertising, numbered(i), transmit));
      sends[0]!.cancel();
      sends.at(-2)!.cancel();
      sends.at(-2)!.cancel();
      const last = sends.at(-1)!;
      const budget = stage.budgetMs(from.advertising, sends.length, transmit);
      await stage.until(() => last.outcomes.length > 0, budget, 'the last send is done');
      last.cancel();
      const inTime = sends.slice(1, -2);
      await stage.until(() => inTime.every(({ outcomes }) => outcomes.length > 0), budget, 'other sends are done');
      // One takes back the next in its done.
      const second = stage.send(from.advertising, numbered(100), { count: 5, intervalMs: 30 });
      stage.send(from.advertising, numbered(101), ONCE, () => second.cancel());
      await reaches(stage, from.advertising, [ear], numbered(102));
      await stage.pass(200);
    },
  },
  {
    name: 'stops sending copies of what was cancelled, and has the set free again',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const { sets, minIntervalMs } = from.advertising;
      const transmit = { count: 200, intervalMs: Math.max(50, 2 * minIntervalMs) };
      const sends = Array.from({ length: sets }, (_, i) => stage.send(from.advertising, numbered(i), transmit));
      await stage.pass(2 * transmit.intervalMs);
      for (const { cancel } of sends) cancel();
      await reaches(stage, from.advertising, [ear], numbered(1000));
      await stage.pass(stage.advertising.latencyMs);
      const before = ear.heard.length;
      await stage.pass(3 * transmit.intervalMs);
      stage.expect(ear.heard.length === before, 'copies of what was cancelled were still sent');
    },
  },
  {
    name: 'takes a send out of the done of another',
    play: async (stage) => {
      const { from } = await pair(stage);
      let done = 0;
      const next = () => {
        if (++done < 30) stage.send(from.advertising, numbered(done), ONCE, next);
      };
      stage.send(from.advertising, numbered(0), ONCE, next);
      await stage.until(() => done === 30, 30 * stage.budgetMs(from.advertising, 1, ONCE), '30 sends in turn are done');
    },
  },
  {
    name: 'takes a flood of sends: each ends, and it works as before',
    play: async (stage) => {
      const { from, to, ear } = await pair(stage);
      const { flood, isLossy, latencyMs } = stage.advertising;
      const back = listen(from.advertising);
      let done = 0;
      const count = (): void => void done++;
      const sends = Array.from({ length: flood }, (_, i) => stage.send(from.advertising, numbered(i), ONCE, count));
      await stage.until(() => done >= flood, stage.budgetMs(from.advertising, flood, ONCE), `${flood} sends are done`);
      await stage.pass(latencyMs);
      const failed = sends.flatMap(({ outcomes }) => outcomes).find((outcome) => outcome instanceof MeshError);
      stage.expect(failed === undefined, `one of ${flood} sends ended with ${named(failed)}`);
      const least = isLossy ? flood / 10 : flood;
      stage.expect(ear.heard.length >= least, `of ${flood} structures ${ear.heard.length} were heard`);
      await reaches(stage, to.advertising, [back], numbered(1));
    },
  },
  {
    name: 'takes back a flood of sends at once',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const { flood } = stage.advertising;
      const sends = Array.from({ length: flood }, (_, i) => stage.send(from.advertising, numbered(i), ONCE));
      for (const { cancel } of sends) cancel();
      await reaches(stage, from.advertising, [ear], numbered(0xffff));
      const { length } = ear.heard;
      stage.expect(
        length <= from.advertising.sets + 1,
        `${length - 1} of ${flood} that were cancelled at once were heard`,
      );
    },
  },
];
