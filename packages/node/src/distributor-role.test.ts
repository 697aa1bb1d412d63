import { type MemoryAir, memoryAir } from '@meshferry/bearer';
import { sourceOf } from '@meshferry/blob';
import {
  MemoryStore,
  type MeshError,
  type Result,
  SeededRandom,
  storeView,
  toHex,
  VirtualClock,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  DistributionPhase,
  type FirmwareDistributionStatus,
  fillReceivers,
  startDistribution,
  UpdatePhase,
  type UploadedFirmware,
  uploadFirmware,
} from '@meshferry/dfu';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { type BootOutcome, McubootTarget } from './mcuboot-target.ts';
import { MeshNode, type NodeGround } from './mesh-node.ts';
import { PoweredClock } from './powered-clock.ts';
import { type DistributorRole, distributorRole, type Role, type TargetRole, targetRole, updaterRole } from './roles.ts';
import { firmware, version } from './testing/mcuboot-device.ts';

const DISTRIBUTOR = 0x0002;
const OWN_TARGET = 0x0003;
const TARGET = 0x0100;
const TO = { address: DISTRIBUTOR, appIndex: 0 };

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(version(1, 2));
});

describe('a node that is Distributor and Target', () => {
  it('has a BLOB Transfer Server on each of two elements, and none of the second without a firmware of its own', () => {
    const world = new World();
    const { elements } = world.distributor.node.access.composition;
    expect(elements.map(({ sigModels }) => sigModels.filter((id) => id >= 0x1400))).toEqual([
      [0x1400, 0x1401, 0x1403, 0x1404],
      [0x1400, 0x1402],
    ]);
    const ground = world.ground(9, new MemoryStore());
    expect(distributorRole(ground, LIMITS).target).toBeUndefined();
  });

  it('updates another node and then itself, from one upload, over its own restart', () => {
    const world = new World();
    const { distribution } = world.updater;
    const { metadata, firmwareId, image } = made;
    world.settled<UploadedFirmware>((done) =>
      uploadFirmware(
        distribution,
        { to: TO, firmwareId, metadata, source: sourceOf(image), timeoutBase: 2 },
        (event) => event.type === 'done' && done(event.outcome),
      ),
    );
    const receivers = [OWN_TARGET, TARGET].map((address) => ({ address, imageIndex: 0 }));
    world.settled<number>((done) => fillReceivers(distribution, TO, receivers, {}, done));
    const start = { appKeyIndex: 0, distributionTtl: 5, timeoutBase: 2, imageIndex: 0, multicast: 0 };
    const parameters = { ...start, transferMode: 'push', updatePolicy: 'verifyAndApply' } as const;
    world.settled<FirmwareDistributionStatus>((done) => startDistribution(distribution, TO, parameters, done));
    world.until(() => world.distributor.boots === 2);
    expect(world.distributor.role.distribution.phase).toBe(DistributionPhase.applyingUpdate);
    expect(toHex(world.target.firmwareId)).toBe(toHex(firmwareId));
    world.until(() => world.distributor.role.distribution.phase === DistributionPhase.completed);
    expect(toHex(world.distributor.firmwareId)).toBe(toHex(firmwareId));
    expect(world.distributor.role.distribution.receivers).toMatchObject(
      [OWN_TARGET, TARGET].map((address) => ({ address, retrievedUpdatePhase: UpdatePhase.applySuccess })),
    );
  });
});

const LIMITS = { images: 2, imageSize: 1 << 16, space: 1 << 17 };

/** A device that restarts when it has applied. */
class Device<R extends Role> {
  role!: R;
  node!: MeshNode;
  boots = 0;
  #application!: McubootTarget;
  readonly #world: World;
  readonly #store = new MemoryStore();
  readonly #address: number;
  readonly #roleOn: (ground: NodeGround, application: McubootTarget) => R;
  readonly #targetOf: (role: R) => TargetRole | undefined;
  #clock: PoweredClock | undefined;

