import type { Clock, Log, MeshError, Store } from '@meshferry/core';
import type { BlobCapabilities } from './capabilities.ts';
import type { BlobSink } from './sink.ts';

/** What a server tells whoever expects the BLOB. */
export interface BlobServerEvents {
  /** All blocks are in the sink. */
  complete(): void;
  /** The client fell silent; the transfer can be resumed. */
  suspended(): void;
  /** The transfer has ended without the BLOB: cancelled by the client, or the sink or the store refused. */
  failed(error: MeshError): void;
  /** Transfer Start was accepted. */
  started?(size: number): void;
  /** The client came back to a suspended transfer. */
  resumed?(): void;
  /** A block is in the sink. */
  block?(number: number): void;
}

/** What a higher model hands over with the BLOB ID that it expects. */
export interface BlobExpectation {
  /** Transfer TTL of all answers: 0 to 0x7F, 0xFF for the default. */
  readonly ttl: number;
  /** Server Timeout Base: the transfer suspends after 10 × (base + 1) s of silence. */
  readonly timeoutBase: number;
  readonly sink: BlobSink;
  readonly events: BlobServerEvents;
}

/** How a server asks for chunks in pull mode. */
export interface BlobPullOptions {
  /** Chunks that it asks for at a time, 1 to 16. Default 4. */
  readonly window?: number;
  /** Block Report Time-out T_BPI, 1000 to 31 000 ms of quiet before it asks again. Default 10 000. */
  readonly reportIntervalMs?: number;
  /** Of a Low Power node: PDUs that its Friend keeps for it. It never asks for more, but for one chunk at least. */
  readonly friendQueue?: number;
  /** A report has left: a Low Power node asks its Friend for the answer now. */
  readonly reported?: () => void;
}

export interface BlobServerOptions {
  readonly clock: Clock;
  /** A view of its own: the state of the transfer is in it. */
  readonly store: Store;
  readonly log?: Log;
  /** Default: {@link DEFAULT_CAPABILITIES}. */
  readonly capabilities?: Partial<BlobCapabilities>;
  /** `stock`: Block Status goes out as the SAR Transmitter and Network Transmit of the node say. Default `auto`: quickly. */
  readonly settings?: 'auto' | 'stock';
  /** Details of pull mode; whether it is offered say the capabilities. */
  readonly pull?: BlobPullOptions;
}
