import { schemeOf } from '@meshferry/bearer';
import { type Cancel, MeshError, type Unicast } from '@meshferry/core';
import { parseSimUri } from '@meshferry/sim';
import { bleRoute, type SmpOpenOptions, type SmpRoute, type SmpTransport } from '@meshferry/smp';
import type { Session } from '../network/session.ts';
import { asInput, badInput, Stop } from '../shell/exit.ts';
import { realClock, realRandom } from '../shell/host.ts';
import { Shell } from '../shell/shell.ts';
import { openLiveSmp } from '../smp/live-session.ts';
import { findSmpPlugin } from '../smp/plugins.ts';
import { type GattTarget, parseGattTarget } from '../smp/target.ts';

/** What was typed of how the image goes to its Distributor. */
export interface WayFlags {
  readonly via?: 'mesh' | 'smp';
  readonly smp?: string;
  readonly oobUri?: string;
}

/** Of the radio that reaches the mesh, so that it serves both. */
const SAME_RADIO = 'ble';

/**
 * For a simulated network whose URI does not say whether its Distributor offers SMP: the one in which it does. What is typed next
 * names it so as well.
 */
export function offeringSmp(shell: Shell): Shell {
  const [uri = '', ...more] = shell.bearers;
  if (more.length > 0 || schemeOf(uri) !== 'sim' || /[:,]\s*smp\s*=/.test(uri)) return shell;
  if (!asInput(() => parseSimUri(uri)).distributor) return shell;
  const offering = new Shell(shell.io, { ...shell.options, bearer: [`${uri.trimEnd()},smp=1`] });
  offering.say(shell.style.dim(`the simulated Distributor offers SMP: --bearer ${offering.bearers[0]}`));
  return offering;
}

/**
 * Ends the command with exit code 2 for options that no update can go by; `distributor` undefined: this process. `--smp` may
 * also be given to an update that goes on.
 */
export async function checkSmpWay(
  shell: Shell,
  session: Session,
  { via, smp, oobUri }: WayFlags,
  distributor: Unicast | undefined,
): Promise<void> {
  if (via !== 'smp') {
    if (smp === undefined) return;
    throw badInput('not-via-smp', '--smp says how a Distributor is reached by SMP', 'Add --via smp, or leave it out.');
  }
  if (distributor === undefined) {
    throw badInput(
      'no-distributor',
      '--via smp is for a Distributor that gets the image by SMP, and here this process distributes it',
      'Give --distributor ADDR, or leave --via smp out.',
    );
  }
  if (oobUri !== undefined) {
    throw badInput(
      'two-ways',
      'the image goes to its Distributor by SMP, or the Distributor fetches it',
      'Give --via smp or --oob-uri.',
    );
  }
  if (session.smp !== undefined && smp !== undefined) {
    throw badInput('smp-is-known', 'a simulated Distributor is reached by its own GATT', 'Leave --smp out.');
  }
  if (session.smp !== undefined) return;
  if (smp === undefined) {
    throw badInput(
      'no-smp-way',
      'how is the Distributor reached by SMP?',
      'Give --smp with serial:/dev/ttyACM0,115200, udp:HOST:1337, noble:ADDR; or ble:ADDR for the radio of --bearer.',
    );
  }
  await checkSmpUri(shell, smp);
}

/** Ends the command with exit code 2 when nothing could be opened by that URI. */
export async function checkSmpUri(shell: Shell, uri: string): Promise<void> {
  if (sameRadio(shell, uri) !== undefined) return;
  const plugin = await findSmpPlugin(shell, uri);
  if (plugin === undefined) parseGattTarget(uri);
  else asInput(() => plugin.route(uri, { clock: realClock, random: realRandom, log: shell.log })).close();
}

/**
 * The way to a Distributor by SMP that is opened when it is needed for the first time: most commands do not upload. `uri`
 * gives what was typed, now or when the update began.
 */
export class SmpWay implements SmpRoute {
  readonly #shell: Shell;
  readonly #session: Session;
  readonly #uri: () => string | undefined;
  #opened: Promise<SmpRoute> | undefined;
  #close: () => Promise<void> = async () => {};

  constructor(shell: Shell, session: Session, uri: () => string | undefined) {
    this.#shell = shell;
    this.#session = session;
    this.#uri = uri;
  }

  get name(): string {
    return this.#uri() ?? '';
  }

  open(done: (outcome: SmpTransport | MeshError) => void, options?: SmpOpenOptions): Cancel {
    let isWanted = true;
    let cancel = (): void => {};
    this.#opened ??= this.#openRoute();
    this.#opened.then(
      (route) => {
        if (isWanted) cancel = route.open(done, options);
      },
      (thrown) => {
        this.#opened = undefined;
        if (isWanted) done(errorOf(thrown));
      },
    );
    return () => {
      isWanted = false;
      cancel();
    };
  }

  close(): void {
    void this.end();
  }

  /** Harmless when it was never opened. */
  async end(): Promise<void> {
    await this.#opened?.catch(() => {});
    await this.#close();
  }

  async #openRoute(): Promise<SmpRoute> {
    const uri = this.#uri();
    if (uri === undefined) throw noWay();
    const target = sameRadio(this.#shell, uri);
    const { central, clock } = this.#session;
    if (target !== undefined) {
      if (central === undefined) throw noCentral(uri);
      return bleRoute({ central, clock, log: this.#shell.log, ...deviceOf(target) });
    }
    const session = await openLiveSmp(this.#shell, uri);
    this.#close = () => session.close();
    return session.route;
  }
}

/** The device of a URI that is reached by the radio of `--bearer`; undefined: by another way. */
function sameRadio(shell: Shell, uri: string): GattTarget | undefined {
  const scheme = schemeOf(uri);
  if (scheme === SAME_RADIO) return parseGattTarget(uri.trim().replace(/^[^:]*/, 'noble'));
  // There is one adapter: it cannot be opened twice.
  if (scheme === 'noble')
    return shell.bearers.some((each) => schemeOf(each) === scheme) ? parseGattTarget(uri) : undefined;
  const isGatt = uri.includes('?') && shell.bearers.some((each) => uri.startsWith(`${each.split('?', 1)[0]}?`));
  return isGatt ? parseGattTarget(uri) : undefined;
}

function deviceOf({ address, name }: GattTarget): Pick<GattTarget, 'address' | 'name'> {
  return { ...(address !== undefined && { address }), ...(name !== undefined && { name }) };
}

function errorOf(thrown: unknown): MeshError {
  if (thrown instanceof MeshError) return thrown;
  if (thrown instanceof Stop) return thrown.error;
  throw thrown;
}

function noWay(): MeshError {
  return new MeshError('no-smp-way', 'it is not known how the Distributor is reached by SMP', {
    hint: 'Give --smp URI once more: meshferry dfu run FILE --resume --smp URI …',
  });
}

function noCentral(uri: string): MeshError {
  return new MeshError('no-central', `the radio of --bearer has no GATT: it cannot connect to ${uri}`, {
    hint: 'Give --smp with a radio of its own, such as noble:ADDR, or with serial: or udp:.',
  });
}
