import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { BlobStep } from './client-contract.ts';
import { BlobPhase, BlobStatus } from './constants.ts';
import { BlobBlockStatus, BlobInformationStatus, BlobTransferStatus } from './messages.ts';
import { CutStore } from './testing/cut-store.ts';
import { blocksOf, content, expectOnlyLost, expectWhole, lies, lostOf, type Mesh, prepared } from './testing/mesh.ts';

const BYTES = content(12_000);
/** What an inactive server says. */
const NOTHING = {
  phase: BlobPhase.inactive,
  transferMode: 'none',
  blobId: undefined,
  blobSize: undefined,
  blockSizeLog: undefined,
  transferMtuSize: undefined,
  blocksNotReceived: undefined,
} as const;

describe('why a receiver was lost', () => {
  const refusing = (mesh: Mesh, blobStatus: number): void =>
    lies(mesh, 1, BlobTransferStatus, ({ phase }) => (phase === 2 ? { status: blobStatus } : undefined));
  const silentFrom = (mesh: Mesh, type: string): void => {
    mesh.whenTold = (event) => {
      if (event.type === type) mesh.clock.after(2500, () => Object.assign(mesh.targets[1]!, { deaf: true }));
    };
  };
  const cases: [string, (mesh: Mesh) => void, BlobStep, string, number, RegExp][] = [
    [
      'deaf from the start',
      (mesh) => Object.assign(mesh.targets[1]!, { deaf: true }),
      'capabilities',
      'receiver-silent',
      BlobStatus.internalError,
      /^0x0101 has not answered for 50 s, in step capabilities$/,
    ],
    [
      'too small',
      (mesh) => lies(mesh, 1, BlobInformationStatus, () => ({ maxBlobSize: 100 })),
      'capabilities',
      'receiver-unfit',
      BlobStatus.blobTooLarge,
      /^0x0101 takes no more than 100 octets, not 12000: BLOB Too Large$/,
    ],
    [
      'without this mode',
      (mesh) => lies(mesh, 1, BlobInformationStatus, () => ({ push: false, pull: false })),
      'capabilities',
      'receiver-unfit',
      BlobStatus.unsupportedTransferMode,
      /^0x0101 does not offer push mode: Unsupported Transfer Mode$/,
    ],
    [
      'of other blocks',
      (mesh) => lies(mesh, 1, BlobInformationStatus, () => ({ minBlockSizeLog: 14, maxBlockSizeLog: 15 })),
      'capabilities',
      'receiver-unfit',
      BlobStatus.invalidBlockSize,
      /^0x0101 takes blocks of 2\^14 to 2\^15 octets, no others: Invalid Block Size$/,
    ],
    [
      'that waits for another BLOB',
      (mesh) => refusing(mesh, BlobStatus.wrongBlobId),
      'start',
      'receiver-refused',
      BlobStatus.wrongBlobId,
      /^0x0101 answered Wrong BLOB ID \(0x06\), in step start$/,
    ],
    [
      'that refuses a block',
      (mesh) => lies(mesh, 1, BlobBlockStatus, () => ({ status: BlobStatus.internalError })),
      'block start',
      'receiver-refused',
      BlobStatus.internalError,
      /^0x0101 answered Internal Error \(0x09\), in step block start$/,
    ],
    [
      'that falls silent',
      (mesh) => silentFrom(mesh, 'block'),
      'chunks',
      'receiver-silent',
      BlobStatus.internalError,
      /^0x0101 has not answered for 50 s, in step chunks$/,
    ],
    [
      'that forgets the transfer',
      (mesh) => lies(mesh, 1, BlobTransferStatus, ({ phase }) => (phase === BlobPhase.complete ? NOTHING : undefined)),
      'confirm',
      'receiver-refused',
      BlobStatus.wrongPhase,
      /^0x0101 answered Wrong Phase \(0x04\), in step confirm$/,
    ],
  ];

  it.each(cases)('%s', (_, break_, lostIn, code, status, message) => {
    const mesh = prepared({ targets: 3 });
    break_(mesh);
    mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    const [lost, ...others] = lostOf(mesh);
    expect(others).toEqual([]);
    expect(lost).toMatchObject({ address: 0x0101, lost: true, lostIn, status, timedOut: code === 'receiver-silent' });
    expect(lost?.error).toBeInstanceOf(MeshError);
    expect(lost?.error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(lost?.error?.hint).toBeTruthy();
    for (const i of [0, 2]) expectWhole(mesh.targets[i]!, BYTES);
  });

  it('is known to the process that goes on', () => {
    const mesh = prepared({ targets: 3 });
    mesh.targets[1]!.flash.begin = () => false;
    mesh.start(BYTES);
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    const [before] = lostOf(mesh);
    mesh.restartClient();
    const { receivers } = mesh.start(BYTES, { resume: true });
    expect(receivers[1]).toMatchObject({ lost: true, lostIn: 'start', status: BlobStatus.internalError });
    expect(receivers[1]?.error?.toJSON()).toEqual(before?.error?.toJSON());
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, BYTES);
  });

  it('no confirmation in three returns to the missing block: it is lost, the others are done', () => {
    const mesh = prepared({ targets: 2 });
    lies(mesh, 1, BlobTransferStatus, ({ phase }) =>
      phase === BlobPhase.complete ? { phase: 2, blocksNotReceived: Uint8Array.of(0b010) } : undefined,
    );
    mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(lostOf(mesh)).toMatchObject([{ address: 0x0101, error: { code: 'receiver-stuck' } }]);
    expect(blocksOf(mesh).map(({ number }) => number)).toEqual([0, 1, 2, 1, 1, 1]);
  });
});

