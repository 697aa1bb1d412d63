import { type GattDevice, MESH_PROXY_SERVICE, sameGattUuid, schemeOf } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';
import { SMP_SERVICE } from '@meshferry/smp';
import { findRadios } from '../bearers/radio.ts';
import { LiveRadio } from '../network/live-radio.ts';
import { badInput, ExitCode } from '../shell/exit.ts';
import { printable } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import { alignColumns } from '../shell/table.ts';

export interface ScanFlags {
  readonly seconds: number;
  readonly all?: boolean;
}

/** Of a radio that does not tell it, dBm. */
const UNKNOWN_RSSI = -127;

/** `smp scan`: devices that can be connected to, those that show the SMP service first. */
export async function smpScan(shell: Shell, _: readonly string[], { seconds, all }: ScanFlags): Promise<ExitCode> {
  if (shell.bearers.some((uri) => schemeOf(uri) === 'sim')) {
    throw badInput(
      'scan-not-supported',
      'a simulated device is alone: there is nobody to look for',
      'Use --bearer sim:smp as it is.',
    );
  }
  const radio = await LiveRadio.open(shell, await findRadios(shell));
  try {
    const { central } = radio;
    if (central?.scan === undefined) {
      throw badInput(
        'scan-not-supported',
        'no bearer given that can look for devices',
        'Give --bearer noble: or hci:…; see "meshferry bearer list".',
      );
    }
    const heard = new Map<string, GattDevice>();
    const stop = central.scan((device) => heard.set(device.peer, device));
    await radio.run(
      radio.pause(seconds * 1000),
      () => new MeshError('interrupted', 'interrupted while looking for devices'),
    );
    stop();
    const devices = [...heard.values()].filter(({ connectable }) => connectable).sort(bySmp);
    const shown = all === true ? devices : devices.filter((device) => offersSmp(device) || device.name !== null);
    sayDevices(shell, shown, devices.length - shown.length);
    return ExitCode.done;
  } finally {
    radio.close();
  }
}

function sayDevices(shell: Shell, devices: readonly GattDevice[], leftOut: number): void {
  shell.result({
    devices: devices.map((device) => ({
      address: device.address ?? device.peer,
      name: device.name,
      rssi: device.rssi,
      smp: offersSmp(device),
      services: device.services,
    })),
    leftOut,
  });
  if (devices.length === 0 && leftOut === 0) shell.say('nobody is in range who can be connected to');
  const { bold, dim, green } = shell.style;
  const rows = devices.map((device) => [
    bold(device.address ?? device.peer),
    printable(device.name ?? ''),
    device.rssi > UNKNOWN_RSSI ? `${device.rssi} dBm` : '',
    offersSmp(device) ? green('shows SMP') : dim(device.services.some(isProxy) ? 'mesh proxy' : ''),
  ]);
  for (const line of alignColumns(rows)) shell.say(line);
  if (leftOut > 0) shell.say(dim(`${leftOut} more without a name and without SMP: --all`));
  shell.say(dim('Not every device that has SMP shows it: "meshferry smp info" tells.'));
}

function bySmp(a: GattDevice, b: GattDevice): number {
  return Number(offersSmp(b)) - Number(offersSmp(a)) || b.rssi - a.rssi;
}

function offersSmp({ services }: GattDevice): boolean {
  return services.some((uuid) => sameGattUuid(uuid, SMP_SERVICE.uuid));
}

function isProxy(uuid: GattDevice['services'][number]): boolean {
  return sameGattUuid(uuid, MESH_PROXY_SERVICE.uuid);
}
