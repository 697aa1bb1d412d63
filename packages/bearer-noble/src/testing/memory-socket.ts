import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { ByteStream } from '@meshferry/bearer-hci';
import type { NobleLibrary } from '../noble-api.ts';
import { LIBRARIES, type LibraryName } from '../uri.ts';
import { libraryOver } from './fake-bindings.ts';

const require = createRequire(import.meta.url);

/** Lines to controllers for the sockets that libraries make next. */
const lines: ByteStream[] = [];

/** In the place of the native HCI socket: H4 packets to a controller in memory. */
class MemorySocket extends EventEmitter {
  static loadDriver(): typeof MemorySocket {
    return MemorySocket;
  }

  readonly #line: ByteStream;
  #up = true;
  #input: Buffer = Buffer.alloc(0);

  constructor() {
    super();
    const line = lines.shift();
    if (line === undefined) throw new Error('there is no controller left');
    this.#line = line;
  }

  bindRaw(): number {
    return 0;
  }

  bindUser(): number {
    return 0;
  }

  start(): void {
    this.#line.listen({ data: (octets) => this.#arrived(octets), drained: () => {}, ended: () => this.#gone() });
  }

  stop(): void {
    this.#up = false;
    this.#line.close();
  }

  reset(): void {}

  setFilter(): void {}

  isDevUp(): boolean {
    return this.#up;
  }

  write(packet: Buffer): void {
    if (this.#up) this.#line.write(Uint8Array.from(packet));
  }

  /** One event for each packet. */
  #arrived(octets: Uint8Array): void {
    let input = Buffer.concat([this.#input, octets]);
    for (;;) {
      const header = input[0] === 0x02 ? 5 : 3;
      if (input.length < header) break;
      const end = header + (input[0] === 0x02 ? input.readUInt16LE(3) : input[2]!);
      if (input.length < end) break;
      const packet = Buffer.from(input.subarray(0, end));
      input = input.subarray(end);
      this.emit('data', packet);
    }
    this.#input = input;
  }

  #gone(): void {
    this.#up = false;
    this.emit('state', false);
  }
}

/** The library with its own HCI, L2CAP and ATT code on a controller at the other end of `line`. No native code is loaded. */
export function libraryOn(lib: LibraryName, line: ByteStream): NobleLibrary {
  const fromLibrary = createRequire(require.resolve(LIBRARIES[lib]));
  const path = fromLibrary.resolve(`@${lib}/bluetooth-hci-socket`);
  const module = { id: path, filename: path, loaded: true, exports: MemorySocket };
  require.cache[path] = module as unknown as NodeJS.Module;
  process.env.NOBLE_REPORT_ALL_HCI_EVENTS = '1';
  lines.push(line);
  const Bindings = require(`${LIBRARIES[lib]}/lib/hci-socket/bindings.js`);
  return libraryOver(lib, new Bindings({}));
}
