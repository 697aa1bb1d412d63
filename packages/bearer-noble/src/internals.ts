import type { Log } from '@meshferry/core';
import type { Emitter, NobleLibrary } from './noble-api.ts';

/**
 * What both libraries keep below their API, on Linux, FreeBSD and with a serial or USB controller. The bindings of macOS and
 * Windows have none of it: everything here may be absent, and whoever uses it does without then.
 */
export interface Internals {
  readonly _bindings?: Bindings;
  readonly _peripherals?: Table;
  readonly _services?: Table;
  readonly _characteristics?: Table;
  readonly _descriptors?: Table;
  readonly _discoveredPeripheralUUids?: Table;
  readonly _discoveredPeripherals?: Set<string>;
}

interface Bindings {
  readonly _hci?: Hci | null;
  readonly _gap?: { _discoveries?: Record<string, unknown> } | null;
  readonly _handles?: Readonly<Record<string | number, string | number>>;
  readonly _aclStreams?: Readonly<Record<string | number, Emitter>>;
  readonly _addresses?: Table;
  readonly _addresseTypes?: Table;
  readonly _connectable?: Table;
  readonly scannable?: Table;
  onStateChange?(state: string): void;
  disconnect?(id: string): void;
}

interface Hci {
  readonly _socket?: Emitter & { stop?(): void; readonly _serialDevice?: Emitter | null };
  _aclQueue?: { readonly handle: number }[];
  readonly _aclConnections?: ReadonlyMap<number, unknown>;
  flushAcl?(): Promise<void>;
  writeAclDataPkt?(handle: number, cid: number, data: Buffer): unknown;
  pollIsDevUp?(): void;
}

type Table = Record<string, unknown> | Map<string, unknown>;

export function internalsOf(library: NobleLibrary): Internals {
  return library as unknown as Internals;
}

/** ACL packets that wait in the host; undefined where nobody knows. */
export function queuedPackets(library: NobleLibrary): number | undefined {
  return internalsOf(library)._bindings?._hci?._aclQueue?.length;
}

/** What comes over the connection to a device: events `data` (channel, octets) and `encryptFail`; undefined where it cannot be seen. */
export function streamOf(library: NobleLibrary, id: string): Emitter | undefined {
  const bindings = internalsOf(library)._bindings;
  const handle = bindings?._handles?.[id];
  return handle === undefined ? undefined : bindings?._aclStreams?.[handle];
}

/** Forgets devices, which the libraries never do: proxies change their addresses, and every address stays for good. */
export function forget(library: NobleLibrary, ids: Iterable<string>): void {
  const internals = internalsOf(library);
  const { _bindings: bindings } = internals;
  const tables = [
    internals._peripherals,
    internals._services,
    internals._characteristics,
    internals._descriptors,
    internals._discoveredPeripheralUUids,
    bindings?._addresses,
    bindings?._addresseTypes,
    bindings?._connectable,
    bindings?.scannable,
  ];
  for (const id of ids) {
    internals._discoveredPeripherals?.delete(id);
    for (const table of tables) {
      if (table instanceof Map) table.delete(id);
      else if (table !== undefined) delete table[id];
    }
  }
}

/** Addresses of all that was ever heard, mesh or not: the table is emptied when it has grown. */
const MOST_HEARD = 2048;

export function forgetHeard(library: NobleLibrary): void {
  const gap = internalsOf(library)._bindings?._gap;
  if (gap?._discoveries !== undefined && Object.keys(gap._discoveries).length > MOST_HEARD) gap._discoveries = {};
}

/** The libraries print warnings on standard output as well, where the results of a program go: they become log lines. */
export function quieten(library: NobleLibrary, log: Log): void {
  library.removeAllListeners('warning');
  library.on('warning', (message: unknown) => log('warn', `noble: ${String(message)}`));
  const bindings = internalsOf(library)._bindings;
  const original = bindings?.onStateChange;
  if (bindings === undefined || original === undefined) return;
  bindings.onStateChange = (state) => {
    const print = console.log;
    console.log = (...words: unknown[]) => log('warn', words.join(' '));
    try {
      original.call(bindings, state);
    } finally {
      console.log = print;
    }
  };
}

/**
 * Makes the library begin, and takes away what it does to the process: its SIGINT listener ends the process at once if it is the
 * last one, before the program has saved its state. Gives back what removes the others. Throws what the library throws.
 */
