import { toHex } from '@meshferry/core';
import { Variant } from 'dbus-next';
import { type DbusMethod, type DbusObjects, exportObjects } from './dbus-objects.ts';
import type { Meshd } from './meshd.ts';
import { sleep, until } from './system-clock.ts';

const ROOT = '/meshferry';
const AGENT = `${ROOT}/agent`;
const NETWORK = '/org/bluez/mesh';
const JOIN_ATTEMPTS = 20;

/** What an application of the daemon is. */
export interface ApplicationOptions {
  /** Models of each element, in address order. */
  readonly elements: readonly (readonly number[])[];
  /** Vendor models of the primary element, as company and model. */
  readonly vendorModels?: readonly (readonly [company: number, model: number])[];
  /** Static OOB value that the daemon's agent knows. Default: none. */
  readonly staticOob?: Uint8Array;
  /** The number that the agent enters once it is there: what the device shows. Default: it cannot enter numbers. */
  readonly number?: () => number | undefined;
  /** As a Provisioner: the address for a new device with so many elements. */
  readonly addressFor?: (elements: number) => number;
}

/** An access message that the daemon handed to its application. */
export interface ApplicationMessage {
  readonly element: number;
  readonly src: number;
  /** Index of the AppKey; undefined: a device key. */
  readonly appIndex?: number;
  /** Unicast or group address, or the Label UUID in hex. */
  readonly dst?: number | string;
  /** In hex. */
  readonly data: string;
}

/** An application of bluetooth-meshd: it owns a node whose network and transport layers are the daemon's. */
export class MeshdApplication {
  readonly messages: ApplicationMessage[] = [];
  /** What the daemon told, in its own words. */
  readonly events: (readonly [name: string, ...args: unknown[]])[] = [];
  readonly #meshd: Meshd;
  readonly #options: ApplicationOptions;
  #node: string | undefined;

