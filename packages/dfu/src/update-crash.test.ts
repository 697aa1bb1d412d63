import { MemoryStore, SeededRandom, toHex, type Write } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type ClientNode, GROUP, IMAGE, Mesh, NEW_ID, type TargetTraits } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';
import type { Update, UpdateParameters } from './update-types.ts';

const NEW = toHex(NEW_ID);
const CHUNK_TRANSFER = 0x66;
/** Of the image. */
const BLOCKS = [0, 256, 512];
/** So many chunks a block that one that is sent again shows. */
const TARGET: TargetTraits = { capabilities: { maxChunkSize: 65, maxChunksNumber: 4 } };

/** When the power fails: before the write reaches the medium, or right after. */
type When = 'before' | 'after';

/** A store on which the power fails at one write: `died` is called, and nothing is written any more. */
class CutStore extends MemoryStore {
  writes = 0;
  isCut = false;
  died: () => void = () => {};
  #at: number = Number.POSITIVE_INFINITY;
  #when: When = 'before';

  /** Counts from here. */
  arm(at: number = Number.POSITIVE_INFINITY, when: When = 'before'): void {
    this.writes = 0;
    this.#at = at;
    this.#when = when;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.isCut) return;
    this.writes++;
    const isNow = this.writes === this.#at;
    if (!isNow || this.#when === 'after') super.batch(writes);
    if (!isNow) return;
    this.isCut = true;
    this.died();
  }
}

/** A whole update that the client's process may die in. */
interface Scenario {
  readonly name: string;
  readonly parameters?: Partial<UpdateParameters>;
  readonly targets?: readonly TargetTraits[];
  /** What its user does as it goes on; called after each event, of every process. */
  readonly user?: (run: Update, mesh: Mesh, notes: Set<string>) => void;
  readonly outcome?: 'complete' | 'cancelled';
}

const applyLater = (run: Update): void => {
  if (run.phase === 'verified') run.apply();
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'push by unicast' },
  { name: 'push by group', parameters: { group: GROUP } },
  { name: 'pull', parameters: { mode: 'pull' } },
  { name: 'verify only, applied later', parameters: { policy: 'verify' }, user: applyLater },
  {
    name: 'one target has the image, one leaves the network, one takes a minute to boot',
    targets: [TARGET, { ...TARGET, effect: 3 }, { ...TARGET, bootMs: 60_000 }],
  },
  {
    name: 'suspended after the first block and resumed',
    user: (run, mesh, notes) => {
      const hasBlock = mesh.targets.every(({ device }) => device.calls.includes('block 0'));
      if (hasBlock && !notes.has('suspended') && run.suspend()) notes.add('suspended');
      if (run.phase === 'suspended') mesh.clock.after(50_000, () => run.resume());
    },
  },
  {
    name: 'cancelled in the transfer',
    outcome: 'cancelled',
    user: (run, mesh) => {
      const hasBlock = mesh.targets.some(({ device }) => device.calls.includes('block 0'));
      if (hasBlock && run.phase === 'transferring') run.cancel();
    },
  },
];

/** An update, and what has reached the targets in all its processes. */
class Crashing {
  readonly mesh: Mesh;
  client: ClientNode;
  store: CutStore;
  readonly chunks = new Map<number, number>();
  /** What the user has done already. */
  readonly #notes = new Set<string>();
  readonly #scenario: Scenario;
  isOver = false;

  constructor(scenario: Scenario, at?: number, when?: When) {
    this.#scenario = scenario;
    this.mesh = new Mesh(scenario.targets ?? [TARGET, TARGET]);
    if (scenario.targets !== undefined) this.mesh.targets[0]!.device.slot = IMAGE.slice();
    this.mesh.onArrival = ({ payload }, to, deliver) => {
      if (payload[0] === CHUNK_TRANSFER) this.chunks.set(to, (this.chunks.get(to) ?? 0) + 1);
      deliver();
    };
    this.store = new CutStore();
    this.client = this.mesh.client.kill(this.store);
    this.#arm(at, when);
  }

