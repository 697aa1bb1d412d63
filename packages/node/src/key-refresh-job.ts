import {
  beginKeyRefresh,
  completeKeyRefresh,
  hexNumber,
  markKeyUpdated,
  type NetworkDocument,
  type NodeEntry,
  octetsOf,
  requireNetKey,
  switchToNewKeys,
  updateNode,
} from '@meshferry/cdb';
import { formatAddress, MeshError, type NetIndex, type Random, toMeshError, type Unicast } from '@meshferry/core';
import type { RequestOptions } from '@meshferry/foundation';
import { KeyRefreshRecord, type KeyRefreshStage } from './key-refresh-record.ts';
import type { MeshNetwork } from './mesh-network.ts';

/** Nodes that are asked at the same time. */
const PARALLEL = 4;

/** Where one node is in a key refresh; `excluded` nodes are left out and lose the network. */
export type NodeRefreshState = 'waiting' | 'has-keys' | 'uses-keys' | 'done' | 'silent' | 'excluded';

export interface NodeRefresh {
  readonly address: Unicast;
  readonly state: NodeRefreshState;
  /** Of a silent one: why. */
  readonly error: MeshError | null;
}

/** What a key refresh tells while it runs, and how it ends. */
export interface KeyRefreshProgress {
  readonly netIndex: NetIndex;
  /** `done`: the old keys are worth nothing any more. Otherwise what is being done; with silent nodes, what waits for them. */
  readonly stage: KeyRefreshStage | 'done';
  /** The nodes of the subnet besides the own one, in the order of the document. */
  readonly nodes: readonly NodeRefresh[];
}

export interface KeyRefreshOptions {
  /** Default 0, the primary subnet. */
  readonly netIndex?: NetIndex;
  /** Go on with an unfinished one. Default: begin one. */
  readonly resume?: boolean;
  /** Nodes that shall not get the new keys: this one and those before. */
  readonly exclude?: readonly Unicast[];
  /** Keys come from it: must be cryptographic. */
  readonly random: Random;
  readonly request?: RequestOptions;
  readonly onProgress?: (progress: KeyRefreshProgress) => void;
}

/**
 * Gives a subnet and all its AppKeys new values, on all its nodes [Mesh Protocol 1.1, 3.11.4]: distributes them, lets all
 * nodes use them, has the old ones revoked. Each stage begins when every node has confirmed the one before; nodes that do
 * not answer are listed, and the refresh waits for them: to be resumed, with them or without (`exclude`). What was done is
 * in the store at any time.
 *
 * Rejects with `key-refresh-unfinished` when there is one and `resume` is not set, with `no-key-refresh` when it is and
 * there is none, with `unknown-netkey`, `unknown-node`, `own-node`.
 */
export class KeyRefreshJob {
  readonly #network: MeshNetwork;
  readonly #record: KeyRefreshRecord;

  constructor(network: MeshNetwork) {
    this.#network = network;
    this.#record = new KeyRefreshRecord(network.state);
  }

  /** The subnet whose refresh is not finished. */
  get unfinished(): NetIndex | undefined {
    return this.#record.saved?.netIndex ?? this.#document.netKeys.find(({ phase }) => phase > 0)?.index;
  }

