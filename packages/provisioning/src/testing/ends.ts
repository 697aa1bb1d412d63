import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { ProvisioningDevice } from '../device.ts';
import type { DeviceOutcome, DeviceSession, DeviceState, ProvisioningDeviceOptions } from '../device-options.ts';
import { type ProvisioningRun, provisionDevice } from '../provisioner.ts';
import type { ProvisionedNode, ProvisionerOptions, ProvisionerState } from '../provisioner-options.ts';
import type { ProvisioningData } from '../provisioning-data.ts';
import { type LinkEnd, linkPair } from './link-pair.ts';

/** Data that any device takes. */
export const DATA: ProvisioningData = {
  netKey: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  netKeyIndex: 0x123,
  keyRefresh: false,
  ivUpdate: true,
  ivIndex: 0x1234_5678,
  unicastAddress: 0x0100,
};

/** A Provisioner and a device with a link between them, on simulated time. */
export class Ends {
  readonly clock: VirtualClock;
  readonly device: ProvisioningDevice;
  readonly session: DeviceSession;
  readonly run: ProvisioningRun;
  readonly provisionerLink: LinkEnd;
  readonly deviceLink: LinkEnd;
  readonly provisionerStates: ProvisionerState[] = [];
  readonly deviceStates: DeviceState[] = [];
  /** What the hooks were called with, in order. */
  readonly calls: string[] = [];
  readonly attention: number[] = [];
  outcome: ProvisionedNode | MeshError | undefined;
  /** What the device became. */
  node: ProvisionedNode | undefined;
  pending: ProvisionedNode | undefined;
  ended: DeviceOutcome | undefined;

  constructor(
    provisioner: Partial<ProvisionerOptions> = {},
    device: Partial<ProvisioningDeviceOptions> | ProvisioningDevice = {},
    { seed = 1, maxPdu = 1469, clock = new VirtualClock() } = {},
  ) {
    this.clock = clock;
    const links = linkPair(this.clock, maxPdu);
    this.provisionerLink = links.provisioner;
    this.deviceLink = links.device;
    this.device = device instanceof ProvisioningDevice ? device : this.#newDevice(device, seed);
    this.session = this.device.serve(links.device);
    const random = new SeededRandom(`provisioner ${seed}`);
    this.run = provisionDevice({ clock: this.clock, random, crypto: portableCrypto }, links.provisioner, {
      dataFor: () => {
        this.calls.push('dataFor');
        return DATA;
      },
      aboutToFinish: (node) => {
        this.calls.push('aboutToFinish');
        this.pending = node;
      },
      progress: (state) => this.provisionerStates.push(state),
      done: (outcome) => {
        if (this.outcome !== undefined) throw new Error('done was called twice');
        this.outcome = outcome;
      },
      ...provisioner,
    });
  }

  /** Lets time pass until both have ended, or for as long. */
  settle(ms = 300_000): this {
    this.clock.advance(ms);
    return this;
  }

  /** Lets time pass until the Provisioner is in this state. */
  until(state: ProvisionerState): this {
    while (this.run.state !== state) if (!this.clock.step()) throw new Error(`${this.run.state}, never ${state}`);
    return this;
  }

  /** The code of the error that it ended with, or `provisioned`. */
  get code(): string | undefined {
    return this.outcome instanceof MeshError ? this.outcome.code : this.outcome && 'provisioned';
  }

  #newDevice(options: Partial<ProvisioningDeviceOptions>, seed: number): ProvisioningDevice {
    const random = new SeededRandom(`device ${seed}`);
    return new ProvisioningDevice(
      { clock: this.clock, random, crypto: portableCrypto },
      {
        elements: 2,
        provisioned: (node) => {
          this.calls.push('provisioned');
          this.node = node;
        },
        attention: (seconds) => this.attention.push(seconds),
        progress: (state) => this.deviceStates.push(state),
        ended: (outcome) => {
          if (this.ended !== undefined) throw new Error('ended was called twice');
          this.ended = outcome;
        },
        ...options,
      },
    );
  }
}
