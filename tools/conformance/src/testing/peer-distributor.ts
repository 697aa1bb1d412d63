import type { Air } from './air.ts';
import { distributionStatus, firmwareStatus, receiverEntry, receiversStatus } from './distributor-octets.ts';
import { PeerServer } from './peer-server.ts';
import { le16 } from './settings.ts';

/**
 * A Distributor as ESP-IDF's, written for these tests: capabilities under the opcode of their request, the whole receivers
 * list in one message whatever was asked, an index in the answer to Delete. It tells that all is done after 20 s.
 */
export class PeerDistributor {
  readonly blob: PeerServer;
  readonly receivers: number[] = [];
  readonly #air: Air;
  #phase = 0;
  /** Parameters of Start as they came. */
  #start = '';
  #firmwareId = '';

  constructor(air: Air, address: number) {
    this.#air = air;
    this.blob = new PeerServer(air, address, { other: ({ hex }) => this.#react(hex) });
    this.blob.phase = 0;
  }

  get #isStored(): boolean {
    return this.blob.phase === 4;
  }

  #react(hex: string): string | undefined {
    switch (hex.slice(0, 4)) {
      case '8311':
        for (let at = 4; at < hex.length; at += 6) {
          this.receivers.push(Number.parseInt(hex.slice(at + 2, at + 4) + hex.slice(at, at + 2), 16));
        }
        return receiversStatus(0, this.receivers.length);
      case '8312':
        this.receivers.length = 0;
        return receiversStatus(0, 0);
      case '8314':
        return this.#list();
      case '8316':
        return '83168000020000100000002000000020000000';
      case '8318':
        return this.#status();
      case '8319':
        this.#start = hex.slice(4);
        this.#phase = 1;
        this.#air.clock.after(20_000, () => {
          this.#phase = 4;
        });
        return this.#status();
      case '831b':
        this.#phase = 0;
        return this.#status();
      case '831e':
        return this.#uploadStatus();
      case '831f':
        this.#firmwareId = hex.slice(36 + 2 * Number.parseInt(hex.slice(34, 36), 16));
        this.blob.expect(hex.slice(10, 26));
        return this.#uploadStatus();
      case '8323':
        return this.#isStored ? firmwareStatus(0, 1, 0, hex.slice(4)) : firmwareStatus(4, 0, 0xffff, hex.slice(4));
      default:
        return undefined;
    }
  }

  #list(): string {
    const state = this.#phase === 4 ? { phase: 8, percent: 100 } : {};
    const entries = this.receivers.map((address) => receiverEntry(address, state));
    return `8315${le16(entries.length)}0000${entries.join('')}`;
  }

  #status(): string {
    if (this.#phase === 0) return distributionStatus(0, 0);
    const [app, rest, multicast] = [this.#start.slice(0, 4), this.#start.slice(4, 16), this.#start.slice(16)];
    return `831d000${this.#phase}${multicast}${app}${rest}`;
  }

  #uploadStatus(): string {
    if (this.#firmwareId === '') return '83220000';
    return `8322000${this.#isStored ? '364' : '100'}${this.#firmwareId}`;
  }
}
