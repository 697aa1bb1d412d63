import { simSmpUriKeys, simUriKeys } from '@meshferry/sim';
import { alignColumns } from '../shell/table.ts';
import type { KnownBearer } from './plugins.ts';

/** The simulator, as "bearer list" shows it. */
export const SIMULATOR: KnownBearer & {
  /** What its URI can say, `KEY=VALUE` between commas: each key with its default and what is allowed. */
  readonly keys: ReturnType<typeof simUriKeys>;
  readonly usable: boolean;
  readonly reason: null;
} = {
  scheme: 'sim',
  what: 'a simulated mesh: nodes of the same stack on a simulated radio',
  uris: [
    'sim:targets=10',
    'sim:targets=10,loss=0.1,seed=7',
    'sim:distributor=1,topology=line,hops=3,relays=all',
    'sim:targets=4,lowpower=2,friends=1',
    'sim:targets=4,proxies=1,link=gatt',
  ],
  keys: simUriKeys(),
  usable: true,
  reason: null,
};

/** The keys of `sim:` URIs, from their one declaration, for help texts. */
export function simulatorKeys(): string {
  return keysOf('sim:KEY=VALUE,…', simUriKeys());
}

/** Those of `sim:smp`, likewise. */
export function simulatedDeviceKeys(): string {
  return keysOf('sim:smp,KEY=VALUE,…', simSmpUriKeys());
}

function keysOf(uri: string, keys: ReturnType<typeof simUriKeys>): string {
  const rows = keys.map(({ key, initial, allowed }) => [`  ${key}`, initial, allowed]);
  return `\nKeys of --bearer ${uri} with their defaults:\n${alignColumns(rows).join('\n')}\n`;
}
