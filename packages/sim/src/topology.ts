import { MeshError, type Random } from '@meshferry/core';

export type TopologyKind = 'full' | 'line' | 'grid' | 'random';

/** Who hears whom: nodes by index, 0 is this process. Links are symmetric, the graph is connected. */
export interface Topology {
  /** Number of nodes. */
  readonly nodes: number;
  /** Indexes of the nodes that hear node `index`, ascending, itself not among them. */
  neighbours(index: number): readonly number[];
  hears(receiver: number, transmitter: number): boolean;
  /** Hops from node 0 to node `index` when every node on the way relays; 0 for itself. */
  hopsTo(index: number): number;
}

/**
 * Lays out `nodes` nodes (1 or more). `hops` is the distance of the farthest node from node 0:
 * - `full`: everyone hears everyone, `hops` is 1.
 * - `line`: nodes 1… are shared out in order over `hops` places behind node 0; a node hears its own place and the
 *   next ones. Default: a place for each node.
 * - `grid`: rows and columns, node 0 in a corner; a node hears those within a range, which is the shortest that keeps
 *   all connected or, when `hops` is given, the shortest that reaches all in so many hops.
 * - `random`: like `grid`, with places drawn from `random`.
 *
 * Throws `bad-topology` when there are no nodes or fewer than `hops` to reach.
 */
export function layOut(kind: TopologyKind, nodes: number, random: Random, hops?: number): Topology {
  const farthest = Math.max(1, nodes - 1);
  if (!(nodes >= 1)) throw new MeshError('bad-topology', `a topology of ${nodes} nodes has no node 0`);
  if (hops !== undefined && (hops < 1 || hops > farthest || (kind === 'full' && hops !== 1))) {
    throw new MeshError('bad-topology', `hops ${hops} does not fit topology ${kind} of ${nodes} nodes`, {
      hint: kind === 'full' ? 'Choose topology=line for several hops.' : `Choose hops from 1 to ${farthest}.`,
    });
  }
  if (kind === 'full') return graph(nodes, () => true);
  if (kind === 'line') {
    const places = hops ?? farthest;
    const place = (index: number): number => (index === 0 ? 0 : 1 + Math.floor(((index - 1) * places) / (nodes - 1)));
    return graph(nodes, (a, b) => Math.abs(place(a) - place(b)) <= 1);
  }
  const points = kind === 'grid' ? gridPoints(nodes) : randomPoints(nodes, random);
  return shortestRange(points, hops ?? farthest);
}

/**
 * Who relays: `none`, `all` simulated nodes (not node 0), or so many of them, those that extend the reach of node 0 most
 * first. The result tells by index.
 */
export function chooseRelays(topology: Topology, relays: 'none' | 'all' | number): (index: number) => boolean {
  if (relays === 'none') return () => false;
  if (relays === 'all') return (index) => index > 0;
  const chosen = new Set<number>();
  const reached = new Set<number>([0, ...topology.neighbours(0)]);
  while (chosen.size < Math.min(relays, topology.nodes - 1)) {
    let best = -1;
    let bestGain = -1;
    for (let index = 1; index < topology.nodes; index++) {
      if (chosen.has(index) || !reached.has(index)) continue;
      const gain = topology.neighbours(index).reduce((sum, other) => sum + (reached.has(other) ? 0 : 1), 0);
      if (gain > bestGain) [best, bestGain] = [index, gain];
      if (reached.size === topology.nodes) break; // nothing more to gain: in order of their index
    }
    chosen.add(best);
    for (const other of topology.neighbours(best)) reached.add(other);
  }
  return (index) => chosen.has(index);
}

function graph(nodes: number, linked: (a: number, b: number) => boolean): Topology {
  const links = new Uint8Array(nodes * nodes);
  const neighbours: number[][] = Array.from({ length: nodes }, () => []);
  for (let a = 0; a < nodes; a++) {
    for (let b = 0; b < nodes; b++) {
      if (a === b || !linked(a, b)) continue;
      links[a * nodes + b] = 1;
      neighbours[a]?.push(b);
    }
  }
  const distances = distancesFrom0(neighbours);
  return {
    nodes,
    neighbours: (index) => neighbours[index] ?? [],
    hears: (receiver, transmitter) => links[receiver * nodes + transmitter] === 1,
    hopsTo: (index) => distances[index] ?? Number.POSITIVE_INFINITY,
  };
}

/** Breadth first; Infinity for a node that no path reaches. */
function distancesFrom0(neighbours: readonly (readonly number[])[]): number[] {
  const distances = neighbours.map(() => Number.POSITIVE_INFINITY);
  distances[0] = 0;
  const queue = [0];
  for (const index of queue) {
    for (const other of neighbours[index] ?? []) {
      if (distances[other] !== Number.POSITIVE_INFINITY) continue;
      distances[other] = (distances[index] as number) + 1;
      queue.push(other);
    }
  }
  return distances;
}

type Point = readonly [x: number, y: number];

function gridPoints(nodes: number): Point[] {
  const columns = Math.ceil(Math.sqrt(nodes));
  return Array.from({ length: nodes }, (_, i) => [i % columns, Math.floor(i / columns)] as const);
}

/** In the unit square, node 0 in its corner so that hops grow across it. */
function randomPoints(nodes: number, random: Random): Point[] {
  return Array.from({ length: nodes }, (_, i) => (i === 0 ? [0, 0] : [random.uniform(), random.uniform()]) as Point);
}

/** The graph of the shortest radio range in which node 0 reaches all in at most `hops` hops. */
function shortestRange(points: readonly Point[], hops: number): Topology {
  const squared = (a: number, b: number): number => {
    const [[ax, ay], [bx, by]] = [points[a] as Point, points[b] as Point];
    return (ax - bx) ** 2 + (ay - by) ** 2;
  };
  const within = (range: number): Topology => graph(points.length, (a, b) => squared(a, b) <= range);
  const ranges = [...new Set(points.flatMap((_, a) => points.slice(0, a).map((_, b) => squared(a, b))))];
  ranges.sort((a, b) => a - b);
  // Reach grows with the range, so the shortest that suffices is found by halving.
  let low = 0;
  let high = ranges.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const topology = within(ranges[middle] as number);
    const reachesAll = points.every((_, index) => topology.hopsTo(index) <= hops);
    if (reachesAll) high = middle;
    else low = middle + 1;
  }
  return within(ranges[low] ?? 0);
}
