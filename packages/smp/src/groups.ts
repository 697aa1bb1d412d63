/** Management groups and their numbers [spec: smp section 4]. */
export const SmpGroup = {
  os: 0,
  image: 1,
  statistics: 2,
  settings: 3,
  log: 4,
  crash: 5,
  splitImage: 6,
  run: 7,
  fileSystem: 8,
  shell: 9,
  enumeration: 10,
  basic: 63,
} as const;

/** First number of the groups that applications and vendors define. */
const FIRST_USER_GROUP = 64;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'OS'],
  [1, 'image'],
  [2, 'statistics'],
  [3, 'settings'],
  [4, 'log'],
  [5, 'crash'],
  [6, 'split image'],
  [7, 'run-time tests'],
  [8, 'file system'],
  [9, 'shell'],
  [10, 'enumeration'],
  [63, 'Zephyr basic'],
  [66, 'SUIT'],
  [128, 'Memfault'],
]);

/** The name of a group, undefined for one that is not known. */
export function knownGroupName(group: number): string | undefined {
  return NAMES.get(group);
}

/** A group in words, for any number. */
export function groupName(group: number): string {
  const name = NAMES.get(group);
  if (name !== undefined) return name;
  return group >= FIRST_USER_GROUP ? `user-defined group ${group}` : `unknown group ${group}`;
}
