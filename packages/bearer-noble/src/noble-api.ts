/** What is used of the two packages called noble, which agree in it. Their own types differ and are not complete. */
export interface Emitter {
  on(event: string, listener: (...values: never[]) => void): unknown;
  removeListener(event: string, listener: (...values: never[]) => void): unknown;
  removeAllListeners(event?: string): unknown;
  listeners(event: string): unknown[];
}

/** Octets of a library: a Buffer, and nothing else will do (a Uint8Array passes its check and then fails inside). */
export type Octets = Buffer;

export interface NobleCharacteristic extends Emitter {
  readonly uuid: string;
  readonly properties: readonly string[];
  /** Event `data` (octets, isNotification): a notification, or the answer to a read. */
  subscribe(done: (error?: unknown) => void): void;
  unsubscribe(done: (error?: unknown) => void): void;
  write(value: Octets, withoutResponse: boolean, done: (error?: unknown) => void): void;
  discoverDescriptors(done: (error?: unknown) => void): void;
}

export interface NoblePeripheral extends Emitter {
  readonly id: string;
  /** Empty where the platform hides addresses. */
  readonly address: string;
  readonly connectable: boolean;
  /** dBm; 127: not known. */
  readonly rssi: number;
  readonly state: string;
  /** What the server answered, even above what was asked for; null until the exchange ends. Stays after the connection. */
  mtu: number | null;
  readonly advertisement: {
    readonly localName?: string | null;
    /** Hexadecimal without dashes, 16-bit ones not padded. */
    readonly serviceUuids?: readonly string[] | null;
    readonly serviceData?: readonly { readonly uuid: string; readonly data: Octets }[] | null;
  };
  connect(options: ConnectOptions, done: (error?: unknown) => void): void;
  cancelConnect(): void;
  disconnect(): void;
  discoverSomeServicesAndCharacteristics(
    services: readonly string[],
    characteristics: readonly string[],
    done: (error: unknown, services?: unknown, characteristics?: readonly NobleCharacteristic[]) => void,
  ): void;
}

/** In the units of HCI: intervals 1.25 ms, supervision timeout 10 ms. */
export interface ConnectOptions {
  readonly minInterval: number;
  readonly maxInterval: number;
  readonly latency: number;
  readonly timeout: number;
}

/** Events: `stateChange` (state), `discover` (peripheral), `scanStart`, `scanStop`, `warning` (message). */
export interface NobleLibrary extends Emitter {
  /** `unknown`, `poweredOn`, `poweredOff`, `unauthorized`, `unsupported`, `resetting`; the first look at it starts the library. */
  readonly state: string;
  startScanning(services: readonly string[], allowDuplicates: boolean, done: (error?: unknown) => void): void;
  stopScanning(done: (error?: unknown) => void): void;
  /** In @stoprocent/noble only. */
  stop?(): void;
}
