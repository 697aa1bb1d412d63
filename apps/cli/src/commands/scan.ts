import { AD_MESH_BEACON, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { octetsOf } from '@meshferry/cdb';
import { MeshError, toHex, type Unsubscribe } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { decodeBeacon, decodeProxyIdentity, NetKeyMaterial } from '@meshferry/network';
import { type UnprovisionedDevice, UnprovisionedScanner } from '@meshferry/provisioning';
import type { Command } from 'commander';
import { deviceText } from '../network/describe.ts';
import { oobNames } from '../network/oob-names.ts';
import { again, withSession } from '../network/open.ts';
import type { Session } from '../network/session.ts';
import { ExitCode } from '../shell/exit.ts';
import { plural } from '../shell/format.ts';
import { secondsOption } from '../shell/options.ts';
import type { Runner } from '../shell/run.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

export function addScanCommand(program: Command, runner: Runner): void {
  program
    .command('scan')
    .description('unprovisioned devices, proxies and subnets in range, live')
    .option('--seconds <N>', 'how long (default: 10)', secondsOption)
    .addHelpText('after', '\nExample:\n  meshferry scan --bearer sim:targets=0,unprovisioned=3 --seconds 20\n')
    .action(runner.of<ScanFlags>(scan));
}

interface ScanFlags {
  readonly seconds?: number;
}

/** Devices are heard every 5 s in the slowest case. */
const SECONDS = 10;

/** `scan` */
function scan(shell: Shell, _: readonly string[], { seconds = SECONDS }: ScanFlags): Promise<ExitCode> {
  const listen = async (session: Session): Promise<ExitCode> => {
    const { clock, advertising, central } = session;
    const scanner = new UnprovisionedScanner({
      clock,
      crypto: portableCrypto,
      ...(advertising && { advertising }),
      ...(central && { central }),
    });
    const found = scanner.changes.subscribe((device) => {
      shell.event({ type: 'device', ...describe(device, session) });
      shell.say(deviceLine(shell, device));
      for (const oob of session.surroundings.label(device.uuid))
        shell.say(shell.style.dim(`  on its label: --oob ${oob}`));
    });
    const others = new Neighbours(session);
    let end = (): void => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const timer = clock.after(1000 * seconds, () => end());
    try {
      await session.run(over, () => new MeshError('interrupted', 'interrupted while listening'));
    } finally {
      // It would keep the process when it is over before its time.
      timer.cancel();
      found();
      others.close();
      scanner.close();
    }
    const { devices } = scanner;
    shell.result({
      devices: devices.map((device) => describe(device, session)),
      subnets: others.subnets,
      proxies: others.proxies,
    });
    if (!shell.json) say(shell, devices, others);
    return ExitCode.done;
  };
  return withSession(shell, listen, { node: 'absent' });
}

/** A network that is heard, and whether it is the one that is kept. */
interface Subnet {
  readonly networkId: string;
  /** Index of the NetKey, null for a network that is not ours. */
  readonly netKey: number | null;
  readonly ivIndex: number | null;
  /** dBm, null where the radio does not say. */
  readonly rssi: number | null;
}

/** Subnets by their Secure Network beacons, proxies by what they advertise. */
class Neighbours {
  readonly #subnets = new Map<string, Subnet>();
  readonly #proxies = new Map<
    string,
    { readonly peer: string; readonly identity: string; readonly rssi: number | null }
  >();
  readonly #known: ReadonlyMap<string, number>;
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor({ advertising, central, state }: Session) {
    const values = (state?.document.netKeys ?? []).flatMap(({ index, key, oldKey }) =>
      [key, oldKey].flatMap((value): [string, number][] =>
        value === undefined ? [] : [[networkId(index, octetsOf(value)), index]],
      ),
    );
    this.#known = new Map(values);
    if (advertising !== undefined) {
      this.#unsubscribe.push(advertising.receive([AD_MESH_BEACON], ({ data, rssi }) => this.#beacon(data, rssi)));
    }
    if (central !== undefined) {
      const service = MESH_PROXY_SERVICE.uuid as number;
      this.#unsubscribe.push(central.discover([service], ({ peer, data, rssi }) => this.#proxy(peer, data, rssi)));
    }
  }

  get subnets(): readonly Subnet[] {
    return [...this.#subnets.values()];
  }

  get proxies() {
    return [...this.#proxies.values()];
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  #beacon(data: Uint8Array, rssi: number): void {
    const beacon = decodeBeacon(data);
    if (!beacon.ok || beacon.value.type !== 'secure-network') return;
    const { ivIndex } = beacon.value;
    const id = toHex(beacon.value.networkId);
    this.#subnets.set(id, { networkId: id, netKey: this.#known.get(id) ?? null, ivIndex, rssi: known(rssi) });
  }

  #proxy(peer: string, data: Uint8Array, rssi: number): void {
    const identity = decodeProxyIdentity(data);
    if (!identity.ok) return;
    this.#proxies.set(peer, { peer, identity: identity.value.type, rssi: known(rssi) });
    if (identity.value.type !== 'network-id') return;
    const id = toHex(identity.value.networkId);
    if (this.#subnets.has(id)) return;
    this.#subnets.set(id, { networkId: id, netKey: this.#known.get(id) ?? null, ivIndex: null, rssi: known(rssi) });
  }
}

function networkId(index: number, key: Uint8Array): string {
  return toHex(new NetKeyMaterial(portableCrypto, index, key).networkId);
}

/** `label`: what is printed on a simulated device, as values of `--oob`. */
function describe(
  { uuid, bearer, oobInformation, uri, rssi }: UnprovisionedDevice,
  { surroundings }: Session,
): Readonly<Record<string, unknown>> {
  const label = surroundings.label(uuid);
  return {
    uuid: deviceText(uuid),
    bearer,
    oob: oobNames(oobInformation),
    uri: uri === undefined ? null : toHex(uri),
    rssi: known(rssi),
    ...(label.length > 0 && { label }),
  };
}

/** Controllers say 127 when they do not know [Bluetooth Core 5.4, Vol 4, Part E, 7.7.65.2]; where peers are compared it is −127. */
function known(rssi: number): number | null {
  return Math.abs(rssi) === 127 ? null : rssi;
}

function strength(rssi: number | null): string[] {
  return rssi === null ? [] : [`${rssi} dBm`];
}

function deviceLine(shell: Shell, { uuid, bearer, oobInformation, rssi }: UnprovisionedDevice): string {
  const notes = [`PB-${bearer.toUpperCase()}`, ...strength(known(rssi)), ...oobNames(oobInformation)];
  return `${shell.style.bold(deviceText(uuid))}  ${notes.join(', ')}`;
}

function say(shell: Shell, devices: readonly UnprovisionedDevice[], { subnets, proxies }: Neighbours): void {
  shell.say();
  const rows = subnets.map(({ networkId: id, netKey, ivIndex, rssi }) => [
    id,
    netKey === null ? 'another network' : `this network, NetKey ${netKey}`,
    ivIndex === null ? '' : `IV Index ${ivIndex}`,
    ...strength(rssi),
  ]);
  const head = ['subnet', '', '', ''].map(shell.style.dim);
  if (rows.length > 0) for (const line of alignColumns([head, ...rows])) shell.say(line);
  if (proxies.length > 0) shell.say(`${proxies.length === 1 ? '1 proxy' : `${proxies.length} proxies`} in range`);
  const count = new Set(devices.map(({ uuid }) => toHex(uuid))).size;
  shell.say(`${plural(count, 'device')} to be provisioned`);
  const [first] = devices;
  if (first !== undefined) shell.say(`  make one a node: ${again(shell, `provision ${deviceText(first.uuid)}`)}`);
}