describe('a client that cannot go on', () => {
  /** A store that refuses. */
  class FullStore extends CutStore {
    isFull = false;
    override batch(writes: Parameters<CutStore['batch']>[0]): void {
      const all = [...writes];
      if (this.isFull && all.some(([key]) => key.startsWith('blob/'))) {
        throw new MeshError('store-failed', 'the disk is full');
      }
      super.batch(all);
    }
  }

  it.each(['capabilities', 'block', 'chunks'])('as it cannot store its state, from "%s" on: suspended', (type) => {
    const full = new FullStore();
    const mesh = prepared({ targets: 2, store: (i) => (i === 0 ? full : new CutStore()) });
    mesh.whenTold = (event) => {
      if (event.type === type) full.isFull = true;
    };
    const transfer = mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ type: 'suspended', error: { code: 'store-failed' } });
    mesh.whenTold = undefined;
    full.isFull = false;
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
  });

  it('cannot erase its state: it is done all the same', () => {
    const full = new FullStore();
    const mesh = prepared({ targets: 1, store: (i) => (i === 0 ? full : new CutStore()) });
    mesh.start(BYTES);
    mesh.runUntil((event) => event.type === 'progress' && event.percent === 100);
    full.isFull = true;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
  });

  it.each(['push', 'pull'] as const)('as its key is gone: suspended, and resumed with the key (%s)', (mode) => {
    const mesh = prepared({ targets: 2 });
    const transfer = mesh.start(BYTES, { mode });
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    mesh.client.model.unbind(0);
    expect(mesh.run()).toMatchObject({ type: 'suspended', error: { code: 'key-not-bound' } });
    mesh.client.model.bind(0);
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
  });

  it('cancels without a key what it can', () => {
    const mesh = prepared({ targets: 1 });
    const transfer = mesh.start(BYTES);
    mesh.runUntil((event) => event.type === 'block');
    mesh.client.model.unbind(0);
    let told = 0;
    transfer.cancel(() => told++);
    expect(mesh.run(5)).toMatchObject({ outcome: 'cancelled' });
    expect(told).toBe(1);
    transfer.cancel(() => told++);
    mesh.clock.advance(1);
    expect(told).toBe(2);
  });

  it('waits for the cancellation of a silent receiver no longer than the client timeout', () => {
    const mesh = prepared({ targets: 2 });
    const transfer = mesh.start(BYTES);
    mesh.runUntil((event) => event.type === 'block');
    mesh.targets[1]!.deaf = true;
    const { now } = mesh.clock;
    transfer.cancel();
    expect(mesh.run()).toMatchObject({ outcome: 'cancelled' });
    expect(mesh.clock.now - now).toBeGreaterThan(50_000);
    expect(mesh.clock.now - now).toBeLessThan(52_000);
    expect(lostOf(mesh)).toMatchObject([{ address: 0x0101, lostIn: 'cancel', timedOut: true }]);
    expect(mesh.targets[0]!.server.phase).toBe(BlobPhase.inactive);
  });
});
