import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  encodeServiceData,
  type Heard,
  MESH_PROXY_SOLICITATION_UUID,
} from '@meshferry/bearer';
import { toHex } from '@meshferry/core';
import { AD_DATA_MAX, described, listen, numbered, numberOf, ONCE, pair, reaches, same } from './advertising-ends.ts';
import type { Scene } from './scene.ts';

const TYPES = [AD_PB_ADV, AD_MESH_MESSAGE, AD_MESH_BEACON];

/** What is sent is heard. */
export const deliveryScenes: readonly Scene[] = [
  {
    name: 'carries structures of any length and mesh type whole, both ways',
    play: async (stage) => {
      const [a, b] = [await stage.advertiser(), await stage.advertiser()];
      const ears = [a, b].map(({ advertising }) => listen(advertising, TYPES));
      for (const type of TYPES) {
        for (const length of [0, 1, 11, AD_DATA_MAX]) {
          const data = Uint8Array.from({ length }, (_, i) => 255 - type - 3 * i);
          await reaches(stage, a.advertising, [ears[1]!], { type, data });
          await reaches(stage, b.advertising, [ears[0]!], { type, data: data.slice().reverse() });
        }
      }
      const octets = ears.flatMap(({ heard }) => heard).reduce((sum, { data }) => sum + data.length, 0);
      const expected = 2 * TYPES.length * (0 + 1 + 11 + AD_DATA_MAX);
      if (!stage.advertising.isLossy) stage.expect(octets === expected, 'more was heard than was sent');
    },
  },
  {
    name: 'carries service data, as the solicitation of proxies is',
    play: async (stage) => {
      const [a, b] = [await stage.advertiser(), await stage.advertiser()];
      const data = Uint8Array.from({ length: 17 }, (_, i) => i);
      const ad = encodeServiceData({ service: MESH_PROXY_SOLICITATION_UUID, data });
      await reaches(stage, a.advertising, [listen(b.advertising, [ad.type])], ad);
    },
  },
  {
    name: 'hears the types alone that were asked for',
    play: async (stage) => {
      const [a, b] = [await stage.advertiser(), await stage.advertiser()];
      const beacons = listen(b.advertising, [AD_MESH_BEACON]);
      const messages = listen(b.advertising, [AD_PB_ADV, AD_MESH_MESSAGE]);
      for (let i = 0; i < 3; i++) {
        await reaches(stage, a.advertising, [messages], numbered(i));
        await reaches(stage, a.advertising, [messages], { ...numbered(i + 10), type: AD_PB_ADV });
        await reaches(stage, a.advertising, [beacons], { ...numbered(i + 20), type: AD_MESH_BEACON });
      }
      const foreign = [
        ...beacons.heard.filter(({ type }) => type !== AD_MESH_BEACON),
        ...messages.heard.filter(({ type }) => type === AD_MESH_BEACON),
      ];
      stage.expect(foreign.length === 0, `${foreign.length} structures of types that were not asked for were heard`);
    },
  },
  {
    name: 'does not hear itself',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const own = listen(from.advertising, TYPES);
      for (let i = 0; i < 5; i++) await reaches(stage, from.advertising, [ear], numbered(i));
      stage.expect(own.heard.length === 0, 'a bearer heard what it had sent itself');
    },
  },
  {
    name: 'tells when a structure was heard and how strong it was',
    play: async (stage) => {
      const { from, to } = await pair(stage);
      const { jitterMs } = stage.advertising;
      const began = stage.clock.now;
      let last: Heard | undefined;
      to.advertising.receive([AD_MESH_MESSAGE], (ad) => {
        last = ad;
        const { now } = stage.clock;
        if (!(ad.at >= began - jitterMs && ad.at <= now + jitterMs)) {
          stage.violated(`heard at ${ad.at}, but it was sent after ${began} and told at ${now}`);
        }
        if (!(ad.rssi >= -128 && ad.rssi <= 127)) stage.violated(`heard with an RSSI of ${ad.rssi} dBm`);
      });
      await reaches(stage, from.advertising, [listen(to.advertising)], numbered(1));
      stage.expect(last !== undefined, 'one of two subscriptions did not hear');
    },
  },
  {
    name: 'tells every subscription, until it is taken back, also while it is being told',
    play: async (stage) => {
      const { from, to, ear } = await pair(stage);
      const [first, twice] = [listen(to.advertising), listen(to.advertising, [AD_MESH_MESSAGE, AD_MESH_MESSAGE])];
      let count = 0;
      const stop = to.advertising.receive([AD_MESH_MESSAGE], () => {
        count++;
        stop();
      });
      await reaches(stage, from.advertising, [ear, first, twice], numbered(1));
      const { isLossy } = stage.advertising;
      if (!isLossy) stage.expect(twice.heard.length === 1, 'a subscription that names a type twice heard it twice');
      first.stop();
      first.stop();
      const before = first.heard.length;
      await reaches(stage, from.advertising, [ear, twice], numbered(2));
      stage.expect(first.heard.length === before, 'a subscription heard something after it was taken back');
      stage.expect(count === 1, `a subscription that took itself back was told ${count} times`);
    },
  },
  {
    name: 'sends as many copies as it is told',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const { isLossy, latencyMs } = stage.advertising;
      const transmit = { count: 3, intervalMs: 30 };
      const rounds = isLossy ? 20 : 3;
      for (let i = 0; i < rounds; i++) await stage.succeeded(from.advertising, numbered(i), transmit);
      await stage.pass(latencyMs);
      for (let i = 0; i < rounds; i++) {
        const copies = ear.heard.filter((ad) => same(ad, numbered(i))).length;
        stage.expect(isLossy || copies === 3, `3 copies were sent, ${copies} heard`);
      }
      const most = 3 * rounds;
      if (!isLossy) stage.expect(ear.heard.length === most, `${most} copies were sent, ${ear.heard.length} heard`);
      // Each may be lost or come twice, but sending one copy or ten for three is no loss.
      const { length } = ear.heard;
      stage.expect(length > rounds && length < 2 * most, `of ${most} copies ${length} were heard`);
    },
  },
  {
    name: 'sends in the order of send, no further apart than its sets allow',
    play: async (stage) => {
      const { from, ear } = await pair(stage);
      const count = 40 + 10 * from.advertising.sets;
      let done = 0;
      for (let i = 0; i < count; i++) stage.send(from.advertising, numbered(i), ONCE, () => done++);
      await stage.until(() => done === count, stage.budgetMs(from.advertising, count, ONCE), `${count} sends are done`);
      await stage.pass(stage.advertising.latencyMs);
      let highest = -1;
      const seen = new Set<number>();
      for (const ad of ear.heard) {
        const number = numberOf(ad);
        stage.expect(number < count && same(ad, numbered(number)), `${described(ad)} was heard: ${toHex(ad.data)}`);
        if (seen.has(number)) continue;
        seen.add(number);
        stage.expect(
          highest - number < from.advertising.sets,
          `number ${number} was heard after ${highest}: ${from.advertising.sets} can be on air at a time`,
        );
        highest = Math.max(highest, number);
      }
      const enough = stage.advertising.isLossy ? count / 10 : count;
      stage.expect(seen.size >= enough, `of ${count} structures ${seen.size} were heard`);
    },
  },
];
