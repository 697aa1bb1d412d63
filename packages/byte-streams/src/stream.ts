import type { MeshError } from '@meshferry/core';

/** What happens on a {@link ByteStream}. */
export interface ByteStreamListener {
  /** Octets in the order in which they came, cut anywhere; they may be kept. */
  data(octets: Uint8Array): void;
  /** There is room again after a `write` that returned false; for those who heed it. */
  drained?(): void;
  /** It is over and nothing comes after this: the port was pulled, the other end closed. Not called after `close`. */
  ended(reason: MeshError): void;
}

/** An open connection that carries octets both ways: a serial port, a socket, a pair in memory. */
export interface ByteStream {
  /** Takes all octets, which must not be changed later. False: wait for `drained` with the next ones (back-pressure). */
  write(octets: Uint8Array): boolean;
  /**
   * Calls `done` once when what was written has left this machine, as far as the system knows; of a stream that is over as well. A
   * stream without it hands everything over at once.
   */
  flush?(done: () => void): void;
  /** Takes what happens from now on; there is one listener. What came before is handed over first. */
  listen(listener: ByteStreamListener): void;
  /** Ends it when what was written has left, or shortly after; harmless when it has ended. */
  close(): void;
}
