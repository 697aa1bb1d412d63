import { createHash } from 'node:crypto';
import { formatAddress, toHex } from '@meshferry/core';
import { deviceText } from '../network/describe.ts';
import { formatFirmwareId, formatSize } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import type { DeviceEvent, LiveDevice } from './live-device.ts';

/** Says what a device does: JSON lines, or text for people. */
export class DeviceView {
  readonly #shell: Shell;
  readonly #device: LiveDevice;

  constructor(shell: Shell, device: LiveDevice) {
    this.#shell = shell;
    this.#device = device;
  }

  show(event: DeviceEvent): void {
    const shell = this.#shell;
    switch (event.type) {
      case 'booted':
        shell.event({ type: 'device', ...this.#describe() });
        shell.say(`${shell.style.bold(deviceText(this.#device.uuid))} runs ${this.#version}`);
        break;
      case 'membership':
        this.#joined(event.address);
        break;
      case 'provisioning':
        shell.event({ type: 'progress', state: 'provisioning', step: event.state });
        break;
      case 'attention':
        shell.event({ type: 'attention', seconds: event.seconds });
        if (event.seconds > 0) shell.say(`  draws attention to itself for ${event.seconds} s`);
        break;
      case 'shows':
        shell.event({ type: 'show', action: event.action, value: event.value });
        shell.say(`  shows ${event.value} (${event.action})`);
        break;
      case 'update':
        shell.event({ type: 'progress', state: 'update', phase: event.phase, percent: event.percent });
        shell.say(`  update: ${event.phase}, ${event.percent} %`);
        break;
      case 'confirmed':
        shell.event({ type: 'progress', state: 'confirmed', ...this.#firmware() });
        shell.say(`  was asked, and said that it runs ${this.#version}`);
    }
  }

  /** The last line. */
  finish(): void {
    const image = this.#device.flash?.runningImage();
    const sha256 = image === undefined ? null : createHash('sha256').update(image).digest('hex');
    this.#shell.result({ ...this.#describe(), image: image === undefined ? null : { size: image.length, sha256 } });
    const size = image === undefined ? '' : `, ${formatSize(image.length)}, sha256 ${sha256}`;
    this.#shell.say(`${deviceText(this.#device.uuid)} runs ${this.#version}${size}`);
  }

  #joined(address: number | undefined): void {
    const at = address === undefined ? null : formatAddress(address);
    this.#shell.event({ type: 'progress', state: at === null ? 'unprovisioned' : 'node', address: at });
    this.#shell.say(at === null ? '  is unprovisioned, and waits for a provisioner' : `  is the node ${at}`);
  }

  #describe(): Readonly<Record<string, unknown>> {
    const { uuid, address } = this.#device;
    return {
      uuid: deviceText(uuid),
      address: address === undefined ? null : formatAddress(address),
      ...this.#firmware(),
    };
  }

  #firmware(): { readonly firmwareId: string | null; readonly version: string } {
    const id = this.#device.flash?.firmwareId();
    return { firmwareId: id === undefined ? null : toHex(id), version: this.#version };
  }

  get #version(): string {
    return formatFirmwareId(this.#device.flash?.firmwareId());
  }
}
