import { fromHex, toHex } from '@meshferry/core';
import { BlobBlockStart, BlobChunkTransfer, BlobInformationStatus, BlobTransferStart } from '../messages.ts';
import { opcodeOf } from './capture-recording.ts';

/** What the recorded server knew when the client's messages came. */
export interface RuleGround {
  /** BLOB ID as the higher model told it. */
  readonly blobId: bigint | undefined;
  readonly image: Uint8Array;
  /** Its Information Status, as hex. */
  readonly information: string;
}

interface OpenBlock {
  readonly number: number;
  readonly chunkSize: number;
  readonly held: Set<number>;
}

/**
 * The rules by which the recorded servers take or refuse what a client sends [blob.md 2, 4 and 7; Zephyr's limits]:
 * tells why a message is refused. Its own arithmetic, not that of the code under test.
 */
export class StockRules {
  readonly #ground: RuleGround;
  readonly #whole = new Set<number>();
  #log: number | undefined;
  #block: OpenBlock | undefined;

  constructor(ground: RuleGround) {
    this.#ground = ground;
  }

  /** Chunks of a block that this server has been sent. */
  held(block: number): ReadonlySet<number> {
    return this.#block?.number === block ? this.#block.held : new Set();
  }

  get openBlock(): number | undefined {
    return this.#block?.number;
  }

  get chunkSize(): number | undefined {
    return this.#block?.chunkSize;
  }

  /** Every chunk of the block was sent. */
  isWhole(block: number): boolean {
    return this.#whole.has(block);
  }

  /** Undefined when the server takes it. */
  refusal(hex: string): string | undefined {
    switch (opcodeOf(hex)) {
      case '8301':
        return this.#transferStart(hex);
      case '8304':
        return this.#blockStart(hex);
      case '66':
        return this.#chunk(hex);
      default:
        return undefined;
    }
  }

  #transferStart(hex: string): string | undefined {
    const decoded = BlobTransferStart.decode(fromHex(hex));
    if (!decoded.ok) return 'Transfer Start does not decode';
    const { blobId, blobSize, blockSizeLog, transferMode, clientMtuSize } = decoded.value;
    const { minBlockSizeLog, maxBlockSizeLog, maxBlobSize, push, pull } = this.#capabilities;
    if (this.#ground.blobId !== undefined && blobId !== this.#ground.blobId) return 'Wrong BLOB ID';
    if (blobSize !== this.#ground.image.length || blobSize > maxBlobSize) return `BLOB of ${blobSize} octets`;
    if (blockSizeLog < minBlockSizeLog || blockSizeLog > maxBlockSizeLog) return `Invalid Block Size ${blockSizeLog}`;
    if (!(transferMode === 'push' ? push : pull)) return 'Unsupported Transfer Mode';
    if (clientMtuSize < 20 || clientMtuSize > 380) return `MTU ${clientMtuSize}`;
    if (this.#log !== undefined && this.#log !== blockSizeLog) return 'Wrong Phase: another block size';
    this.#log = blockSizeLog;
    return undefined;
  }

  #blockStart(hex: string): string | undefined {
    const decoded = BlobBlockStart.decode(fromHex(hex));
    if (!decoded.ok) return 'Block Start does not decode';
    if (this.#log === undefined) return 'Wrong Phase: no transfer';
    const { blockNumber, chunkSize } = decoded.value;
    const { maxChunkSize, maxChunksNumber, mtuSize } = this.#capabilities;
    const blockSize = 2 ** this.#log;
    if (blockNumber >= Math.ceil(this.#ground.image.length / blockSize)) return `Invalid Block Number ${blockNumber}`;
    if (chunkSize < 1 || chunkSize > Math.min(maxChunkSize, mtuSize - 3)) return `Invalid Chunk Size ${chunkSize}`;
    if (Math.ceil(blockSize / chunkSize) > maxChunksNumber) return `Invalid Chunk Size ${chunkSize}: too many chunks`;
    const open = this.#block;
    if (open !== undefined && !this.#whole.has(open.number)) {
      const isSame = open.number === blockNumber && open.chunkSize === chunkSize;
      return isSame ? undefined : `Wrong Phase: in the middle of block ${open.number}`;
    }
    if (open?.number !== blockNumber) this.#block = { number: blockNumber, chunkSize, held: new Set() };
    return undefined;
  }

  #chunk(hex: string): string | undefined {
    const decoded = BlobChunkTransfer.decode(fromHex(hex));
    if (!decoded.ok) return 'Chunk does not decode';
    if (this.#block === undefined || this.#log === undefined) return 'a chunk, but no block';
    const { chunkNumber, data } = decoded.value;
    const { number, chunkSize, held } = this.#block;
    const start = number * 2 ** this.#log;
    const block = this.#ground.image.subarray(start, start + 2 ** this.#log);
    const count = Math.ceil(block.length / chunkSize);
    if (chunkNumber >= count) return `chunk ${chunkNumber} of ${count}`;
    const wanted = block.subarray(chunkNumber * chunkSize, (chunkNumber + 1) * chunkSize);
    if (toHex(data) !== toHex(wanted)) return `chunk ${chunkNumber} has other octets than the image`;
    held.add(chunkNumber);
    if (held.size === count) this.#whole.add(number);
    return undefined;
  }

  get #capabilities(): BlobInformationStatus {
    const decoded = BlobInformationStatus.decode(fromHex(this.#ground.information));
    if (!decoded.ok) throw new Error('no Information Status');
    return decoded.value;
  }
}