export function begin(library: NobleLibrary): () => void {
  const before = { SIGINT: new Set(process.listeners('SIGINT')), exit: new Set(process.listeners('exit')) };
  void library.state;
  for (const listener of process.listeners('SIGINT')) {
    if (!before.SIGINT.has(listener)) process.removeListener('SIGINT', listener);
  }
  const added = process.listeners('exit').filter((listener) => !before.exit.has(listener));
  return () => {
    for (const listener of added) process.removeListener('exit', listener);
  };
}

/**
 * A packet that a library cannot digest makes it throw from where nobody catches: an attribute handle above 0xFFFF, a list
 * of services without one. It ends the connection that it came over instead of the process. Also: a packet of
 * a connection that ended meanwhile made @abandonware/noble reject a promise that nobody has. To be called
 * at each change of the state, as a library that starts anew has new listeners.
 */
export function protect(library: NobleLibrary, log: Log): void {
  const bindings = internalsOf(library)._bindings;
  const hci = bindings?._hci;
  const socket = hci?._socket;
  if (bindings === undefined || hci == null || socket === undefined) return;
  for (const listener of socket.listeners('data') as ((packet: Buffer) => void)[]) {
    if (isProtected.has(listener)) continue;
    const guarded = (packet: Buffer) => {
      try {
        listener(packet);
      } catch (thrown) {
        log('warn', `noble cannot read a packet of the controller: ${String(thrown)}`);
        endConnectionOf(bindings, packet);
      }
    };
    isProtected.add(guarded);
    socket.removeListener('data', listener as never);
    socket.on('data', guarded as never);
  }
  protectFlush(hci, log);
  askForMtu(hci);
}

const isProtected = new WeakSet<object>();

function protectFlush(hci: Hci, log: Log): void {
  const flush = hci.flushAcl;
  if (flush === undefined || isProtected.has(flush)) return;
  hci.flushAcl = async () => {
    const { _aclQueue: queue, _aclConnections: connections } = hci;
    if (queue !== undefined && connections !== undefined && queue.some(({ handle }) => !connections.has(handle))) {
      hci._aclQueue = queue.filter(({ handle }) => connections.has(handle));
    }
    await flush.call(hci).catch((thrown: unknown) => log('warn', `noble cannot send: ${String(thrown)}`));
  };
  isProtected.add(hci.flushAcl);
}

/** Asked of servers, and answered to them: a value of 495 octets fills two packets of the link layer. */
export const MTU = 498;
const ATT_CID = 4;
const MTU_REQUEST = 0x02;
const MTU_RESPONSE = 0x03;

/** The libraries ask for 256, which only one of them can be talked out of. */
function askForMtu(hci: Hci): void {
  const write = hci.writeAclDataPkt;
  if (write === undefined || isProtected.has(write)) return;
  hci.writeAclDataPkt = (handle, cid, data) => {
    const isMtu = cid === ATT_CID && data.length === 3 && (data[0] === MTU_REQUEST || data[0] === MTU_RESPONSE);
    if (isMtu) data.writeUInt16LE(MTU, 1);
    return write.call(hci, handle, cid, data);
  };
  isProtected.add(hci.writeAclDataPkt);
}

const ACL_PACKET = 0x02;

function endConnectionOf(bindings: Bindings, packet: Buffer): void {
  if (packet[0] !== ACL_PACKET || packet.length < 3) return;
  const id = bindings._handles?.[packet.readUInt16LE(1) & 0x0fff];
  if (typeof id === 'string') bindings.disconnect?.(id);
}

/** Calls back for every error of the controller's line, which the libraries keep to themselves. */
export function onLineError(library: NobleLibrary, failed: (error: Error) => void): void {
  internalsOf(library)._bindings?._hci?._socket?.on('error', failed as never);
}

/** Lets go of the controller: by the library itself where it can, else by its parts. */
export function release(library: NobleLibrary): void {
  const hci = internalsOf(library)._bindings?._hci;
  const socket = hci?._socket;
  if (library.stop !== undefined) library.stop();
  else if (hci != null) {
    // Looks every second whether the adapter is up, for ever: the look after the next one is not taken any more.
    hci.pollIsDevUp = () => {};
    socket?.stop?.();
  }
  // What was still to be written fails on a port that is gone, and nobody listens any more: that would end the process.
  for (const emitter of [socket, socket?._serialDevice]) emitter?.on('error', () => {});
}
