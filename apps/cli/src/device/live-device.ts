import { Feature } from '@meshferry/access';
import { equal, type Store } from '@meshferry/core';
import { nodeCrypto } from '@meshferry/crypto-node';
import { type TargetApplication, UpdatePhase, updatePhaseName } from '@meshferry/dfu';
import type { PublicKey, Version } from '@meshferry/firmware';
import { type NodeGround, PoweredClock, TargetDevice, type TargetFlash, type TargetRole } from '@meshferry/node';
import type { DeviceOutput } from '@meshferry/provisioning';
import type { LiveRadio } from '../network/live-radio.ts';
import { badInput } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';

/** How long it takes to boot, ms. */
const BOOT_MS = 1000;
/** How often it looks how much of an image is there, ms. */
const PROGRESS_MS = 1000;
const RELAY_RETRANSMIT = { count: 2, intervalMs: 20 };
/** OOB Information: on the device [Mesh Protocol 1.1, 3.10.2]. */
const ON_DEVICE = 1 << 15;
const UUID = 'uuid';
/** What was applied waits for somebody to ask what runs. */
const UNCONFIRMED = 'unconfirmed';

/** What a device tells of itself. */
export type DeviceEvent =
  /** It has booted. */
  | { readonly type: 'booted' }
  /** It is unprovisioned, or a node at `address`. */
  | { readonly type: 'membership'; readonly address: number | undefined }
  /** Where a Provisioner is with it. */
  | { readonly type: 'provisioning'; readonly state: string }
  | { readonly type: 'attention'; readonly seconds: number }
  /** It shows a value to whoever stands before it. */
  | { readonly type: 'shows'; readonly action: string; readonly value: string }
  | { readonly type: 'update'; readonly phase: string; readonly percent: number }
  /** The new image runs, and somebody has asked what does. */
  | { readonly type: 'confirmed' };

/** What a device that this process is is like. */
export interface LiveDeviceOptions {
  /** Device UUID; default: a random one, made at its first start. */
  readonly uuid?: Uint8Array;
  readonly company: number;
  /** What it runs while nothing was applied. */
  readonly version: Version;
  readonly slotSize: number;
  readonly trust: readonly PublicKey[];
  readonly relay: boolean;
  readonly staticOob?: Uint8Array;
  /** It has a display. */
  readonly display: boolean;
  readonly tell: (event: DeviceEvent) => void;
}

/**
 * This process as a device: unprovisioned at first, then a node that takes firmware; flash and node are records of the
 * store. What it applies it runs after a restart, as a device does: everything but the store is made anew.
 */
export class LiveDevice {
  readonly uuid: Uint8Array;
  readonly #shell: Shell;
  readonly #store: Store;
  readonly #radio: LiveRadio;
  readonly #options: LiveDeviceOptions;
  #clock: PoweredClock | undefined;
  #target: TargetDevice | undefined;

  /** Ends the command with exit code 2 when the store is that of a device with another UUID. */
  constructor(shell: Shell, store: Store, radio: LiveRadio, options: LiveDeviceOptions) {
    this.#shell = shell;
    this.#store = store;
    this.#radio = radio;
    this.#options = options;
    this.uuid = keptUuid(store, options.uuid, () => version4(radio.random.bytes(16)));
  }

  /** Of the primary element, while it is in a network. */
  get address(): number | undefined {
    return this.#target?.device.node?.address;
  }

  /** What it runs; undefined while it boots. */
  get flash(): TargetFlash | undefined {
    return this.#target?.flashes[0];
  }

