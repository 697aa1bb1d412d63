import type { AdStructure } from '@meshferry/bearer';
import { portableCrypto } from '@meshferry/crypto';
import { type Observed, Observer, type ObserverKnowledge } from '@meshferry/node';
import type { Shell } from '../shell/shell.ts';
import { observedJson } from './observed-json.ts';
import { observedText } from './observed-text.ts';
import { type ObservedProxy, ProxyObserver } from './proxy-observer.ts';

/** Where and when a structure was heard. */
export interface Place {
  readonly line: number;
  /** Microseconds. */
  readonly t: number;
  readonly d: number | undefined;
}

/** Of an attribute value on a link to a Proxy Server: Mesh Proxy Data In or Data Out. */
export type GattDirection = 'in' | 'out';

/** Decodes advertisements one by one, says each of them, and counts. */
export class Decoder {
  readonly #shell: Shell;
  readonly #observer: Observer;
  readonly #proxies: ProxyObserver;
  readonly #errors = new Map<string, number>();
  readonly #counts = {
    pdus: 0,
    decrypted: 0,
    messages: 0,
    controls: 0,
    beacons: 0,
    provisioning: 0,
    duplicates: 0,
    replays: 0,
  };

  constructor(shell: Shell, knowledge: ObserverKnowledge) {
    this.#shell = shell;
    this.#observer = new Observer(portableCrypto, knowledge);
    this.#proxies = new ProxyObserver(this.#observer, knowledge);
  }

  hear({ line, t, d }: Place, { type, data }: AdStructure): void {
    const observed = this.#observer.hear(type, data);
    this.#tell({ line, t, d }, observed.kind === 'proxy' ? this.#proxies.hearAdvertising(type, data) : observed);
  }

  /** An attribute value on the GATT link of device `d` as a proxy client: `in` to the server, or `out` of it. */
  hearValue(place: Place, direction: GattDirection, value: Uint8Array): void {
    this.#tell(place, this.#proxies.hearValue(`${place.d} ${direction}`, value));
  }

  #tell({ line, t, d }: Place, observed: Observed | ObservedProxy): void {
    this.#count(observed);
    if (this.#shell.json) {
      this.#shell.event({ type: 'pdu', line, t, d, ...observedJson(observed) });
      return;
    }
    const text = observedText(observed, this.#shell.style);
    if (text !== undefined) this.#shell.say(`${this.#shell.style.dim((t / 1e6).toFixed(3).padStart(9))}  ${text}`);
  }

  /** The last line. */
  finish(): void {
    const { pdus, decrypted, messages, controls, beacons, duplicates, replays } = this.#counts;
    this.#shell.result({ ...this.#counts, errors: Object.fromEntries(this.#errors) });
    const errors = [...this.#errors].map(([error, count]) => `, ${count} × ${error}`).join('');
    this.#shell.say(
      this.#shell.style.dim(
        `${pdus} PDUs, ${decrypted} decrypted, ${duplicates} repetitions: ` +
          `${messages} messages, ${controls} control messages, ${beacons} beacons, ${replays} replays${errors}`,
      ),
    );
  }

  #count(observed: Observed | ObservedProxy): void {
    const counts = this.#counts;
    counts.pdus++;
    const error = 'error' in observed ? observed.error : undefined;
    if (error !== undefined) this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1);
    if (error === 'replay') counts.replays++;
    if (observed.kind === 'beacon' && error === undefined) counts.beacons++;
    if (observed.kind === 'provisioning') counts.provisioning++;
    if (observed.kind !== 'network') return;
    if (observed.pdu !== undefined) counts.decrypted++;
    if (observed.duplicate) counts.duplicates++;
    if (observed.message !== undefined) counts.messages++;
    if (observed.control !== undefined) counts.controls++;
  }
}
