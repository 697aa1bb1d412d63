import { Feature } from '@meshferry/access';
import { MemoryStore, SeededRandom, storeView } from '@meshferry/core';
import { nodeCrypto } from '@meshferry/crypto-node';
import type { MadeFirmware } from '@meshferry/firmware';
import {
  createNetwork,
  type JobReport,
  MeshNetwork,
  PoweredClock,
  TargetDevice,
  UpdateJob,
  updaterRole,
} from '@meshferry/node';
import { pbGatt } from '@meshferry/provisioning';
import type { EmulatedController } from '../../../bearer-hci/src/testing/emulated-controller.ts';
import type { NobleBearer } from '../bearer.ts';
import type { LibraryName } from '../uri.ts';
import { type GattEnd, HciRig } from './hci-rig.ts';
import { settled } from './rig.ts';

const UUID = Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i);
/** 2026-01-01T00:00:00Z. */
const NEW_YEAR = 1_767_225_600_000;
const BOOT_MS = 500;
/** Opcode of HCI. */
const DISCONNECT = 0x0406;
const NETWORK = { name: 'Test', provisioner: 'test' };

/** A device that can be reached by GATT alone, and a provisioner whose radio is noble. */
export class ProxiedUpdate {
  readonly rig: HciRig;
  readonly network: MeshNetwork;
  readonly bearer: NobleBearer;
  readonly controllers: readonly EmulatedController[];
  readonly job: UpdateJob;
  /** How often the proxy was reached. */
  connections = 0;
  target: TargetDevice;
  readonly #end: GattEnd;
  readonly #flash = new MemoryStore();
  #power: PoweredClock;

  static async open(lib: LibraryName): Promise<ProxiedUpdate> {
    const rig = new HciRig();
    const end = rig.end();
    const { bearer, controller } = await rig.noble(lib);
    return new ProxiedUpdate(rig, end, bearer, controller);
  }

  private constructor(rig: HciRig, end: GattEnd, bearer: NobleBearer, central: EmulatedController) {
    this.rig = rig;
    this.bearer = bearer;
    this.controllers = [central, end.controller];
    this.#end = end;
    this.#power = new PoweredClock(rig.clock);
    this.target = this.#boot();
    const random = new SeededRandom('provisioner');
    const store = new MemoryStore();
    const wallTime = () => NEW_YEAR + rig.clock.now;
    const state = createNetwork(storeView(store, 'network/'), { ...NETWORK, random, wallTime });
    const ground = { clock: rig.clock, random, crypto: nodeCrypto, store: storeView(store, 'node/') };
    const role = updaterRole(ground);
    this.network = new MeshNetwork({ ...ground, state, wallTime, models: role.models });
    this.job = new UpdateJob({ ...ground, role, network: this.network, store: storeView(store, 'job/') });
  }

  /** Provisions the device over PB-GATT; its address. */
  async provision(): Promise<number> {
    const ground = { clock: this.rig.clock, random: new SeededRandom('pb-gatt'), crypto: nodeCrypto };
    const bearer = pbGatt(ground, this.bearer.central);
    const node = await this.run(this.network.provision({ uuid: UUID, bearer }).node);
    return Number.parseInt(node.unicastAddress, 16);
  }

  /** Goes into the network through the proxy that the device is, and asks it what it consists of. */
  async join(address: number): Promise<void> {
    this.network.node.network.proxy.connect(this.bearer.central, {
      listener: ({ type }) => {
        if (type === 'ready') this.connections++;
      },
    });
    await this.rig.until(() => this.connections > 0);
    await this.run(this.network.readComposition(address));
  }

  update(made: MadeFirmware, target: number): Promise<JobReport> {
    const { image, metadata, firmwareId } = made;
    return this.run(this.job.run({ image, metadata, firmwareId, targets: [target], appIndex: 0 }));
  }

  /** The connection breaks off, as each end is told by its own controller. */
  drop(which: number): boolean {
    const { connections } = this.controllers[which % this.controllers.length]!;
    const disconnect = connections.handlers.find(([opcode]) => opcode === DISCONNECT)?.[1];
    const [handle] = connections.handles;
    if (handle === undefined) return false;
    disconnect?.(Uint8Array.of(handle & 0xff, handle >> 8, 0x08));
    return true;
  }

  /** Lets simulated time pass until this has settled, at most for an hour. */
  async run<T>(work: Promise<T>): Promise<T> {
    const { clock } = this.rig;
    let open = true;
    const end = () => {
      open = false;
    };
    work.then(end, end);
    const until = clock.now + 3_600_000;
    while (open && clock.now < until) {
      await settled();
      if (open) clock.step();
    }
    if (open) throw new Error('the work has not ended');
    return work;
  }

  close(): void {
    this.network.close();
    this.bearer.close();
    this.target.device.close();
  }

  #boot(): TargetDevice {
    this.#power = new PoweredClock(this.rig.clock);
    const { clock } = { clock: this.#power };
    const ground = { clock, random: new SeededRandom(`device ${clock.now}`), crypto: nodeCrypto, store: this.#flash };
    const target = new TargetDevice({
      ...ground,
      flash: {
        ...{ company: 0x59, version: { major: 0, minor: 0, revision: 0, build: 0 }, slotSize: 1 << 20, trust: [] },
        ...{ images: ['application'], effect: 'none' },
        restart: () => void clock.after(0, () => this.#restart()),
      },
      announced: { uuid: UUID, oobInformation: 0 },
      provisioning: {},
      elements: () => 1,
      compose: (_, roles) => ({
        identity: { cid: 0x59, pid: 0, vid: 0, crpl: 100, features: Feature.proxy },
        elements: roles.map(({ models }) => ({ location: 1, models })),
        gattProxy: true,
      }),
    });
    target.device.serve(this.#end.peripheral);
    return target;
  }

  #restart(): void {
    this.target.device.close();
    this.#power.cut();
    this.rig.clock.after(BOOT_MS, () => {
      this.target = this.#boot();
    });
  }
}
