import { MeshError, storeView, VirtualClock } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import { parseSimSmpUri, SimSmp } from '@meshferry/sim';
import { SMP_SERVICE, SmpBleTransport, type SmpOffer, type SmpTransport } from '@meshferry/smp';
import { LiveRadio } from '../network/live-radio.ts';
import { asInput, badInput, type ExitCode } from '../shell/exit.ts';
import { realClock, realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';
import { findRadio } from './live-session.ts';
import { findSmpPlugin } from './plugins.ts';
import { reachable } from './reach.ts';
import { openDeviceStore, trustOf } from './sim-session.ts';
import { traceTransport } from './trace.ts';

export interface ServeFlags {
  readonly at: readonly string[];
}

/** How often the device's time catches up with that of everybody, ms. */
const TICK_MS = 5;
const ADVERTISING_MS = 100;

/** `smp serve --at URI`: the simulated device in real time, for clients of others; until Ctrl-C. */
export async function smpServe(shell: Shell, _: readonly string[], { at }: ServeFlags): Promise<ExitCode> {
  if (at.length === 0) {
    throw badInput('no-place', 'no place to serve at', 'Give --at udp:127.0.0.1:1337, serial:/dev/pts/3, or hci:….');
  }
  const [uri = 'sim:smp', ...more] = shell.bearers;
  if (more.length > 0)
    throw badInput('several-bearers', 'one device is served, several are given', 'Give --bearer once.');
  const sim = asInput(() => parseSimSmpUri(uri));
  const trust = trustOf(shell, sim);
  const store = openDeviceStore(shell.state, sim);
  const clock = new VirtualClock();
  const device = new SimSmp({ sim, trust, log: shell.log, clock, store: storeView(store, 'device/') });
  const offers: SmpOffer[] = [];
  const radio = await LiveRadio.open(shell, []);
  const stopTime = keepPace(clock);
  try {
    for (const place of at) offers.push(await reachable(offer(shell, device, place)));
    tellStarts(shell, device);
    shell.event({ type: 'serving', at });
    shell.say(`${uri} is served at ${at.join(', ')} until Ctrl-C`);
    return await radio.run(new Promise<never>(() => {}), () => stopped(shell));
  } finally {
    for (const one of offers) one.close();
    stopTime();
    device.close();
    radio.close();
    store.close();
  }
}

/** Lets a virtual clock pass as the real one does. */
function keepPace(clock: VirtualClock): () => void {
  const begun = realClock.now - clock.now;
  let isWanted = true;
  const tick = (): void => {
    if (!isWanted) return;
    clock.runUntil(realClock.now - begun);
    realClock.after(TICK_MS, tick);
  };
  tick();
  return () => {
    isWanted = false;
  };
}

/** A place of any kind: that of an SMP plugin, or a radio with GATT. */
async function offer(shell: Shell, device: SimSmp, place: string): Promise<SmpOffer> {
  const meet = (transport: SmpTransport): void => device.server.attach(traceTransport(shell, transport));
  const plugin = await findSmpPlugin(shell, place);
  if (plugin === undefined) return offerOverGatt(shell, device, place, meet);
  if (plugin.serve !== undefined)
    return plugin.serve(place, { clock: realClock, random: realRandom, log: shell.log }, meet);
  throw badInput('not-served', `nothing can be served at ${plugin.scheme}:`, 'Serve at udp:, serial: or a radio.');
}

async function offerOverGatt(
  shell: Shell,
  { sim, name }: SimSmp,
  place: string,
  meet: (transport: SmpTransport) => void,
): Promise<SmpOffer> {
  const radio = await LiveRadio.open(shell, await findRadio(shell, place));
  const [peripheral] = radio.peripherals;
  if (peripheral === undefined) {
    radio.close();
    throw badInput('no-peripheral', `the bearer ${place} cannot be connected to`, 'Give an hci: bearer.');
  }
  peripheral.serve(SMP_SERVICE, (link) =>
    meet(
      new SmpBleTransport(link, realClock, {
        side: 'server',
        reassembles: sim.reassembly === 1,
        bufferOctets: sim.bufsize,
      }),
    ),
  );
  peripheral.advertise({
    service: SMP_SERVICE.uuid,
    data: new Uint8Array(0),
    name,
    intervalMs: ADVERTISING_MS,
    privateAddress: false,
  });
  return { close: () => radio.close() };
}

function tellStarts(shell: Shell, { device }: SimSmp): void {
  const tell = (): void => {
    const runs = device.running.map(({ version }) => formatVersion(version));
    shell.event({ type: 'device', state: 'running', versions: runs });
    shell.say(`runs ${runs.join(' and ')}`);
  };
  device.listen({
    started: tell,
    stopped: () => {
      shell.event({ type: 'device', state: 'resetting' });
      shell.say('resets');
    },
  });
  if (device.state === 'running') tell();
}

function stopped({ state }: Shell): MeshError {
  return new MeshError('interrupted', 'stopped serving', {
    hint: state === undefined ? 'Give --state DIR to keep what the device holds.' : `The device is kept in ${state}.`,
  });
}
