/** A simulated site that updates are compared on. */
export interface NamedTopology {
  readonly name: string;
  /** What follows `sim:`; the seed is given apart. */
  readonly uri: string;
  readonly kib: number;
  /** Longest wall time that is asked for, s. */
  readonly wallAtMost?: number;
}

/**
 * Sites of 1 to 6 hops and 10 to 200 nodes with a loss of 0.5 to 10 %, the image 16 KiB. Relays are about twice as many as
 * it takes to reach everybody, or (line-6, tunnel, workshop) all nodes.
 */
export const TOPOLOGIES: readonly NamedTopology[] = [
  { name: 'room', uri: 'targets=10,loss=0.005', kib: 16 },
  { name: 'open-plan', uri: 'targets=30,loss=0.02', kib: 16 },
  { name: 'garage', uri: 'targets=20,loss=0.1', kib: 16 },
  { name: 'flat', uri: 'targets=10,topology=random,hops=2,relays=3,loss=0.01', kib: 16 },
  { name: 'corridor', uri: 'targets=12,topology=line,hops=3,relays=3,loss=0.02', kib: 16 },
  { name: 'workshop', uri: 'targets=15,topology=grid,hops=2,relays=all,loss=0.05', kib: 16 },
  { name: 'grid-office', uri: 'targets=24,topology=grid,hops=3,relays=4,loss=0.02', kib: 16 },
  { name: 'two-floors', uri: 'targets=40,topology=random,hops=2,relays=4,loss=0.03', kib: 16 },
  { name: 'line-6', uri: 'targets=12,topology=line,hops=6,relays=all,loss=0.01', kib: 16 },
  { name: 'tunnel', uri: 'targets=12,topology=line,hops=6,relays=all,loss=0.1', kib: 16 },
  { name: 'campus', uri: 'targets=100,topology=random,hops=4,relays=12,loss=0.05', kib: 16 },
  { name: 'stadium', uri: 'targets=200,loss=0.02', kib: 16 },
];

/** Not of the twelve, run by their names alone. */
export const MORE_TOPOLOGIES: readonly NamedTopology[] = [
  { name: 'hotel', uri: 'targets=60,topology=line,hops=6,relays=8,loss=0.05', kib: 16 },
  { name: 'warehouse-200', uri: 'targets=200,topology=grid,hops=5,relays=14,loss=0.03', kib: 16 },
  { name: 'hall-500', uri: 'targets=500,loss=0.02,controller=single,sets=2', kib: 256, wallAtMost: 480 },
];
