import { join, resolve } from 'node:path';
import { fromHex, MeshError, type Store } from '@meshferry/core';
import type { Version } from '@meshferry/firmware';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { chooseLive } from '../bearers/way.ts';
import { readPublicKeyFile } from '../firmware/read-file.ts';
import { LiveRadio } from '../network/live-radio.ts';
import { again } from '../network/open.ts';
import { asInput, badInput, ExitCode } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { stateFolder } from '../shell/state-folder.ts';
import { writeWholeFile } from '../shell/write-file.ts';
import { DeviceView } from './device-view.ts';
import { type DeviceEvent, LiveDevice, type LiveDeviceOptions } from './live-device.ts';

/** Options of `device run` as the parser gives them. */
export interface DeviceFlags {
  readonly uuid?: Uint8Array;
  readonly oob?: readonly string[];
  readonly imageVersion?: Version;
  readonly company?: number;
  readonly slotSize?: number;
  readonly slot?: string;
  readonly key?: string;
  readonly relay?: boolean;
  readonly once?: boolean;
}

const FACTORY_VERSION: Version = { major: 0, minor: 0, revision: 0, build: 0 };
const NORDIC = 0x0059;
const SLOT_SIZE = 0x10_0000;
/** So long after it was asked what runs nobody wants anything of it any more, ms: who updated it takes things back. */
const QUIET_MS = 4000;

/** `device run` */
export async function runDevice(shell: Shell, _: readonly string[], flags: DeviceFlags): Promise<ExitCode> {
  const oob = readDeviceOob(flags.oob ?? []);
  const trust = flags.key === undefined ? [] : [readPublicKeyFile(shell.io, flags.key)];
  const plans = await chooseLive(shell);
  const store = asInput(() => openSqliteStore(join(stateFolder(shell), 'device.sqlite')));
  try {
    const radio = await LiveRadio.open(shell, plans);
    try {
      return await live(shell, store, radio, flags, { ...oob, trust });
    } finally {
      radio.close();
    }
  } finally {
    store.close();
  }
}

async function live(
  shell: Shell,
  store: Store,
  radio: LiveRadio,
  flags: DeviceFlags,
  given: Pick<LiveDeviceOptions, 'staticOob' | 'display' | 'trust'>,
): Promise<ExitCode> {
  let confirmed = (): void => {};
  const done = new Promise<void>((settle) => {
    confirmed = settle;
  });
  const tell = (event: DeviceEvent): void => {
    view.show(event);
    if (event.type === 'booted' && flags.slot !== undefined) writeSlot(resolve(shell.io.cwd, flags.slot), device);
    if (event.type === 'confirmed' && flags.once === true) confirmed();
  };
  const device: LiveDevice = new LiveDevice(shell, store, radio, {
    ...given,
    ...(flags.uuid && { uuid: flags.uuid }),
    company: flags.company ?? NORDIC,
    version: flags.imageVersion ?? FACTORY_VERSION,
    slotSize: flags.slotSize ?? SLOT_SIZE,
    relay: flags.relay === true,
    tell,
  });
  const view = new DeviceView(shell, device);
  try {
    device.powerOn();
    await radio.run(
      done.then(() => quiet(radio)),
      () => interrupted(shell),
    );
    view.finish();
    return ExitCode.done;
  } finally {
    device.powerOff();
  }
}

/** Until it has answered nobody for a while. */
async function quiet(radio: LiveRadio): Promise<void> {
  for (let events = -1; events !== radio.traffic.events; ) {
    events = radio.traffic.events;
    await radio.pause(QUIET_MS);
  }
}

function writeSlot(path: string, { flash }: LiveDevice): void {
  const image = flash?.runningImage();
  if (image === undefined) return;
  try {
    writeWholeFile(path, image);
  } catch (thrown) {
    throw badInput('cannot-write', `cannot write ${path}: ${(thrown as Error).message}`, 'Check --slot and the disk.');
  }
}

function readDeviceOob(oob: readonly string[]): Pick<LiveDeviceOptions, 'staticOob' | 'display'> {
  let staticOob: Uint8Array | undefined;
  for (const text of oob) {
    const value = /^static:((?:[0-9a-f]{32}){1,2})$/i.exec(text)?.[1];
    if (value !== undefined) staticOob = fromHex(value.toLowerCase());
    else if (text !== 'none' && text !== 'output') {
      // What was typed may be a secret: it is not repeated.
      throw badInput('bad-oob', 'not a kind of OOB data', 'Give none, static:HEX (16 or 32 octets), or output.');
    }
  }
  return { ...(staticOob && { staticOob }), display: oob.includes('output') };
}

function interrupted(shell: Shell): MeshError {
  return new MeshError('interrupted', `interrupted; the device is kept in ${stateFolder(shell)}`, {
    hint: `Switch it on again with: ${again(shell, 'device run')}`,
  });
}
