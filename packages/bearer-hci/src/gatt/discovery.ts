import { GATT_MTU_MIN, type GattService, gattUuidOctets } from '@meshferry/bearer';
import { equal } from '@meshferry/core';
import { ATT, ATT_ERROR, attErrorText, attPdu, isUuid, PROPERTY, TYPE, word } from './att.ts';
import type { AttProcedure } from './att-client.ts';

/** Where the two pipes of a service are. */
export interface FoundService {
  /** Value handle to write to. */
  readonly dataIn: number;
  /** Value handle that notifies. */
  readonly dataOut: number;
  /** Its Client Characteristic Configuration. */
  readonly ccc: number;
  /** What to write there: 1 notifications, 2 indications where there are no notifications. */
  readonly subscription: number;
}

/** Why a service cannot be used: for people. */
export interface NotFound {
  readonly problem: string;
  /** What it needs is a link that is paired. */
  readonly needsPairing?: boolean;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

interface Characteristic {
  readonly declaration: number;
  readonly properties: number;
  readonly value: number;
  readonly uuid: Uint8Array;
}

const PAIRING_ERRORS: ReadonlySet<number> = new Set([
  ATT_ERROR.INSUFFICIENT_AUTHENTICATION,
  ATT_ERROR.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
  ATT_ERROR.INSUFFICIENT_ENCRYPTION,
]);
/** Two packets of 251 octets of the link layer, without the 4 of L2CAP: the greatest one would take a third, nearly empty. */
const ASKED_MTU = 498;
const LAST_HANDLE = 0xffff;
/** Characteristics of a service, and descriptors of a characteristic, that are looked at; the services have two and one. */
const MOST = 64;

/** Agrees on the ATT_MTU; a server without the request keeps the least. */
export function* exchangeMtu(): AttProcedure<number> {
  const { error, pdu } = yield attPdu(ATT.MTU_REQUEST, [ASKED_MTU]);
  if (error !== 0 || pdu.length !== 3) return GATT_MTU_MIN;
  return Math.max(GATT_MTU_MIN, Math.min(ASKED_MTU, word(pdu, 1)));
}

/**
 * Finds a service, its characteristics and the CCC descriptor [Bluetooth Core, Vol 3, Part G, 4.4.2, 4.6.1, 4.7.1]. Each
 * answer has to bring it further: handles rise and stay within what was asked for.
 */
export function* findService(service: GattService): AttProcedure<FoundService | NotFound> {
  const range = yield* findRange(service);
  if ('problem' in range) return range;
  const characteristics = yield* findCharacteristics(range);
  if ('problem' in characteristics) return characteristics;
  const dataIn = characteristics.find(
    ({ uuid, properties }) => isUuid(uuid, service.dataIn) && (properties & PROPERTY.WRITE_WITHOUT_RESPONSE) !== 0,
  );
  if (dataIn === undefined) return { problem: 'the service has no characteristic to write to without response' };
  const at = characteristics.findIndex(
    ({ uuid, properties }) =>
      isUuid(uuid, service.dataOut) && (properties & (PROPERTY.NOTIFY | PROPERTY.INDICATE)) !== 0,
  );
  const dataOut = characteristics[at];
  if (dataOut === undefined) return { problem: 'the service has no characteristic that notifies' };
  const end = (characteristics[at + 1]?.declaration ?? range.end + 1) - 1;
  const ccc = yield* findCcc({ start: dataOut.value + 1, end });
  if (typeof ccc !== 'number') return ccc;
  const subscription = (dataOut.properties & PROPERTY.NOTIFY) !== 0 ? 1 : 2;
  return { dataIn: dataIn.value, dataOut: dataOut.value, ccc, subscription };
}

/** Subscribes to the values of a service; undefined, or why not. */
export function* subscribe({ ccc, subscription }: FoundService): AttProcedure<NotFound | undefined> {
  const { error } = yield attPdu(ATT.WRITE, [ccc, subscription]);
  if (error === 0) return undefined;
  return refused(`the device refused the subscription with error ${attErrorText(error)}`, error);
}

/** Takes the subscription back. */
export function unsubscribePdu({ ccc }: FoundService): Uint8Array {
  return attPdu(ATT.WRITE, [ccc, 0]);
}

function* findRange({ uuid }: GattService): AttProcedure<Range | NotFound> {
  const octets = gattUuidOctets(uuid);
  const { error, pdu } = yield attPdu(ATT.FIND_BY_TYPE_VALUE, [1, LAST_HANDLE, TYPE.PRIMARY_SERVICE], octets);
  if (error === ATT_ERROR.REQUEST_NOT_SUPPORTED) return yield* findRangeAmongAll(octets);
  if (error !== 0) return failed('the service', error);
  if (pdu.length < 5 || pdu.length % 4 !== 1) return lied('services of a wrong length');
  return checked({ start: word(pdu, 1), end: word(pdu, 3) });
}

/** For servers that cannot look a service up by its UUID. */
function* findRangeAmongAll(uuid: Uint8Array): AttProcedure<Range | NotFound> {
  for (let start = 1, rounds = 0; start <= LAST_HANDLE && rounds < MOST; rounds++) {
    const { error, pdu } = yield attPdu(ATT.READ_BY_GROUP_TYPE, [start, LAST_HANDLE, TYPE.PRIMARY_SERVICE]);
    if (error !== 0) return failed('the service', error);
    const size = pdu[1] ?? 0;
    if ((size !== 6 && size !== 20) || pdu.length < 2 + size || (pdu.length - 2) % size !== 0)
      return lied('services of a wrong length');
    for (let at = 2; at < pdu.length; at += size) {
      const range = checked({ start: word(pdu, at), end: word(pdu, at + 2) });
      if ('problem' in range || range.start < start) return lied('services with handles that do not rise');
      if (equal(pdu.subarray(at + 4, at + size), uuid)) return range;
      start = range.end + 1;
    }
  }
  return { problem: 'the device does not have the service' };
}

function* findCharacteristics({ start, end }: Range): AttProcedure<Characteristic[] | NotFound> {
  const found: Characteristic[] = [];
  for (let next = start; next <= end && found.length < MOST; ) {
    const { error, pdu } = yield attPdu(ATT.READ_BY_TYPE, [next, end, TYPE.CHARACTERISTIC]);
    if (error === ATT_ERROR.NOT_FOUND) break;
    if (error !== 0) return failed('its characteristics', error);
    const size = pdu[1] ?? 0;
    if ((size !== 7 && size !== 21) || pdu.length < 2 + size || (pdu.length - 2) % size !== 0)
      return lied('characteristics of a wrong length');
    for (let at = 2; at < pdu.length; at += size) {
      const declaration = word(pdu, at);
      const value = word(pdu, at + 3);
      if (declaration < next || value <= declaration || value > end)
        return lied('characteristics with handles outside of the service, or that do not rise');
      found.push({ declaration, properties: pdu[at + 2]!, value, uuid: pdu.slice(at + 5, at + size) });
      next = value + 1;
    }
  }
  return found;
}

function* findCcc({ start, end }: Range): AttProcedure<number | NotFound> {
  for (let next = start, seen = 0; next <= end && seen < MOST; ) {
    const { error, pdu } = yield attPdu(ATT.FIND_INFORMATION, [next, end]);
    if (error === ATT_ERROR.NOT_FOUND) break;
    if (error !== 0) return failed('its descriptors', error);
    const size = pdu[1] === 1 ? 4 : pdu[1] === 2 ? 18 : 0;
    if (size === 0 || pdu.length < 2 + size || (pdu.length - 2) % size !== 0)
      return lied('descriptors of a wrong length');
    for (let at = 2; at < pdu.length; at += size, seen++) {
      const handle = word(pdu, at);
      if (handle < next || handle > end) return lied('descriptors with handles that were not asked for');
      if (isUuid(pdu.subarray(at + 2, at + size), TYPE.CCC)) return handle;
      next = handle + 1;
    }
  }
  return { problem: 'the characteristic that notifies cannot be subscribed to (it has no descriptor 0x2902)' };
}

function checked(range: Range): Range | NotFound {
  return range.start >= 1 && range.start < range.end ? range : lied('a service that ends before it begins');
}

function failed(what: string, error: number): NotFound {
  return error === ATT_ERROR.NOT_FOUND
    ? { problem: `the device does not have ${what}` }
    : refused(`the device answered the search for ${what} with error ${attErrorText(error)}`, error);
}

function refused(problem: string, error: number): NotFound {
  return PAIRING_ERRORS.has(error) ? { problem, needsPairing: true } : { problem };
}

function lied(what: string): NotFound {
  return { problem: `the device does not keep to the Attribute Protocol: it named ${what}` };
}