  constructor(
    world: World,
    address: number,
    roleOn: (ground: NodeGround, application: McubootTarget) => R,
    targetOf: (role: R) => TargetRole | undefined,
  ) {
    this.#world = world;
    this.#address = address;
    this.#roleOn = roleOn;
    this.#targetOf = targetOf;
    this.#powerOn();
  }

  get firmwareId(): Uint8Array {
    return this.#application.images()[0]?.firmwareId ?? new Uint8Array(0);
  }

  #powerOn(): void {
    this.boots++;
    const ground = this.#world.ground(this.#address, this.#store);
    this.#clock = ground.clock;
    this.#application = new McubootTarget({
      store: storeView(this.#store, 'flash/'),
      crypto: portableCrypto,
      company: 0x59,
      version: version(0, 0),
      slotSize: 1 << 16,
      effect: 'none',
      compositionPage0: () => new Uint8Array(22),
      restart: () => void this.#world.clock.after(0, () => this.#restart()),
    });
    const outcome = this.#application.boot();
    const role = this.#roleOn(ground, this.#application);
    const target = this.#targetOf(role);
    const elements = [role.models, ...(target === undefined || target.models === role.models ? [] : [target.models])];
    this.role = role;
    this.node = this.#world.node(ground, this.#address, elements);
    role.bind(0);
    tell(target, outcome);
    target?.update.start();
  }

  #restart(): void {
    this.node.close();
    this.#clock?.cut();
    this.#world.clock.after(2000, () => this.#powerOn());
  }
}

function tell(target: TargetRole | undefined, outcome: BootOutcome): void {
  if (outcome === 'swapped') target?.update.applied(true);
}

/** An updater, a Distributor that is a Target too, and a Target. */
class World {
  readonly clock = new VirtualClock();
  readonly #air: MemoryAir = memoryAir(this.clock, new SeededRandom('air'));
  readonly updater = this.#updater();
  readonly distributor = new Device<DistributorRole>(
    this,
    DISTRIBUTOR,
    (ground, self) => distributorRole(ground, LIMITS, { self }),
    (role) => {
      this.clock.after(0, () => role.distribution.start());
      return role.target;
    },
  );
  readonly target = new Device<TargetRole>(
    this,
    TARGET,
    (ground, application) => targetRole(ground, application),
    (role) => role,
  );

  ground(address: number, store: MemoryStore): NodeGround & { clock: PoweredClock } {
    const random = new SeededRandom(`node ${address} at ${this.clock.now}`);
    return { clock: new PoweredClock(this.clock), random, crypto: portableCrypto, store };
  }

  node(ground: NodeGround, address: number, elements: readonly Role['models'][]): MeshNode {
    const node = new MeshNode({
      ...ground,
      address,
      keys: {
        deviceKey: new Uint8Array(16).fill(address & 0xff),
        netKeys: [{ index: 0, key: new Uint8Array(16).fill(1) }],
        appKeys: [{ index: 0, netIndex: 0, key: new Uint8Array(16).fill(2) }],
      },
      identity: { cid: 0x59, pid: 0, vid: 0, crpl: 10, features: 0 },
      elements: elements.map((models) => ({ location: 0, models })),
    });
    node.attach(this.#air.join().advertising);
    return node;
  }

  /** Lets time pass until something is so; an hour at most. */
  until(isSo: () => boolean): void {
    const end = this.clock.now + 3_600_000;
    while (!isSo()) if (this.clock.now > end || !this.clock.step()) throw new Error('nothing of the kind in an hour');
  }

  settled<T>(begin: (done: (outcome: Result<T, MeshError>) => void) => void): T {
    const outcomes: Result<T, MeshError>[] = [];
    begin((outcome) => outcomes.push(outcome));
    this.until(() => outcomes.length > 0);
    const [outcome] = outcomes as [Result<T, MeshError>];
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  #updater() {
    const ground = this.ground(1, new MemoryStore());
    const role = updaterRole(ground);
    this.node(ground, 1, [role.models]);
    role.bind(0);
    return role;
  }
}