  async run(options: KeyRefreshOptions): Promise<KeyRefreshProgress> {
    const netIndex = this.#begin(options);
    this.#exclude(options.exclude ?? []);
    const errors = new Map<Unicast, MeshError>();
    for (let stage = this.#record.stage; ; stage = this.#record.stage) {
      const tell = (): KeyRefreshProgress => {
        const progress = { netIndex, stage, nodes: this.#nodes(netIndex, stage, errors) };
        options.onProgress?.(progress);
        return progress;
      };
      tell();
      await this.#stage(netIndex, stage, options, errors, tell);
      if (errors.size > 0) return tell();
      if (await this.#hasNew(netIndex)) continue;
      if (stage === 'revoking') break;
      this.#advance(netIndex, stage);
    }
    const nodes = this.#nodes(netIndex, 'done', errors);
    this.#finish(netIndex);
    const progress: KeyRefreshProgress = { netIndex, stage: 'done', nodes };
    options.onProgress?.(progress);
    return progress;
  }

  get #document(): NetworkDocument {
    return this.#network.document;
  }

  #begin({ netIndex = 0, resume = false, random }: KeyRefreshOptions): NetIndex {
    const unfinished = this.unfinished;
    if (unfinished !== undefined) {
      if (!resume) throw refreshUnfinished(unfinished);
      // One that another provisioner began is taken up where the document says it is.
      if (this.#record.saved === undefined) {
        const { phase } = requireNetKey(this.#document, unfinished);
        this.#record.save(this.#document, {
          netIndex: unfinished,
          stage: phase === 1 ? 'distributing' : 'switching',
          confirmed: [],
        });
      }
      return unfinished;
    }
    if (resume) throw noRefresh();
    requireNetKey(this.#document, netIndex);
    const bound = this.#document.appKeys.filter((key) => key.boundNetKey === netIndex);
    const begun = beginKeyRefresh(this.#document, {
      netIndex,
      key: random.bytes(16),
      appKeys: new Map(bound.map(({ index }) => [index, random.bytes(16)])),
      timestamp: this.#network.now(),
    });
    const { address } = this.#network;
    const own = bound.reduce(
      (document, { index }) => markKeyUpdated(document, address, { appKey: index }),
      markKeyUpdated(begun, address, { netKey: netIndex }),
    );
    this.#record.save(this.#network.touched(own), { netIndex, stage: 'distributing', confirmed: [] });
    return netIndex;
  }

  #exclude(addresses: readonly Unicast[]): void {
    for (const address of addresses) {
      if (address === this.#network.address) {
        throw new MeshError('own-node', `${formatAddress(address)} is the node of this process`, {
          hint: 'Leave it out of --exclude: without the new keys this process would lose the network.',
        });
      }
      this.#network.change(updateNode(this.#document, address, { excluded: true }));
    }
  }

  /** Asks all nodes that have not confirmed the stage, some at a time. */
  async #stage(
    netIndex: NetIndex,
    stage: KeyRefreshStage,
    options: KeyRefreshOptions,
    errors: Map<Unicast, MeshError>,
    tell: () => void,
  ): Promise<void> {
    const waiting = this.#taking(netIndex).filter((address) => !this.#record.isConfirmed(address));
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let i = next++; i < waiting.length; i = next++) {
        const address = waiting[i] as Unicast;
        try {
          await this.#step(netIndex, stage, address, options.request);
          this.#record.confirm(address);
        } catch (thrown) {
          errors.set(address, toMeshError(thrown));
        }
        tell();
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }

  async #step(
    netIndex: NetIndex,
    stage: KeyRefreshStage,
    address: Unicast,
    request: RequestOptions | undefined,
  ): Promise<void> {
    const { keys } = this.#network.configuration;
    const to = this.#network.to(address);
    if (stage === 'switching') await keys.keyRefreshPhaseSet(to, netIndex, 2, request);
    if (stage === 'revoking') await keys.keyRefreshPhaseSet(to, netIndex, 3, request);
    if (stage === 'distributing') await this.#giveKeys(netIndex, address, request);
  }

  async #giveKeys(netIndex: NetIndex, address: Unicast, request: RequestOptions | undefined): Promise<void> {
    const { keys } = this.#network.configuration;
    const to = this.#network.to(address);
    const node = (): NodeEntry => this.#node(address);
    if (node().netKeys.some(({ index, updated }) => index === netIndex && !updated)) {
      await keys.netKeyUpdate(to, netIndex, octetsOf(requireNetKey(this.#document, netIndex).key), request);
      this.#network.change(markKeyUpdated(this.#document, address, { netKey: netIndex }));
    }
    for (const { index, boundNetKey, key, oldKey } of this.#document.appKeys) {
      const lacks = node().appKeys.some((has) => has.index === index && !has.updated);
      if (boundNetKey !== netIndex || oldKey === undefined || !lacks) continue;
      await keys.appKeyUpdate(to, netIndex, index, octetsOf(key), request);
      this.#network.change(markKeyUpdated(this.#document, address, { appKey: index }));
    }
  }

  /**
   * Waits for devices that were given the NetKey and are no nodes yet: in the next stage its value may be another. True when
   * there are nodes that have not confirmed the stage.
   */
  async #hasNew(netIndex: NetIndex): Promise<boolean> {
    for (let end = this.#network.joining(netIndex); end !== undefined; end = this.#network.joining(netIndex)) await end;
    return this.#taking(netIndex).some((address) => !this.#record.isConfirmed(address));
  }

  /** The own node goes first: what uses the old keys still is understood, what uses the new ones already as well. */
  #advance(netIndex: NetIndex, stage: KeyRefreshStage): void {
    const next = stage === 'distributing' ? 'switching' : 'revoking';
    const { phase } = requireNetKey(this.#document, netIndex);
    const document = phase === 1 ? switchToNewKeys(this.#document, netIndex, this.#network.now()) : this.#document;
    this.#record.save(this.#network.touched(document), { netIndex, stage: next, confirmed: [] });
  }

  #finish(netIndex: NetIndex): void {
    const document = completeKeyRefresh(this.#document, netIndex, this.#network.now());
    this.#record.end(this.#network.touched(document));
  }

  #nodes(netIndex: NetIndex, stage: KeyRefreshStage | 'done', errors: ReadonlyMap<Unicast, MeshError>): NodeRefresh[] {
    const taking = new Set(this.#taking(netIndex));
    return this.#members(netIndex).map((node) => {
      const address = hexNumber(node.unicastAddress);
      const error = errors.get(address) ?? null;
      if (!taking.has(address)) return { address, state: 'excluded', error: null };
      if (error !== null) return { address, state: 'silent', error };
      const confirmed = stage === 'done' || this.#record.isConfirmed(address);
      return { address, state: stage === 'done' ? 'done' : REACHED[stage][confirmed ? 1 : 0], error };
    });
  }

  #taking(netIndex: NetIndex): Unicast[] {
    return this.#members(netIndex).flatMap((node) => (node.excluded ? [] : hexNumber(node.unicastAddress)));
  }

  /** Other nodes of the subnet: also those that came while the refresh was under way. */
  #members(netIndex: NetIndex): NodeEntry[] {
    return this.#document.nodes.filter(
      ({ unicastAddress, netKeys }) =>
        hexNumber(unicastAddress) !== this.#network.address && netKeys.some(({ index }) => index === netIndex),
    );
  }

  #node(address: Unicast): NodeEntry {
    return this.#document.nodes.find(({ unicastAddress }) => hexNumber(unicastAddress) === address) as NodeEntry;
  }
}

/** Before and after a node has confirmed the stage. */
const REACHED: Readonly<Record<KeyRefreshStage, readonly [NodeRefreshState, NodeRefreshState]>> = {
  distributing: ['waiting', 'has-keys'],
  switching: ['has-keys', 'uses-keys'],
  revoking: ['uses-keys', 'done'],
};

function refreshUnfinished(netIndex: NetIndex): MeshError {
  return new MeshError('key-refresh-unfinished', `the key refresh of NetKey ${netIndex} is not finished`, {
    hint: 'Go on with "meshferry keys refresh --resume".',
  });
}

function noRefresh(): MeshError {
  return new MeshError('no-key-refresh', 'there is no unfinished key refresh', {
    hint: 'Begin one with "meshferry keys refresh".',
  });
}
