import { BlobClient, BlobServer } from '@meshferry/blob';
import { fromHex, MemoryStore, type Random, SeededRandom, type VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { LeastRandom } from '../../../blob/src/testing/capture-client.ts';
import { recordedKeys, recordedMessages } from '../../../blob/src/testing/capture-recording.ts';
import { FirmwareDistributionServer } from '../distribution-server.ts';
import { FirmwareUpdateStart } from '../firmware-update-messages.ts';
import { SlotStore } from '../slot-store.ts';
import { FirmwareUpdateClient } from '../update-client.ts';

/** The Distributor of the recordings, whose first random number is the recorded BLOB ID. */
export class RecordedDistributor {
  readonly blob: BlobClient;
  readonly updates: FirmwareUpdateClient;
  readonly uploads: BlobServer;
  readonly slots: SlotStore;
  readonly server: FirmwareDistributionServer;
  readonly phases: number[] = [];

  constructor(clock: VirtualClock, name: string, settings: 'stock' | 'auto') {
    const random = new LeastRandom();
    this.blob = new BlobClient({ clock, random, defaultTtl: 7 });
    this.updates = new FirmwareUpdateClient({ clock, random, blob: this.blob, defaultTtl: 7 });
    this.uploads = new BlobServer({
      clock,
      store: new MemoryStore(),
      capabilities: { minBlockSizeLog: 8, maxBlockSizeLog: 12, maxChunksNumber: 256, maxBlobSize: 0x80000 },
    });
    this.slots = new SlotStore({
      store: new MemoryStore(),
      crypto: portableCrypto,
      limits: { images: 4, imageSize: 0x80000, space: 0x80000 },
    });
    this.server = new FirmwareDistributionServer({
      clock,
      random: new FirstOctets(recordedBlobId(name)),
      crypto: portableCrypto,
      store: new MemoryStore(),
      blob: this.uploads,
      updates: this.updates,
      slots: this.slots,
      maxReceivers: 32,
      settings,
    });
    this.server.phases.subscribe((phase) => this.phases.push(phase));
  }

  get models() {
    return [this.blob.model, this.updates.model, this.uploads.model, this.server.model];
  }
}

/** The Firmware Update Start that the recorded Distributor sent; the same to all targets. */
export function recordedUpdateStart(name: string): FirmwareUpdateStart {
  const start = recordedMessages(name).find(({ hex }) => hex.startsWith('830d'));
  const decoded = FirmwareUpdateStart.decode(fromHex(start?.hex ?? ''));
  if (!decoded.ok) throw new Error(`${name}: no Start`);
  return decoded.value;
}

/** As the Distributor drew it, most significant octet first. */
function recordedBlobId(name: string): Uint8Array {
  const { blobs = [] } = recordedKeys(name);
  return fromHex(blobs.find(({ src }) => src === 1)?.id ?? '');
}

class FirstOctets implements Random {
  readonly #rest = new SeededRandom('distributor');
  #first: Uint8Array | undefined;

  constructor(first: Uint8Array) {
    this.#first = first;
  }

  bytes(n: number): Uint8Array {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#rest.bytes(n);
  }

  uniform(): number {
    return 0;
  }
}
