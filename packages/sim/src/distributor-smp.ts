import type { GattCentral, GattLink, GattPeripheral } from '@meshferry/bearer';
import { type Cancel, type Clock, encodeRecord, MeshError, type Store } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { FirmwareDistributionServer } from '@meshferry/dfu';
import { SMP_SERVICE, SmpBleTransport, type SmpRoute, SmpServer, type SmpTransport } from '@meshferry/smp';
import { SlotFilling } from './distributor-filling.ts';
import { distributorShell } from './distributor-shell.ts';
import { type AirLinkOptions, placeOfPeer } from './gatt-air.ts';
import type { Failure } from './uri.ts';

/** Links to a Distributor that offers SMP, as phones agree on them. One that is somebody's proxy can still be found. */
export const SMP_LINK: AirLinkOptions = { mtu: 498, events: { intervalMs: 15, packets: 6 }, connections: 2 };

/** Of Nordic's samples. */
const BUFFERS = { size: 2475, count: 4 };
/** Octets of a block, as `fail` counts them. */
const BLOCK = 4096;
/** How long a Distributor is looked for, ms. */
const SEARCH_MS = 15_000;

/** What the SMP server of a Distributor stands on. */
export interface DistributorSmpGround {
  readonly clock: Clock;
  /** A view of its own: uploads go on after a power cut. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  readonly distribution: FirmwareDistributionServer;
  /** What fails at which block of the image, each once: the link, or the power. */
  readonly fail: readonly Pick<Failure, 'step' | 'block'>[];
  /** Switches the node off and on again. */
  restart(): void;
}

/** The SMP server of a Distributor: makes slots by its shell, and takes images into them [spec: smp section 5.3]. */
export function serveDistributorSmp(peripheral: GattPeripheral, ground: DistributorSmpGround): void {
  const { clock, store, crypto, distribution, fail, restart } = ground;
  let last: GattLink | undefined;
  const filling = new SlotFilling(distribution.slots, store, crypto, (octets) => {
    for (const { step, block = 0 } of fail) {
      const happened = `failed/${step}${block}`;
      if (octets < block * BLOCK || store.get(happened) !== undefined) continue;
      store.batch([[happened, encodeRecord(true)]]);
      if (step === 'reboot') clock.after(0, restart);
      else last?.disconnect();
    }
  });
  const server = new SmpServer({
    clock,
    buffers: BUFFERS,
    handlers: filling.handlers(),
    shell: (argv) => distributorShell(argv, distribution, filling),
  });
  peripheral.serve(SMP_SERVICE, (link) => {
    last = link;
    server.attach(new SmpBleTransport(link, clock, { side: 'server', bufferOctets: BUFFERS.size }));
  });
}

/** The way to the SMP service of the node at place `index`, by whatever address it has. */
export function smpRouteTo(name: string, central: GattCentral, clock: Clock, index: number): SmpRoute {
  return {
    name,
    open: (done) => new Opening(central, clock, index, done).cancel,
    close: () => {},
  };
}

/** One search with the connection after it. */
class Opening {
  readonly cancel: Cancel = () => this.#end();
  #end: Cancel;

  constructor(central: GattCentral, clock: Clock, index: number, done: (outcome: SmpTransport | MeshError) => void) {
    const stop = central.scan?.(({ peer }) => {
      if (placeOfPeer(peer) !== index) return;
      this.#end();
      this.#end = central.connect(peer, SMP_SERVICE, (link) =>
        done(link instanceof MeshError ? link : new SmpBleTransport(link, clock, { side: 'client' })),
      );
    });
    const timer = clock.after(SEARCH_MS, () => {
      this.#end();
      done(notThere());
    });
    this.#end = () => {
      stop?.();
      timer.cancel();
    };
  }
}

function notThere(): MeshError {
  return new MeshError('connect-failed', `no SMP service was found within ${SEARCH_MS / 1000} s`, {
    hint: 'A simulated Distributor offers it with smp=1 in the URI.',
  });
}
