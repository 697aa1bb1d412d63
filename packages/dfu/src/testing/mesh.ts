import { AccessLayer, type Model } from '@meshferry/access';
import { type Advertising, type MemoryAirOptions, memoryAir } from '@meshferry/bearer';
import { type BlobCapabilities, BlobClient, BlobServer, sourceOf } from '@meshferry/blob';
import {
  MemoryStore,
  type MeshError,
  SeededRandom,
  type Store,
  storeView,
  toHex,
  type Unsubscribe,
  VirtualClock,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type AccessReceived, type NetworkHost, NetworkLayer } from '@meshferry/network';
import { FirmwareUpdateServer } from '../target.ts';
import { FirmwareUpdateClient } from '../update-client.ts';
import { UpdateEffect } from '../update-codes.ts';
import type { Update, UpdateEvent, UpdateParameters } from '../update-types.ts';
import { Device, type DeviceTraits, metadataOf } from './device.ts';

export const NEW_ID: Uint8Array = Uint8Array.of(0x59, 0, 2, 0);
export const GROUP = 0xc000;
/** 600 octets, three blocks of 256: long enough for every step of a BLOB transfer. */
export const IMAGE: Uint8Array = Uint8Array.from({ length: 600 }, (_, i) => (i * 7) & 0xff);

const NET_KEY = new Uint8Array(16).fill(0x11);
const APP_KEY = new Uint8Array(16).fill(0x22);

/** One real stack on a radio: made anew at each power-on, on the same store. */
export class Stack {
  readonly network: NetworkLayer;
  readonly access: AccessLayer;
  /** Takes the radio away. */
  detach: Unsubscribe;

  constructor(mesh: Mesh, radio: Advertising, address: number, store: Store, elements: readonly (readonly Model[])[]) {
    const ground = { clock: mesh.clock, random: mesh.random.fork(`node ${address}`), crypto: portableCrypto };
    const identity = { cid: 0x59, pid: 0, vid: 0, crpl: 100, features: 0 };
    this.access = new AccessLayer({ ...ground, store: storeView(store, 'access/'), address, identity });
    for (const models of elements) this.access.addElement(0, models);
    this.network = new NetworkLayer({
      ...ground,
      store: storeView(store, 'network/'),
      host: mesh.tapped(this.access, address),
      address,
      elements: elements.length,
      deviceKey: new Uint8Array(16).fill(address & 0xff),
      transmit: { count: 1, intervalMs: 20 },
    });
    this.network.addNetKey(0, NET_KEY);
    this.network.addAppKey(0, 0, APP_KEY);
    this.access.connect(this.network);
    this.detach = this.network.attach(radio);
    for (const model of elements.flat()) model.bind(0);
  }
}

/** How a node behaves besides its application. */
export interface TargetTraits extends DeviceTraits {
  /** From Apply to the new stack, ms. Default 2000. */
  readonly bootMs?: number;
  /** It leaves the network when it boots the new firmware. Default: with effect 3. */
  readonly leaves?: boolean;
  readonly capabilities?: Partial<BlobCapabilities>;
}

/** An access message on its way into a node; `deliver` lets it in, with other octets if any are given, at any time. */
export type Arrival = (message: AccessReceived, to: number, deliver: (payload?: Uint8Array) => void) => void;

/** A Target: device, store and whatever stack is powered at the moment. */
export class TargetNode {
  readonly address: number;
  readonly device: Device;
  readonly store: MemoryStore = new MemoryStore();
  update!: FirmwareUpdateServer;
  blob!: BlobServer;
  readonly #mesh: Mesh;
  readonly #traits: TargetTraits;
  #stack: Stack | undefined;

  constructor(mesh: Mesh, address: number, traits: TargetTraits) {
    this.#mesh = mesh;
    this.address = address;
    this.#traits = traits;
    this.device = new Device(traits);
    this.device.restart = () => this.#restart();
    this.powerOn();
  }

  get on(): boolean {
    return this.#stack !== undefined;
  }

  /** `booted`: what the bootloader says of the image that it was to run; undefined when there was none. */
  powerOn(booted?: boolean): void {
    const { store } = this;
    this.blob = new BlobServer({
      clock: this.#mesh.clock,
      store: storeView(store, 'blob/'),
      capabilities: { maxBlockSizeLog: 8, ...this.#traits.capabilities },
    });
    this.update = new FirmwareUpdateServer({
      store: storeView(store, 'update/'),
      blob: this.blob,
      application: this.device,
    });
    this.#stack = new Stack(this.#mesh, this.#mesh.join(), this.address, store, [[this.blob.model, this.update.model]]);
    this.update.model.subscribe(GROUP);
    if (booted !== undefined) this.update.applied(booted);
    this.update.start();
  }

  powerOff(): void {
    this.#stack?.network.close();
    this.blob.close();
    this.#stack = undefined;
  }

  #restart(): void {
    this.powerOff();
    this.#mesh.clock.after(this.#traits.bootMs ?? 2000, () => {
      const { pending } = this.device;
      const ok = this.device.boot();
      const leaves =
        this.#traits.leaves ?? (pending !== undefined && this.device.effectOf(pending) === UpdateEffect.unprovisioned);
      if (ok && leaves) return;
      this.powerOn(ok);
    });
  }
}

