/**
 * What an update does to everybody else: how long an on/off command of this node takes to a lamp while it updates ten
 * targets, and while it does not; and for how much of the fullest 10 s the lamp hears the air taken. Without a limit and
 * with `--airtime`. `pnpm bench latency [KIB] [MESSAGES] [SEED] [AIRTIME]`, by default 64, 500, 1 and 0.3.
 */
import { performance } from 'node:perf_hooks';
import { type Cancel, MemoryStore, SeededRandom, storeView, type Unicast } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { makeFirmware } from '@meshferry/firmware';
import { GenericOnOffClient, GenericOnOffServer } from '@meshferry/generic';
import { MeshNode, UpdateJob, type UpdaterRole, updaterRole } from '@meshferry/node';
import { HeardAir, parseSimUri, SIM_APP_INDEX, SIM_GROUP, SIM_PROCESS_ADDRESS, World, worldKeys } from '@meshferry/sim';

const KIB = Number(process.argv[2] ?? 64);
const MESSAGES = Number(process.argv[3] ?? 500);
const SEED = Number(process.argv[4] ?? 1);
const AIRTIME = Number(process.argv[5] ?? 0.3);
const LAMP: Unicast = 0x0700;
const TARGETS = 10;
const IDENTITY = { cid: 0xffff, pid: 0, vid: 0, crpl: 0x7fff, features: 0 };
/** Commands are this far apart on average, ms: often enough to have many in an update, too seldom to slow it down. */
const PERIOD_MS = { interval: 1000, single: 250 };

const CASES = [
  'controller=interval',
  'controller=interval,sets=4',
  'controller=single',
  'controller=single,sets=2',
  'controller=single,sets=4',
] as const;

const { image, metadata, firmwareId } = await makeFirmware({
  payload: new SeededRandom('bench').bytes(KIB * 1024 - 666),
  version: { major: 2, minor: 0, revision: 0, build: 0 },
  company: 0x59,
  crypto: portableCrypto,
});

interface Scene {
  readonly world: World;
  readonly role: UpdaterRole;
  readonly client: GenericOnOffClient;
  /** Switches the lamp, and notes how long that takes until it is on or off, ms. */
  command(): void;
  readonly latencies: number[];
  sent: number;
}

/** Ten targets, a lamp, and this node, all in reach of each other. */
function makeScene(controller: string, seed: number): Scene {
  let role: UpdaterRole | undefined;
  const client = new GenericOnOffClient();
  const world = new World({
    sim: parseSimUri(`sim:targets=${TARGETS},unprovisioned=1,${controller},seed=${seed}`),
    self: (ground) => {
      role = updaterRole(ground);
      const node = new MeshNode({
        ...ground,
        address: SIM_PROCESS_ADDRESS,
        keys: worldKeys(seed, SIM_PROCESS_ADDRESS),
        identity: IDENTITY,
        elements: [{ location: 0, models: [...role.models, client.model] }],
        deviceKeyOf: (address) => worldKeys(seed, address).deviceKey,
      });
      role.bind(SIM_APP_INDEX);
      client.model.bind(SIM_APP_INDEX);
      return node;
    },
  });
  const latencies: number[] = [];
  let commandedAt = Number.NaN;
  const server = new GenericOnOffServer({ changed: () => latencies.push(world.clock.now - commandedAt) });
  const lamp = new MeshNode({
    clock: world.clock,
    random: new SeededRandom(`${seed}/lamp`),
    crypto: portableCrypto,
    store: new MemoryStore(),
    address: LAMP,
    keys: worldKeys(seed, LAMP),
    identity: IDENTITY,
    elements: [{ location: 0, models: [server.model] }],
  });
  server.model.bind(SIM_APP_INDEX);
  // It stands where a device was that is in no network.
  for (const device of world.devices) device.powerOff();
  lamp.attach(world.radio.attach({ index: TARGETS + 1 }));
  let state: 0 | 1 = 0;
  let cancel: Cancel = () => {};
  const scene: Scene = {
    world,
    role: role as UpdaterRole,
    client,
    latencies,
    sent: 0,
    command: () => {
      scene.sent++;
      state = state === 0 ? 1 : 0;
      commandedAt = world.clock.now;
      // The command before, not yet answered, would be repeated: it would switch back.
      cancel();
      cancel = client.set(state, { dst: LAMP, appIndex: SIM_APP_INDEX }, {}, () => {});
    },
  };
  return scene;
}

