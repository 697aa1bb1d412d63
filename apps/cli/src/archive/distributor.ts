import { portableCrypto } from '@meshferry/crypto';
import type { OobRetriever } from '@meshferry/dfu';
import type { FetchFunction } from '@meshferry/firmware';
import { httpsRetriever } from '@meshferry/node';
import type { Agent } from 'undici';
import { realClock } from '../shell/host.ts';
import { CONNECT_MS } from './access.ts';

/**
 * How a simulated Distributor reaches firmware servers: over https, and over http on this machine, where `fw serve` may run.
 * Nothing of it is loaded, nor any connection open, before the Distributor is asked to fetch.
 */
export class DistributorArchive {
  readonly retriever: OobRetriever;
  #agent: Agent | undefined;

  constructor() {
    const access = { fetch: this.#fetch, clock: realClock };
    this.retriever = httpsRetriever({ access, crypto: portableCrypto, schemes: ['https', 'http'] });
  }

  /** Connections that are open would keep the process from ending. */
  close(): void {
    void this.#agent?.destroy();
  }

  readonly #fetch: FetchFunction = async (url, init) => {
    const { Agent, fetch } = await import('undici');
    this.#agent ??= new Agent({ connect: { timeout: CONNECT_MS } });
    return fetch(url, { ...init, dispatcher: this.#agent });
  };
}