  powerOn(): void {
    const { random } = this.#radio;
    const clock = new PoweredClock(this.#radio.clock);
    const target = this.#make({ clock, random, crypto: nodeCrypto, log: this.#shell.log, store: this.#store });
    this.#clock = clock;
    this.#target = target;
    const { device } = target;
    this.#radio.attachTo(device);
    this.#options.tell({ type: 'booted' });
    device.changes.subscribe(() => this.#joined());
    this.#joined();
  }

  powerOff(): void {
    this.#target?.device.close();
    // Models have timers too, and a dead one must not write into the store of the node that comes after it.
    this.#clock?.cut();
    this.#target = undefined;
    this.#clock = undefined;
  }

  #make(ground: NodeGround): TargetDevice {
    const { company, version, slotSize, trust, relay, staticOob, display, tell } = this.#options;
    const attention = (seconds: number) => tell({ type: 'attention', seconds });
    return new TargetDevice({
      ...ground,
      flash: {
        ...{ company, version, slotSize, trust, images: ['application'], effect: 'none' },
        // Not while the node is being composed, when it finds that a power cut kept it from applying.
        restart: () => void ground.clock.after(0, () => this.#restart()),
      },
      traits: { capabilities: { maxBlobSize: slotSize } },
      application: ({ application }) => watched(application, () => this.#asked()),
      announced: { uuid: this.uuid, oobInformation: staticOob === undefined ? 0 : ON_DEVICE },
      provisioning: {
        ...(staticOob && { staticOob }),
        ...(display && { output: displayOf(tell) }),
        attention,
        progress: (state) => tell({ type: 'provisioning', state }),
      },
      elements: () => 1,
      compose: (_, roles) => ({
        identity: { cid: company, pid: 0, vid: 0, crpl: 100, features: Feature.relay | Feature.proxy },
        elements: roles.map(({ models }) => ({ location: 1, models })),
        relay: relay ? RELAY_RETRANSMIT : false,
        // Who was provisioned over GATT must be reachable that way.
        gattProxy: this.#radio.peripherals.length > 0,
        health: { attention },
      }),
    });
  }

  #joined(): void {
    const { clock, target } = { clock: this.#clock, target: this.#target };
    if (clock === undefined || target === undefined) return;
    this.#options.tell({ type: 'membership', address: this.address });
    const role = target.roles[0];
    if (role === undefined) return;
    role.update.phases.subscribe(() => this.#phase(role));
    const watch = (percent: number): void => {
      const now = role.update.progress;
      if (role.update.phase === UpdatePhase.transferActive && now !== percent) this.#phase(role);
      clock.after(PROGRESS_MS, () => {
        if (target.roles[0] === role) watch(now);
      });
    };
    watch(role.update.progress);
  }

  #phase({ update }: TargetRole): void {
    const percent = Math.floor(update.progress);
    this.#options.tell({ type: 'update', phase: updatePhaseName(update.phase), percent });
  }

  #restart(): void {
    this.#store.batch([[UNCONFIRMED, new Uint8Array(1)]]);
    this.powerOff();
    this.#radio.clock.after(BOOT_MS, () => this.powerOn());
  }

  #asked(): void {
    if (this.#store.get(UNCONFIRMED) === undefined) return;
    this.#store.batch([[UNCONFIRMED, null]]);
    this.#options.tell({ type: 'confirmed' });
  }
}

/** The same, and `asked` whenever somebody wants to know what runs. */
function watched(application: TargetApplication, asked: () => void): TargetApplication {
  return {
    images: () => {
      asked();
      return application.images();
    },
    check: (...given) => application.check(...given),
    start: (...given) => application.start(...given),
    recover: (...given) => application.recover(...given),
    verify: (...given) => application.verify(...given),
    apply: (...given) => application.apply(...given),
    abandoned: (imageIndex) => application.abandoned?.(imageIndex),
  };
}

function displayOf(tell: LiveDeviceOptions['tell']): DeviceOutput {
  return {
    size: 6,
    actions: ['numeric', 'alphanumeric'],
    show: ({ action, value }) => {
      tell({ type: 'shows', action, value: String(value) });
      return () => {};
    },
  };
}

/** A device has the same UUID all its life. */
function keptUuid(store: Store, wanted: Uint8Array | undefined, make: () => Uint8Array): Uint8Array {
  const kept = store.get(UUID);
  if (kept !== undefined && wanted !== undefined && !equal(kept, wanted)) {
    throw badInput(
      'other-device',
      'the state folder is that of a device with another UUID',
      'Leave --uuid out, or give each device a folder of its own with --state.',
    );
  }
  const uuid = kept ?? wanted ?? make();
  if (kept === undefined) store.batch([[UUID, uuid]]);
  return uuid;
}

/** RFC 4122. */
function version4(octets: Uint8Array): Uint8Array {
  octets[6] = ((octets[6] as number) & 0x0f) | 0x40;
  octets[8] = ((octets[8] as number) & 0x3f) | 0x80;
  return octets;
}