  constructor(meshd: Meshd, options: ApplicationOptions) {
    this.#meshd = meshd;
    this.#options = options;
    exportObjects(meshd.bus, this.#objects());
  }

  /**
   * Becomes an unprovisioned device; resolves when the daemon announces it. After a failed attempt the daemon refuses for a
   * moment.
   */
  async join(uuid: Uint8Array): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#meshd.call(NETWORK, 'Network1.Join', 'oay', ROOT, Buffer.from(uuid));
        return;
      } catch (error) {
        if (attempt === JOIN_ATTEMPTS) throw error;
        await sleep(500);
      }
    }
  }

  /** Makes a network of its own, whose first node at 0x0001 is this. */
  async createNetwork(uuid: Uint8Array): Promise<void> {
    await this.#meshd.call(NETWORK, 'Network1.CreateNetwork', 'oay', ROOT, Buffer.from(uuid));
    await this.attach();
  }

  /** Waits until it is a node, and takes it over. */
  async attach(timeoutMs?: number): Promise<void> {
    const [, token] = await this.event('JoinComplete', timeoutMs);
    const [node] = await this.#meshd.call(NETWORK, 'Network1.Attach', 'ot', ROOT, token);
    this.#node = node as string;
  }

  /** Waits for an event, and takes it out of the list. */
  async event(name: string, timeoutMs?: number): Promise<readonly unknown[]> {
    const find = (): number => this.events.findIndex(([event]) => event === name);
    await until(`${name} of the daemon`, () => find() >= 0, timeoutMs);
    return this.events.splice(find(), 1)[0]!;
  }

  /** Calls a method of the node: `Node1.…` or `Management1.…`. */
  async node(name: string, signature: string, ...body: readonly unknown[]): Promise<void> {
    if (this.#node === undefined) throw new Error('not attached');
    await this.#meshd.call(this.#node, name, signature, ...body);
  }

  /** Sends an access message from an element with an AppKey; `segmented`: also when it would fit into one PDU. */
  async send(element: number, dst: number, appIndex: number, data: Uint8Array, segmented = false): Promise<void> {
    const options = segmented ? { ForceSegmented: new Variant('b', true) } : {};
    const path = elementPath(element);
    await this.node('Node1.Send', 'oqqa{sv}ay', path, dst, appIndex, options, Buffer.from(data));
  }

  /** Publishes an access message as the model is configured to. */
  async publish(element: number, model: number, data: Uint8Array): Promise<void> {
    await this.node('Node1.Publish', 'oqa{sv}ay', elementPath(element), model, {}, Buffer.from(data));
  }

  /** Sends an access message with the device key of the destination, which the daemon has in its key ring. */
  async sendToDevice(dst: number, data: Uint8Array): Promise<void> {
    await this.node('Node1.DevKeySend', 'oqbqa{sv}ay', elementPath(0), dst, true, 0, {}, Buffer.from(data));
  }

  /** Has a new key of the daemon's key ring sent to a node. */
  async addAppKey(dst: number, appIndex: number): Promise<void> {
    await this.node('Node1.AddAppKey', 'oqqqb', elementPath(0), dst, appIndex, 0, false);
  }

  #objects(): DbusObjects {
    const { elements } = this.#options;
    return {
      [ROOT]: {
        'org.bluez.mesh.Application1': {
          properties: {
            CompanyID: new Variant('q', 0x05f1),
            ProductID: new Variant('q', 0x0001),
            VersionID: new Variant('q', 0x0002),
            CRPL: new Variant('q', 100),
          },
          methods: { JoinComplete: this.#event('JoinComplete'), JoinFailed: this.#event('JoinFailed') },
        },
        ...(this.#options.addressFor && { 'org.bluez.mesh.Provisioner1': { methods: this.#provisioner() } }),
      },
      [AGENT]: { 'org.bluez.mesh.ProvisionAgent1': this.#agent() },
      ...Object.fromEntries(
        elements.map((models, i) => [elementPath(i), { 'org.bluez.mesh.Element1': this.#element(i, models) }]),
      ),
    };
  }

  #provisioner(): Record<string, DbusMethod> {
    return {
      ScanResult: this.#event('ScanResult'),
      RequestProvData: { out: 'qq', call: (elements: number) => [0, this.#options.addressFor!(elements)] },
      AddNodeComplete: this.#event('AddNodeComplete'),
      AddNodeFailed: this.#event('AddNodeFailed'),
    };
  }

  #agent() {
    const { staticOob, number } = this.#options;
    const names = [...(staticOob ? ['static-oob'] : []), ...(number ? ['in-numeric', 'out-numeric'] : [])];
    return {
      properties: { Capabilities: new Variant('as', names), OutOfBandInfo: new Variant('as', []) },
      methods: {
        PromptStatic: { out: 'ay', call: () => [Buffer.from(staticOob ?? [])] },
        PromptNumeric: { out: 'u', call: async () => [await until('a number to enter', () => number?.())] },
        DisplayString: this.#event('DisplayString'),
        DisplayNumeric: this.#event('DisplayNumeric'),
        Cancel: this.#event('Cancel'),
      },
    };
  }

  #element(index: number, models: readonly number[]) {
    const vendor = index === 0 ? (this.#options.vendorModels ?? []) : [];
    return {
      properties: {
        Index: new Variant('y', index),
        Location: new Variant('q', 1 + index),
        Models: new Variant(
          'a(qa{sv})',
          models.map((id) => [id, {}]),
        ),
        VendorModels: new Variant(
          'a(qqa{sv})',
          vendor.map(([company, id]) => [company, id, {}]),
        ),
      },
      methods: {
        MessageReceived: this.#message((src: number, appIndex: number, dst: Variant, data: Uint8Array) => ({
          element: index,
          src,
          appIndex,
          dst: typeof dst.value === 'number' ? dst.value : toHex(new Uint8Array(dst.value as Buffer)),
          data: toHex(data),
        })),
        DevKeyMessageReceived: this.#message((src: number, _remote: boolean, _net: number, data: Uint8Array) => ({
          element: index,
          src,
          data: toHex(data),
        })),
        UpdateModelConfiguration: this.#event('UpdateModelConfiguration'),
      },
    };
  }

  // biome-ignore lint/suspicious/noExplicitAny: as in DbusMethod
  #message(of: (...args: any[]) => ApplicationMessage): DbusMethod {
    return {
      out: '',
      call: (...args) => {
        this.messages.push(of(...args));
        return [];
      },
    };
  }

  #event(name: string): DbusMethod {
    return {
      out: '',
      call: (...args) => {
        this.events.push([name, ...args]);
        return [];
      },
    };
  }
}

function elementPath(index: number): string {
  return `${ROOT}/element${index}`;
}
