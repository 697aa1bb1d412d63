import { MeshError } from '@meshferry/core';
import { parseSimUri, type SimOptions, simUriKeys } from '@meshferry/sim';
import { asInput, badInput, ExitCode, Stop } from '../shell/exit.ts';
import { alignColumns } from '../shell/table.ts';

/** One kind of bearer, found by the scheme of its URI. */
export interface Bearer {
  readonly scheme: string;
  readonly what: string;
  /** URIs as they can be typed. */
  readonly uris: readonly string[];
  /** What its URI can say, `KEY=VALUE` between commas: each key with its default and what is allowed. */
  readonly keys?: ReturnType<typeof simUriKeys>;
  readonly usable: boolean;
  /** Why not, null when usable. */
  readonly reason: string | null;
}

const LATER = 'not part of this version of Meshferry';

/** What `bearer list` shows. */
export const BEARERS: readonly Bearer[] = [
  {
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
  },
  {
    scheme: 'hci',
    what: 'a Bluetooth controller by its host interface',
    uris: ['hci:serial:/dev/ttyACM0,1000000', 'hci:tcp:127.0.0.1:9000', 'hci:unix:/run/hci'],
    usable: false,
    reason: LATER,
  },
  {
    scheme: 'noble',
    what: 'the Bluetooth of this computer, to a mesh proxy',
    uris: ['noble:', 'noble:C0:FF:EE:00:00:01'],
    usable: false,
    reason: LATER,
  },
  {
    scheme: 'dongle',
    what: 'a dongle with the firmware of Meshferry',
    uris: ['dongle:/dev/ttyACM1'],
    usable: false,
    reason: LATER,
  },
];

/** The keys of `sim:` URIs, from their one declaration, for help texts. */
export function simulatorKeys(): string {
  const rows = simUriKeys().map(({ key, initial, allowed }) => [`  ${key}`, initial, allowed]);
  return `\nKeys of --bearer sim:KEY=VALUE,… with their defaults:\n${alignColumns(rows).join('\n')}\n`;
}

/** The one bearer that a firmware update goes over, from the `--bearer` options. */
export function chooseSim(uris: readonly string[]): SimOptions {
  const [uri, second] = uris;
  if (uri === undefined) {
    throw badInput(
      'no-bearer',
      'no bearer given: which radio reaches the mesh?',
      'Try a simulated one: --bearer sim:targets=10',
    );
  }
  if (second !== undefined) {
    throw badInput(
      'several-bearers',
      `an update goes over one bearer, ${uris.length} are given`,
      'Give --bearer once.',
    );
  }
  const scheme = uri.trim().split(':', 1)[0] as string;
  const bearer = BEARERS.find((known) => known.scheme === scheme);
  if (bearer === undefined) {
    const schemes = BEARERS.map((known) => known.scheme).join(', ');
    throw badInput('unknown-bearer', `unknown bearer "${uri}"; there are ${schemes}`, 'See "meshferry bearer list".');
  }
  if (!bearer.usable) {
    throw new Stop(
      ExitCode.unavailable,
      new MeshError('bearer-not-available', `bearer ${uri} cannot be used here: ${bearer.reason}`, {
        hint: 'See "meshferry bearer list"; a simulated mesh is always there: --bearer sim:targets=10',
      }),
    );
  }
  return asInput(() => parseSimUri(uri));
}
