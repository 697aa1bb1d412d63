/**
 * The floors of the house (architecture of Meshferry, rule 3), lowest first. A package imports only packages of lower
 * floors. A new package gets its place here first.
 */
export const floors: readonly (readonly string[])[] = [
  ['core'],
  ['crypto'],
  ['bearer'],
  ['bearer-testkit', 'network'],
  ['provisioning'],
  ['access'],
  ['cdb'],
  ['firmware'],
  ['foundation', 'blob', 'generic', 'smp'],
  ['dfu'],
  ['node'],
  ['byte-streams'],
  ['store-sqlite', 'crypto-node', 'bearer-noble', 'bearer-hci', 'bearer-dongle', 'smp-serial', 'smp-udp', 'sim'],
  ['cli', 'daemon', 'dashboard'],
];

/** Packages that promise to need even less than their floor allows. */
const narrower: Readonly<Record<string, readonly string[]>> = {
  firmware: ['core', 'crypto'],
};

/** Floors from here on, the edge, may touch the outside: `node:*`, timers, chance, the terminal. */
const edge = floorOf('byte-streams');

/** The floor of a package folder name, or -1 when it has none yet. */
export function floorOf(name: string): number {
  return floors.findIndex((names) => names.includes(name));
}

/** Whether the sources of this package must stay free of I/O, time and chance of their own. */
export function isPure(name: string): boolean {
  const floor = floorOf(name);
  return floor >= 0 && floor < edge;
}

/** The package folder names that the sources of `name` may import. */
export function importable(name: string): readonly string[] {
  return narrower[name] ?? floors.slice(0, floorOf(name)).flat();
}

/** The package folder names that its tests may import besides: those of its own floor. */
export function importableByTests(name: string): readonly string[] {
  return floors.slice(0, floorOf(name) + 1).flat();
}