/** Commands at random moments, until there are enough or `isOver`. */
function commandOften(
  { world, command }: Scene,
  periodMs: number,
  count: number,
  isOver: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const next = (): void => {
      world.clock.after(periodMs * (0.5 + world.random.uniform()), () => {
        if (left-- === 0 || isOver()) return resolve();
        command();
        next();
      });
    };
    next();
  });
}

async function idle(controller: string, periodMs: number): Promise<number[]> {
  const scene = makeScene(controller, SEED);
  await scene.world.run(commandOften(scene, periodMs, 4 * MESSAGES, () => false));
  scene.world.close();
  return scene.latencies;
}

interface Updating {
  readonly latencies: number[];
  /** Of each transfer. */
  readonly seconds: readonly number[];
  /** Share of the air that the lamp hears taken in the fullest 10 s. */
  readonly fullest: number;
}

/** As many updates as it takes. */
async function updating(controller: string, periodMs: number, airtime: number | undefined): Promise<Updating> {
  const latencies: number[] = [];
  const seconds: number[] = [];
  let fullest = 0;
  for (let seed = SEED; latencies.length < MESSAGES; seed++) {
    const scene = makeScene(controller, seed);
    const { world } = scene;
    world.node.network.airtime = airtime;
    const heard = new HeardAir(world.radio, TARGETS + 1);
    const job = new UpdateJob({
      role: scene.role,
      clock: world.clock,
      random: world.random,
      crypto: portableCrypto,
      store: storeView(new MemoryStore(), 'job/'),
    });
    let isSending = false;
    const commands = (): Promise<void> => commandOften(scene, periodMs, MESSAGES - latencies.length, () => !isSending);
    const request = { image, metadata, firmwareId, appIndex: SIM_APP_INDEX, group: SIM_GROUP };
    const { stats, targets } = await world.run(
      job.run(
        { ...request, targets: world.targets.map(({ address }) => address) },
        {
          onProgress: ({ phase }) => {
            const begins = phase === 'transferring' && !isSending;
            isSending = phase === 'transferring';
            if (begins) void commands();
          },
        },
      ),
    );
    if (targets.some(({ phase }) => phase !== 'applied'))
      throw new Error(`${controller}: not all targets were updated`);
    seconds.push(stats.transferSeconds);
    latencies.push(...scene.latencies);
    fullest = Math.max(fullest, heard.fullestWindow().share);
    world.close();
  }
  return { latencies, seconds, fullest };
}

function at(share: number, sorted: readonly number[]): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function columns(values: number[]): string {
  const sorted = values.sort((a, b) => a - b);
  return [at(0.5, sorted), at(0.99, sorted), sorted.at(-1) ?? Number.NaN]
    .map((ms) => ms.toFixed(1).padStart(7))
    .join(' ');
}

console.log(
  `${KIB} KiB to ${TARGETS} targets, at least ${MESSAGES} commands, seed ${SEED}; ms from the command until the lamp has changed`,
);
console.log(
  'controller                 airtime idle p50     p99     max  update p50     p99     max  p99 ratio  transfer s  fullest 10 s  wall s',
);
for (const controller of CASES) {
  const periodMs = controller.includes('single') ? PERIOD_MS.single : PERIOD_MS.interval;
  const before = await idle(controller, periodMs);
  const idleColumns = columns(before);
  for (const airtime of [undefined, AIRTIME]) {
    const start = performance.now();
    const { latencies, seconds, fullest } = await updating(controller, periodMs, airtime);
    const updateColumns = columns(latencies);
    console.log(
      [
        controller.padEnd(27),
        (airtime === undefined ? '-' : percent(airtime)).padStart(6),
        idleColumns,
        '   ',
        updateColumns,
        (at(0.99, latencies) / at(0.99, before)).toFixed(2).padStart(10),
        (seconds.reduce((a, b) => a + b, 0) / seconds.length).toFixed(0).padStart(11),
        percent(fullest).padStart(13),
        ((performance.now() - start) / 1000).toFixed(0).padStart(7),
      ].join(' '),
    );
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
