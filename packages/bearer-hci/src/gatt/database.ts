import { type GattService, type GattUuid, gattUuidOctets, printGattUuid, sameGattUuid } from '@meshferry/bearer';
import { concat, Emitter, type Unsubscribe, utf8 } from '@meshferry/core';
import { PROPERTY, TYPE } from './att.ts';

/** One attribute of a server. */
export interface Attribute {
  readonly handle: number;
  /** On the wire: 2 or 16 octets. */
  readonly type: Uint8Array;
  /** The value, where it can be read and is the same for all. */
  readonly value?: Uint8Array;
  /** Of a service declaration: the last handle of the service. */
  readonly end?: number;
  /** A Client Characteristic Configuration, which each connection has a value of its own for: 1 or 2 beside 0. */
  readonly subscription?: number;
  /** The value of a characteristic that is written without response. */
  readonly isWritten?: boolean;
}

/** A service of two pipes, and where it stands. */
export interface ServedService {
  readonly service: GattService;
  readonly start: number;
  readonly end: number;
  readonly dataIn: number;
  readonly dataOut: number;
  readonly ccc: number;
}

/** Handles of one service: each has its own for good, so that a client that remembers them never writes to another. */
const BLOCK = 0x10;
const NAME = 'Meshferry';
/** Appearance: unknown. */
const APPEARANCE = Uint8Array.of(0, 0);

/** Where the Generic Attribute service has what changes. */
export const SERVICE_CHANGED = { value: 8, ccc: 9 } as const;

/**
 * The attributes of a server: Generic Access, Generic Attribute, and the services that are served at present [Bluetooth
 * Core, Vol 3, Part G, 3].
 */
export class AttributeDatabase {
  readonly #served = new Map<string, ServedService>();
  readonly #blocks = new Map<string, number>();
  readonly #changed = new Emitter<{ readonly start: number; readonly end: number }>();
  #attributes: readonly Attribute[] = GENERIC;

  /** By rising handle. */
  get attributes(): readonly Attribute[] {
    return this.#attributes;
  }

  find(handle: number): Attribute | undefined {
    return this.#attributes.find((attribute) => attribute.handle === handle);
  }

  /** The service that a CCC descriptor or a data handle belongs to. */
  serviceAt(handle: number): ServedService | undefined {
    return [...this.#served.values()].find(({ start, end }) => handle >= start && handle <= end);
  }

  add(service: GattService): void {
    const key = printGattUuid(service.uuid);
    const block = this.#blocks.get(key) ?? this.#blocks.size + 1;
    this.#blocks.set(key, block);
    this.#change(key, layOut(service, block * BLOCK));
  }

  remove(service: GattService): void {
    this.#change(printGattUuid(service.uuid), undefined);
  }

  /** `changed` gets the handles that are other than before. */
  onChanged(changed: (range: { readonly start: number; readonly end: number }) => void): Unsubscribe {
    return this.#changed.subscribe(changed);
  }

  #change(key: string, served: ServedService | undefined): void {
    const range = served ?? this.#served.get(key);
    if (served === undefined) this.#served.delete(key);
    else this.#served.set(key, served);
    const services = [...this.#served.values()].sort((a, b) => a.start - b.start);
    this.#attributes = [...GENERIC, ...services.flatMap(attributesOf)];
    if (range !== undefined) this.#changed.emit({ start: range.start, end: range.end });
  }
}

function layOut(service: GattService, start: number): ServedService {
  if (sameGattUuid(service.dataIn, service.dataOut))
    return { service, start, dataIn: start + 2, dataOut: start + 2, ccc: start + 3, end: start + 3 };
  return { service, start, dataIn: start + 2, dataOut: start + 4, ccc: start + 5, end: start + 5 };
}

function attributesOf({ service, start, end, dataIn, dataOut, ccc }: ServedService): Attribute[] {
  const { WRITE_WITHOUT_RESPONSE, NOTIFY } = PROPERTY;
  const both = dataIn === dataOut;
  return [
    primary(start, end, service.uuid),
    characteristic(dataIn, WRITE_WITHOUT_RESPONSE | (both ? NOTIFY : 0), service.dataIn),
    { handle: dataIn, type: gattUuidOctets(service.dataIn), isWritten: true },
    ...(both
      ? []
      : [characteristic(dataOut, NOTIFY, service.dataOut), { handle: dataOut, type: gattUuidOctets(service.dataOut) }]),
    { handle: ccc, type: gattUuidOctets(TYPE.CCC), subscription: 1 },
  ];
}

function primary(handle: number, end: number, uuid: GattUuid): Attribute {
  return { handle, end, type: gattUuidOctets(TYPE.PRIMARY_SERVICE), value: gattUuidOctets(uuid) };
}

/** The declaration ahead of the value at `handle`. */
function characteristic(handle: number, properties: number, uuid: GattUuid): Attribute {
  const value = concat(Uint8Array.of(properties, handle & 0xff, handle >> 8), gattUuidOctets(uuid));
  return { handle: handle - 1, type: gattUuidOctets(TYPE.CHARACTERISTIC), value };
}

const GENERIC: readonly Attribute[] = [
  primary(1, 5, 0x1800),
  characteristic(3, PROPERTY.READ, TYPE.DEVICE_NAME),
  { handle: 3, type: gattUuidOctets(TYPE.DEVICE_NAME), value: utf8(NAME) },
  characteristic(5, PROPERTY.READ, TYPE.APPEARANCE),
  { handle: 5, type: gattUuidOctets(TYPE.APPEARANCE), value: APPEARANCE },
  primary(6, SERVICE_CHANGED.ccc, 0x1801),
  characteristic(SERVICE_CHANGED.value, PROPERTY.INDICATE, TYPE.SERVICE_CHANGED),
  { handle: SERVICE_CHANGED.value, type: gattUuidOctets(TYPE.SERVICE_CHANGED) },
  { handle: SERVICE_CHANGED.ccc, type: gattUuidOctets(TYPE.CCC), subscription: 2 },
];
