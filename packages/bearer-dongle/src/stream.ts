import type { MeshError } from '@meshferry/core';

/** What happens on a {@link ByteStream}. */
export interface ByteStreamListener {
  /** Octets in the order in which they came, cut anywhere. */
  data(octets: Uint8Array): void;
  /** It is over, and nothing comes after this: the dongle was pulled, the other end closed. Not called after `close`. */
  ended(reason: MeshError): void;
}

/** An open connection that carries octets both ways: a serial port, a socket, a pair in memory. */
export interface ByteStream {
  /** Takes all octets, which must not be changed later. */
  write(octets: Uint8Array): void;
  /** Takes what happens from now on; there is one listener. What came before is handed over first. */
  listen(listener: ByteStreamListener): void;
  /** Ends it when what was written has left, or shortly after; harmless when it has ended. */
  close(): void;
}
