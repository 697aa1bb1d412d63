import { describe, expect, it } from 'vitest';
import type { BlobInquiryAnswer } from './client-inquiry.ts';
import { BlobPhase } from './constants.ts';
import type { BlobTransferStatus } from './messages.ts';
import { BLOB_ID, content, FIRST_TARGET, GROUP, Mesh, prepared } from './testing/mesh.ts';

const TO = { appIndex: 0, ttl: 3, timeoutBase: 0 };

function receiversOf({ targets }: Mesh) {
  return targets.map(({ address }) => ({ address }));
}

/** What all targets say of their transfers. */
function statesOf(mesh: Mesh, group?: number): readonly BlobInquiryAnswer<BlobTransferStatus>[] {
  let told: readonly BlobInquiryAnswer<BlobTransferStatus>[] | undefined;
  mesh.client.retrieveState({ ...TO, receivers: receiversOf(mesh), group }, (answers) => {
    told = answers;
  });
  while (told === undefined) if (!mesh.clock.step()) throw new Error('nobody was told');
  return told;
}

describe('a client that asks servers where they stand', () => {
  it.each([undefined, GROUP])('learns it of each, in the order of the receivers (group %s)', (group) => {
    const mesh = new Mesh({ targets: 3, loss: 0.05 });
    mesh.expect(mesh.targets[1]!);
    mesh.expect(mesh.targets[2]!);
    mesh.start(content(9000), { receivers: [{ address: FIRST_TARGET + 2 }] });
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    mesh.clock.advance(5000);
    expect(statesOf(mesh, group)).toMatchObject([
      { address: FIRST_TARGET, answer: { phase: BlobPhase.inactive, blobId: undefined } },
      { address: FIRST_TARGET + 1, answer: { phase: BlobPhase.waitingForTransferStart, blobId: BLOB_ID } },
      { address: FIRST_TARGET + 2, answer: { blobSize: 9000, transferMode: 'push' } },
    ]);
    // The transfer was not disturbed.
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
  });

  it('passes over who is silent, after the client timeout', () => {
    const mesh = prepared({ targets: 2 });
    mesh.targets[0]!.deaf = true;
    expect(statesOf(mesh)).toMatchObject([{ answer: undefined }, { answer: { phase: 1 } }]);
    expect(mesh.clock.now).toBeGreaterThan(20_000);
    expect(mesh.clock.now).toBeLessThan(21_500);
    expect(mesh.events).toEqual([]);
  });

  it('asks nobody any more once it was cancelled, and tells nothing', () => {
    for (const ms of [0, 1000]) {
      const mesh = prepared({ targets: 1 });
      mesh.targets[0]!.deaf = true;
      let told = 0;
      const cancel = mesh.client.retrieveState({ ...TO, receivers: receiversOf(mesh) }, () => told++);
      if (ms > 0) mesh.clock.advance(ms);
      cancel();
      mesh.clock.advance(1000);
      const { airEvents } = mesh;
      mesh.clock.advance(60_000);
      expect([mesh.airEvents, told]).toEqual([airEvents, 0]);
      expect(airEvents > 0).toBe(ms > 0);
    }
  });

  it('does not ask whom it shall skip, nor nobody', () => {
    const mesh = prepared({ targets: 1 });
    const skipped = [{ address: FIRST_TARGET, skip: true }];
    expect(() => mesh.client.retrieveState({ ...TO, receivers: skipped }, () => {})).toThrow(/nobody/);
  });
});

describe('a client that asks servers for their capabilities', () => {
  it('learns them without a transfer', () => {
    const mesh = new Mesh({ targets: 2, capabilities: (i) => ({ maxBlobSize: 1000 + i }) });
    const sizes: (number | undefined)[] = [];
    mesh.client.retrieveCapabilities({ ...TO, receivers: receiversOf(mesh), group: GROUP }, (answers) => {
      sizes.push(...answers.map(({ answer }) => answer?.maxBlobSize));
    });
    mesh.clock.advance(3000);
    expect(sizes).toEqual([1000, 1001]);
    expect(mesh.targets.map(({ server }) => server.phase)).toEqual([0, 0]);
  });
});
