import assert from 'node:assert/strict';
import { fromHex, ok, toHex } from '@meshferry/core';
import type { OobFirmware, OobOffer, OobRequest, OobRetriever, OobVerdict } from '@meshferry/dfu';
import { DistributorSetup, firmwareStatus } from './distributor-setup.ts';
import { blockStart, chunkOf, DATA, ID, le16, le32, START_PUSH } from './settings.ts';
import { METADATA, NEW_ID, OTHER_METADATA } from './target-device.ts';
import { UPLOAD_GET, uploadOobStart, uploadStart, uploadStatus } from './upload-octets.ts';

/** What the archive of these tests offers, and to whom. */
export const OOB_URI = 'https://fw.example.com/lamp';
export const CURRENT_ID = '11000010';
export const OFFERED_ID = '11000012';
export const OFFERED_DATA = '33'.repeat(90);
export const OOB_START = uploadOobStart(OOB_URI, CURRENT_ID);
/** An image that is there from the start. */
export const STORED_ID = '11000033';
const STORED_DATA = '34'.repeat(50);

/** A maker's archive, of which the case says when it answers. */
export class ScriptedArchive implements OobRetriever {
  readonly schemes = ['https'] as const;
  /** What it was asked, in order; `cancelled` when nobody waits any more. */
  readonly calls: string[] = [];
  /** Answers a check at once. */
  verdict: OobVerdict | undefined;
  found: ((verdict: OobVerdict) => void) | undefined;
  progress: ((percent: number) => void) | undefined;
  fetched: Parameters<OobRetriever['fetch']>[3] | undefined;

  check({ uri, current }: OobRequest, done: (verdict: OobVerdict) => void): () => void {
    this.calls.push(`check ${uri} ${toHex(current)}`);
    this.found = done;
    if (this.verdict !== undefined) done(this.verdict);
    return () => this.calls.push('cancelled');
  }

  fetch(...[{ uri, current }, offer, progress, done]: Parameters<OobRetriever['fetch']>): () => void {
    this.calls.push(`fetch ${uri} ${toHex(current)} ${toHex(offer.firmwareId)}`);
    this.progress = progress;
    this.fetched = done;
    return () => this.calls.push('cancelled');
  }

  /** The image is there. */
  deliver(firmware: Partial<OobFirmware> = {}): void {
    const whole = { firmwareId: fromHex(OFFERED_ID), metadata: fromHex(OTHER_METADATA), image: fromHex(OFFERED_DATA) };
    this.fetched?.(ok({ ...whole, ...firmware }));
  }
}

export const OFFER: OobOffer = { firmwareId: fromHex(OFFERED_ID), size: 90 };

/** In what an upload is when a case begins. */
export type UploadState =
  | 'Idle'
  | 'TransferActive'
  | 'TransferError'
  | 'TransferSuccess'
  | 'OobCheck'
  | 'OobTransferActive';

/** A Distributor under test to which a lower tester uploads. One image is there already. */
export class UploadSetup {
  readonly archive = new ScriptedArchive();
  readonly distributor: DistributorSetup;

  constructor(options: ConstructorParameters<typeof DistributorSetup>[0] = {}) {
    this.distributor = new DistributorSetup({ oob: this.archive, ...options });
    this.distributor.slots.add(fromHex(STORED_ID), new Uint8Array(0), fromHex(STORED_DATA));
  }

  /** Block 0 of the upload, 64 of 80 octets, and with `isWhole` block 1. */
  transfer(isWhole: boolean, data = DATA): void {
    const { distributor } = this;
    distributor.ask(START_PUSH);
    distributor.ask(blockStart(0));
    for (let i = 0; i < 8; i++) distributor.tell(chunkOf(data.slice(0, 128), i));
    if (isWhole) this.lastBlock(data);
    distributor.clock.advance(500);
  }

  lastBlock(data = DATA): void {
    this.distributor.ask(blockStart(1));
    for (let i = 0; i < 2; i++) this.distributor.tell(chunkOf(data.slice(128), i));
    this.distributor.clock.advance(500);
  }

  bring(state: UploadState): this {
    const { distributor, archive } = this;
    if (state === 'OobCheck' || state === 'OobTransferActive') {
      distributor.exchange(OOB_START);
      if (state === 'OobCheck') return this;
      archive.found?.({ offer: OFFER });
      archive.progress?.(40.9);
      distributor.clock.advance(1500);
    } else if (state !== 'Idle') {
      distributor.ask(uploadStart());
      this.transfer(state === 'TransferSuccess');
      if (state === 'TransferError') distributor.clock.advance(60_000);
    }
    const phases = { Idle: 0, TransferActive: 1, TransferError: 2, TransferSuccess: 3, OobTransferActive: 1 };
    assert.equal(distributor.server.uploadPhase, phases[state], 'Upload Phase that the case begins with');
    return this;
  }

  /** An answer to Upload Get says this. */
  is(...status: Parameters<typeof uploadStatus>): void {
    this.distributor.exchange(UPLOAD_GET, uploadStatus(...status));
  }

  /** The images list is the image from the start and these; so many octets are free. */
  holds(images: readonly string[], free: number): void {
    const all = [STORED_ID, ...images];
    for (const [index, firmwareId] of all.entries()) {
      this.distributor.exchange(`8324${le16(index)}`, firmwareStatus(0, all.length, index, firmwareId));
    }
    this.distributor.exchange(`8324${le16(all.length)}`, firmwareStatus(4, all.length, all.length));
    this.distributor.exchange('8316', `8317e8030400a00f0000401f0000${le32(free)}0117`);
  }
}

/** The octets of an image of the list. */
export function contentOf({ distributor }: UploadSetup, index: number): string {
  const size = distributor.slots.images[index]?.size ?? 0;
  return toHex(distributor.slots.source(index).read(0, size));
}

export { ID, METADATA, NEW_ID };
