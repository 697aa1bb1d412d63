import { readFileSync } from 'node:fs';
import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import { expect, test } from 'vitest';
import { McubootDevice } from '../device/mcuboot-device.ts';
import { ServerFiles } from './files.ts';
import type { SmpServerOptions } from './server-options.ts';
import { ServerSettings } from './settings-store.ts';
import { SmpServer } from './smp-server.ts';
import { LoopLink } from './testing/loop-link.ts';

interface Step {
  readonly name?: string;
  readonly request?: string | null;
  readonly response?: string | null;
  readonly event?: string;
  readonly text?: string;
  readonly dir?: 'out' | 'in';
  readonly bytes?: string;
}
interface Session {
  readonly session: string;
  readonly steps: readonly Step[];
}
interface Sessions {
  readonly sessions: readonly Session[];
  readonly images: Readonly<Record<string, string>>;
}
interface Recorded {
  readonly name: string;
  readonly recordedWith: string;
  readonly request: string;
  readonly response: string;
}

const { sessions, images } = read<Sessions>('smp-session.json');
const { recorded } = read<{ recorded: readonly Recorded[] }>('smp.json');

function read<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8')) as T;
}

function image(name: string): Uint8Array {
  const found = Object.entries(images).find(([key]) => key.startsWith(name));
  return fromHex(found![1]);
}

/** What is known of the recorded servers: builds, threads, files, none of it about the protocol. */
const ZEPHYR_3: Omit<SmpServerOptions, 'clock'> = {
  personality: 'zephyr-3.4.99',
  buffers: { size: 1024, count: 4 },
  bootloader: { mode: 3 },
  info: { machine: 'posix', processor: 'x86', platform: 'native_posix' },
  tasks: new Map(Array.from({ length: 17 }, (_, tid) => [`t${tid}`, { prio: 0, tid, state: 0, stksiz: 1, stkuse: 1 }])),
  statistics: new Map(['flash_sim_stats', 'flash_sim_thresholds', 'smp_svr_stats'].map((name) => [name, new Map()])),
};
const ZEPHYR_4: Omit<SmpServerOptions, 'clock'> = {
  personality: 'zephyr-4.4.0',
  buffers: { size: 2048, count: 2 },
  info: {
    kernelRelease: '684c9e8f32e4',
    buildTime: 'Wed Jun  3 22:19:37 2026',
    machine: 'posix',
    processor: 'x86',
    platform: 'native_sim/native',
  },
  tasks: new Map(
    (
      [
        ['mcumgr smp', 3, 128, 512],
        ['smp_udp4', 0, 2, 256],
        ['conn_mgr_monitor', -1, 2, 128],
        ['rx_q[0]', -1, 2, 375],
        ['net_mgmt', -1, 2, 192],
        ['sysworkq', -1, 2, 576],
        ['shell_dummy', 14, 2, 512],
        ['idle', 15, 0, 64],
        ['main', 0, 4, 544],
      ] as const
    ).map(([name, prio, state, stksiz], tid) => [name, { prio, tid, state, stksiz, stkuse: 6 }]),
  ),
  statistics: ZEPHYR_3.statistics!,
  settings: new ServerSettings({ roots: [], canSave: false }),
  files: new ServerFiles({ inStorage: true }),
};

/** A device like the recorded one, with the links of one client after the other. */
class Device {
  readonly clock: VirtualClock = new VirtualClock();
  readonly device: McubootDevice;
  readonly server: SmpServer;
  link: LoopLink;

  constructor(options: Omit<SmpServerOptions, 'clock'>, networkCore = false) {
    const { clock } = this;
    const instant = { eraseMs: 0, writeMs: 0 };
    this.device = new McubootDevice({
      clock,
      trust: 'any',
      images: networkCore ? 2 : 1,
      slotSize: 0x69000,
      flash: instant,
    });
    this.device.program(0, 0, image('a '), { confirmed: true });
    if (networkCore) this.device.program(1, 0, image('net '), { confirmed: true });
    const images = options.personality === 'zephyr-3.4.99' ? { images: this.device } : {};
    this.server = new SmpServer({ clock, ...images, ...options, reset: () => this.device.reset() });
    this.device.listen({ started: () => this.server.start(), stopped: () => this.server.stop() });
    this.device.powerOn();
    clock.advance(1000);
    this.link = this.connect();
  }

  /** After a reset the old link is gone. */
  connect(): LoopLink {
    const link = new LoopLink(this.clock);
    this.server.attach(link);
    return link;
  }

  /** Sends packets at once and gives all answers; resets are over within the time. */
  exchange(...packets: readonly string[]): string[] {
    if (this.link.closed) this.link = this.connect();
    const { link } = this;
    const before = link.sent.length;
    for (const packet of packets) link.put(fromHex(packet));
    this.clock.advance(1000);
    return link.sent.slice(before).map(toHex);
  }
}

test.for(sessions.filter(({ steps }) => steps.every(({ dir }) => dir === undefined)))(
  '$session',
  ({ session, steps }) => {
    const device = new Device(session.startsWith('zephyr-4') ? ZEPHYR_4 : ZEPHYR_3, session === 'multi-image');
    let answers: string[] = [];
    for (const [i, step] of steps.entries()) {
      const what = `${i} ${step.name ?? step.event}`;
      if (step.event === 'deviceExited' || step.event === 'mcuboot') expect(device.link.closed, what).toBe(true);
      if (step.event === 'note' && step.text?.includes('rebooted') === true) device.device.reset();
      device.clock.advance(1000);
      if (step.event !== undefined) continue;
      if (typeof step.request === 'string') answers = device.exchange(step.request);
      expect(answers.shift() ?? null, what).toBe(step.response ?? null);
    }
  },
);

test.for(sessions.filter(({ steps }) => steps.some(({ dir }) => dir === 'out')))('$session', ({ steps }) => {
  const device = new Device(ZEPHYR_3);
  // The client sent what it sent before the server answered anything: runs of packets stand for one moment.
  const answers: string[] = [];
  for (let i = 0; i < steps.length; ) {
    const run: string[] = [];
    while (steps[i]?.dir === 'out') run.push(steps[i++]!.bytes!);
    answers.push(...device.exchange(...run));
    while (steps[i]?.dir === 'in') expect(answers.shift(), `step ${i}`).toBe(steps[i++]!.bytes);
  }
  expect(answers).toEqual([]);
});

test('what was recorded of all groups', () => {
  const device = new Device(ZEPHYR_3);
  const kept = recorded.filter(({ recordedWith }) => recordedWith === 'groups');
  for (const { name, request, response } of kept) {
    // The second list is that of a device that something had been uploaded to meanwhile.
    if (name === 'image list' && response.length > 300) continue;
    expect(device.exchange(request), name).toEqual([response]);
    // The last chunk of the file was not kept; its octets are those of the one before.
    if (name === 'fs upload off=256') device.exchange(request.replace('e100a3636f6666190100', 'e200a3636f6666190200'));
  }
  expect(kept.length).toBeGreaterThan(30);
});