  /** Begins the update, or goes on with it, until it is over or the power fails. */
  go(): void {
    const { client, mesh, store } = this;
    const isSaved = client.update.saved() !== undefined;
    const saved = isSaved ? { ...client.update.saved(), resume: true } : {};
    const run = client.start({ ...this.#scenario.parameters, ...saved }, () => {
      mesh.clock.after(0, () => {
        if (client.run !== undefined && !store.isCut) this.#scenario.user?.(client.run, mesh, this.#notes);
      });
    });
    if (!store.isCut && isSaved) this.#scenario.user?.(run, mesh, this.#notes);
    mesh.run(client, () => store.isCut || client.outcome !== undefined);
    this.isOver = !store.isCut;
  }

  /** The next process, some seconds later. */
  restart(at?: number, when?: When): void {
    const store = new CutStore();
    this.client = this.client.kill(store);
    this.store = store;
    this.mesh.clock.advance(3000);
    this.#arm(at, when);
  }

  /** What the process writes before it goes on with the update is no part of it. */
  #arm(at: number | undefined, when: When | undefined): void {
    this.store.arm(at, when);
    this.store.died = () => this.client.unplug();
  }
}

/** Writes of the whole update, and chunk messages that reached each target in it. */
function undisturbed(scenario: Scenario): { writes: number; chunks: Map<number, number> } {
  const crashing = new Crashing(scenario);
  crashing.go();
  check(crashing, scenario, crashing.chunks, 'without a cut', 0);
  return { writes: crashing.store.writes, chunks: crashing.chunks };
}

function check(
  { mesh, client, chunks }: Crashing,
  scenario: Scenario,
  usual: ReadonlyMap<number, number>,
  where: string,
  cuts: number,
): void {
  const { outcome = 'complete' } = scenario;
  // When the record was erased before the power failed, nobody is left to tell how it ended.
  if (client.outcome !== undefined) expect(client.outcome, where).toBe(outcome);
  expect(client.update.saved(), where).toBeUndefined();
  for (const { device, address, update } of mesh.targets) {
    const applied = device.calls.filter((call) => call === 'apply').length;
    if (outcome === 'complete') {
      expect(toHex(device.firmwareId), where).toBe(NEW);
      expect(device.running, where).toEqual(IMAGE);
      expect(applied, where).toBe(1);
      expect(device.calls.indexOf('verify'), where).toBeLessThan(device.calls.indexOf('apply'));
    } else {
      expect(applied, where).toBe(0);
      expect(update.phase, where).toBe(UpdatePhase.idle);
    }
    for (const block of BLOCKS) {
      expect(device.calls.filter((call) => call === `block ${block}`).length, where).toBeLessThanOrEqual(1);
    }
    const inAll = usual.get(address) ?? 0;
    const again = (chunks.get(address) ?? 0) - inAll;
    expect(again, where).toBeLessThanOrEqual(cuts * Math.ceil(inAll / BLOCKS.length));
  }
}

describe('the client dies at any write of its store and goes on', () => {
  it.each(SCENARIOS)('$name', (scenario) => {
    const { writes, chunks } = undisturbed(scenario);
    expect(writes).toBeGreaterThan(scenario.outcome === 'cancelled' ? 20 : 40);
    for (let at = 1; at <= writes; at++) {
      for (const when of ['before', 'after'] as const) {
        const where = `${when} write ${at} of ${writes}`;
        const crashing = new Crashing(scenario, at, when);
        crashing.go();
        expect(crashing.isOver, where).toBe(false);
        crashing.restart();
        if (crashing.client.update.saved() !== undefined || when === 'before') crashing.go();
        check(crashing, scenario, chunks, where, 1);
      }
    }
  });

  it('any two times', () => {
    const random = new SeededRandom('twice');
    const usual = SCENARIOS.map(undisturbed);
    for (let i = 0; i < 60; i++) {
      const which = i % SCENARIOS.length;
      const scenario = SCENARIOS[which] as Scenario;
      const { writes, chunks } = usual[which] as (typeof usual)[0];
      const [first, second] = [1, 2].map(() => 2 + Math.floor(random.uniform() * (writes - 2)));
      const where = `${scenario.name}: at write ${first}, then ${second}`;
      const crashing = new Crashing(scenario, first, 'after');
      crashing.go();
      crashing.restart(second, 'before');
      if (crashing.client.update.saved() !== undefined) crashing.go();
      if (!crashing.isOver) crashing.restart();
      if (crashing.client.update.saved() !== undefined) crashing.go();
      check(crashing, scenario, chunks, where, 2);
    }
  });
});
