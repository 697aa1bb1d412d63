import { readFileSync } from 'node:fs';
import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { SmpClient } from '../client/client.ts';
import { PacketLink, settled } from '../client/testing/packet-link.ts';
import { startImageUpload } from './image-upload.ts';

/** One packet of a session: from the client (`out`) or from the device. */
interface Step {
  readonly dir: 'out' | 'in';
  readonly bytes: string;
}

interface Recording {
  readonly images: Record<string, string>;
  readonly sessions: {
    readonly session: string;
    readonly steps: { dir?: 'out' | 'in'; bytes?: string; request?: string; response?: string | null; name?: string }[];
  }[];
}

const recording = JSON.parse(
  readFileSync(new URL('../vectors/smp-session.json', import.meta.url), 'utf8'),
) as Recording;

const image = fromHex(recording.images['b 1.2.3+4']!);

/** The packets of a session in their order. */
function session(name: string): { readonly name: string | undefined; readonly steps: Step[] }[] {
  const found = recording.sessions.find(({ session }) => session === name)!;
  return found.steps.flatMap(({ dir, bytes, request, response, name: step }) => {
    if (dir !== undefined) return [{ name: step, steps: [{ dir, bytes: bytes! }] }];
    if (request === undefined) return [];
    const steps: Step[] = [{ dir: 'out', bytes: request }];
    if (response != null) steps.push({ dir: 'in', bytes: response });
    return [{ name: step, steps }];
  });
}

/** A device that plays its part of a recording, and notes what the client sends where it does not fit. */
function player(steps: readonly Step[]) {
  const clock = new VirtualClock();
  const wrong: string[] = [];
  let at = 0;
  const link = new PacketLink(clock, (packet, answer) => {
    const step = steps[at++];
    if (step?.dir !== 'out' || step.bytes !== toHex(packet)) wrong.push(toHex(packet));
    while (steps[at]?.dir === 'in') answer(fromHex(steps[at++]!.bytes));
  });
  const isOver = () => at === steps.length;
  return { clock, link, wrong, isOver };
}

describe('recorded sessions: our client sends what was recorded, octet for octet', () => {
  it('test-and-confirm', async () => {
    const steps = session('test-and-confirm').flatMap(({ steps }) => steps);
    const { clock, link, wrong, isOver } = player(steps);
    const client = new SmpClient(link, clock, { firstSequence: 66 });
    const { image: images, os } = client;
    const run = async () => {
      expect(await os.parameters()).toEqual({ bufSize: 1024, bufCount: 4 });
      expect(await os.bootloader()).toBe('MCUboot');
      expect(await os.bootloaderMode()).toEqual({ mode: 3, noDowngrade: false });
      await images.list();
      expect(await images.upload(image, { chunkOctets: 600, window: 1 })).toEqual({
        total: image.length,
        moved: image.length,
        match: undefined,
      });
      const { hash } = (await images.list()).images[1]!;
      const [, staged] = (await images.test(hash!)).images;
      expect(staged).toMatchObject({ version: '1.2.3.4', pending: true, permanent: false });
      await os.reset();
      const [testing] = (await images.list()).images;
      expect(testing).toMatchObject({ version: '1.2.3.4', active: true, confirmed: false });
      const [kept] = (await images.confirm(hash!)).images;
      expect(kept).toMatchObject({ active: true, confirmed: true });
      await images.list();
      await os.reset();
      await images.list();
    };
    await settled(clock, run());
    expect(wrong).toEqual([]);
    expect(isOver()).toBe(true);
  });

  it('pipelined-window-3', async () => {
    const steps = session('pipelined-window-3').flatMap(({ steps }) => steps);
    const parameters = PARAMETERS.map(({ dir, bytes }) => ({
      dir,
      bytes: `${bytes.slice(0, 12)}63${bytes.slice(14)}`,
    }));
    // Answers come one by one, as recorded.
    const clock = new VirtualClock();
    const out: string[] = [];
    const answers = new Map(
      [...parameters, ...steps].filter(({ dir }) => dir === 'in').map(({ bytes }) => [bytes.slice(12, 14), bytes]),
    );
    let freeAt = 0;
    const link = new PacketLink(clock, (packet, answer) => {
      out.push(toHex(packet));
      freeAt = Math.max(freeAt, clock.now) + 20;
      clock.after(freeAt - clock.now, () => answer(fromHex(answers.get(toHex(packet.subarray(6, 7)))!)));
    });
    const client = new SmpClient(link, clock, { firstSequence: 0x63 });
    const order: string[] = [];
    const upload = startImageUpload(client, image, {
      chunkOctets: 500,
      onProgress: ({ offset }) => order.push(`${offset} of ${out.length - 1} sent`),
    });
    await settled(clock, upload.finished);
    expect(out).toEqual([...parameters, ...steps].filter(({ dir }) => dir === 'out').map(({ bytes }) => bytes));
    // Three are under way from the second chunk on.
    expect(order.slice(0, 4)).toEqual(['500 of 1 sent', '1000 of 4 sent', '1500 of 5 sent', '2000 of 6 sent']);
  });

  it('resume-and-offsets: begun anew it goes on where the device is, and from 0 when the device has forgotten', async () => {
    const all = session('resume-and-offsets');
    const resumed = all.findIndex(({ name }) => name?.startsWith('resume:'));
    const continued = all.findIndex(({ name }) => name?.startsWith('continuing after device reboot'));
    const chosen = [
      all[resumed]!,
      all.find(({ name }) => name === 'right chunk')!,
      all[continued]!,
      ...all.filter(({ name }) => name?.startsWith('restarted upload')),
    ];
    const { clock, link, wrong, isOver } = player(renumbered([PARAMETERS, ...chosen.map(({ steps }) => steps)]));
    const offsets: number[] = [];
    const onProgress = ({ offset }: { offset: number }) => offsets.push(offset);
    const upload = startImageUpload(new SmpClient(link, clock), image, { chunkOctets: 512, window: 1, onProgress });
    const report = await settled(clock, upload.finished);
    expect(wrong).toEqual([]);
    expect(isOver()).toBe(true);
    expect(offsets.slice(0, 4)).toEqual([2048, 2560, 0, 512]);
    // The first 512 octets, 512 more, and everything once more.
    expect(report).toEqual({ total: image.length, moved: 1024 + image.length, match: undefined });
  });

  it('multi-image: the network core has its number in the first chunk', async () => {
    const net = session('multi-image').filter(({ name }) => name?.startsWith('net upload'));
    const { clock, link, wrong, isOver } = player(renumbered([PARAMETERS, ...net.map(({ steps }) => steps)]));
    const content = fromHex(recording.images['net2 2.0.0+0']!);
    const options = { image: 1, chunkOctets: 700, window: 1 };
    await settled(clock, startImageUpload(new SmpClient(link, clock), content, options).finished);
    expect(wrong).toEqual([]);
    expect(isOver()).toBe(true);
  });
});

/** Parameters are asked for before an upload: 4 buffers of 1024 octets. */
const PARAMETERS: Step[] = [
  { dir: 'out', bytes: '0800000100000006a0' },
  { dir: 'in', bytes: '0900001900000006bf686275665f73697a65190400696275665f636f756e7404ff' },
];

/** Exchanges taken from several places: with sequence numbers from 0 on. */
function renumbered(exchanges: readonly Step[][]): Step[] {
  return exchanges.flatMap((steps, i) =>
    steps.map(({ dir, bytes }) => ({ dir, bytes: bytes.slice(0, 12) + toHex(Uint8Array.of(i)) + bytes.slice(14) })),
  );
}