/** A client, its node and its store. */
export class ClientNode {
  readonly update: FirmwareUpdateClient;
  readonly events: UpdateEvent[] = [];
  run: Update | undefined;
  readonly blob: BlobClient;
  readonly #store: Store;
  readonly #stack: Stack;
  readonly #mesh: Mesh;
  readonly #address: number;

  constructor(mesh: Mesh, store: Store = new MemoryStore(), address = 1) {
    const { clock, random } = mesh;
    this.#mesh = mesh;
    this.#store = store;
    this.#address = address;
    const blob = new BlobClient({ clock, random, store: storeView(store, 'blob/') });
    this.blob = blob;
    this.update = new FirmwareUpdateClient({ clock, random, blob, store: storeView(store, 'update/') });
    this.#stack = new Stack(mesh, mesh.join(), address, store, [[blob.model, this.update.model]]);
  }

  start(parameters: Partial<UpdateParameters> = {}, listener: (event: UpdateEvent) => void = () => {}): Update {
    const run = this.update.update({ ...this.#mesh.parameters(), ...parameters }, (event) => {
      this.events.push(event);
      listener(event);
    });
    this.run = run;
    return run;
  }

  /** The process dies: the radio is silent, and nothing that it does now reaches its store, or `store`, that of the next. */
  kill(store: Store = new MemoryStore()): ClientNode {
    this.#stack.network.close();
    store.batch(this.#store.keys('').map((key) => [key, this.#store.get(key) ?? null]));
    return new ClientNode(this.#mesh, store, this.#address);
  }

  /** The radio is silent; the process does not know. */
  unplug(): void {
    this.#stack.network.close();
  }

  /** The radio is gone, and the process knows. */
  detach(): void {
    this.#stack.detach();
  }

  /** The radio is back. */
  attach(): void {
    this.#stack.detach = this.#stack.network.attach(this.#mesh.join());
  }

  get outcome(): string | undefined {
    const last = this.events.at(-1);
    return last?.type === 'done' ? last.outcome : undefined;
  }

  /** The phases that the update went through. */
  get phases(): string[] {
    return this.events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
  }

  /** Code of the error of each receiver, in order; undefined for those that were updated. */
  get errors(): (string | undefined)[] {
    return (this.run?.receivers ?? []).map(({ error }: { error: MeshError | undefined }) => error?.code);
  }
}

/** One client and some targets in one air, on simulated time. */
export class Mesh {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: SeededRandom;
  readonly targets: TargetNode[] = [];
  readonly client: ClientNode;
  readonly heard: { readonly src: number; readonly hex: string }[] = [];
  /** What becomes of messages that arrive. */
  onArrival: Arrival = (_, __, deliver) => deliver();
  readonly #air: ReturnType<typeof memoryAir>;
  readonly #effect: number;
  #address = 0x0100;

  constructor(targets: readonly TargetTraits[], options: MemoryAirOptions & { seed?: string; effect?: number } = {}) {
    const { seed = 'dfu', effect = UpdateEffect.unchanged, ...air } = options;
    this.random = new SeededRandom(seed);
    this.#effect = effect;
    this.#air = memoryAir(this.clock, this.random.fork('air'), air);
    for (const traits of targets) this.targets.push(new TargetNode(this, this.#address++, traits));
    this.client = new ClientNode(this);
  }

  /** Notes the Firmware Update messages that arrive, as they stand. */
  tapped(access: AccessLayer, address: number): NetworkHost {
    return {
      isSubscribed: (dst) => access.isSubscribed(dst),
      labelsOf: (dst) => access.labelsOf(dst),
      deviceKeyOf: (node) => access.deviceKeyOf(node),
      receive: (message) => {
        const [first, second = 0] = message.payload;
        if (first === 0x83 && second >= 0x08) this.heard.push({ src: message.src, hex: toHex(message.payload) });
        this.onArrival(message, address, (payload = message.payload) => access.receive({ ...message, payload }));
      },
    };
  }

  join(): Advertising {
    return this.#air.join().advertising;
  }

  parameters(): UpdateParameters {
    return {
      receivers: this.targets.map(({ address }) => ({ address, imageIndex: 0 })),
      appIndex: 0,
      ttl: 5,
      timeoutBase: 2,
      blobId: 0x0123_4567_89ab_cdefn,
      metadata: metadataOf(IMAGE, NEW_ID, this.#effect),
      firmwareId: NEW_ID,
      source: sourceOf(IMAGE),
      policy: 'apply',
    };
  }

  /** Lets time pass until the update is over, or as long as `until` is not true; an hour at most. */
  run(client: ClientNode = this.client, until: () => boolean = () => client.outcome !== undefined): void {
    const end = this.clock.now + 3_600_000;
    while (!until()) {
      if (this.clock.now > end || !this.clock.step()) throw new Error(`stands in ${client.run?.phase} for an hour`);
    }
  }

  /** Firmware id and image of each target, as hex and as length. */
  get firmware(): string[] {
    return this.targets.map(({ device }) => toHex(device.firmwareId));
  }
}
