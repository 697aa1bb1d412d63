import type { BlobSink } from '@meshferry/blob';
import type { TargetApplication, TargetStart } from '@meshferry/dfu';
import type { Failure } from './uri.ts';

/** What a planned failure does to the device around the application. */
export interface FaultyDevice {
  /** Stops answering for good. */
  silence(): void;
  /** The power fails for a moment. */
  restart(): void;
  /** One octet of the image that has come changes by itself. */
  flipOctet(imageIndex: number): void;
}

/**
 * A target's application that fails as the simulator URI's `fail` says; anything else goes through unchanged. `written`:
 * offsets of the blocks that have come, kept by the caller over the power cuts of a transfer.
 */
export function faulty(
  application: TargetApplication,
  failures: readonly Failure[],
  device: FaultyDevice,
  written: Set<number> = new Set(),
): TargetApplication {
  if (failures.length === 0) return application;
  const fails = (step: Failure['step']): boolean => failures.some((failure) => failure.step === step);
  const watched = (sink: BlobSink): BlobSink => watchBlocks(sink, failures, device, written);
  const watchedStart = (start: TargetStart): TargetStart => ('sink' in start ? { sink: watched(start.sink) } : start);
  return {
    images: () => application.images(),
    check: (imageIndex, metadata) => {
      const answer = application.check(imageIndex, metadata);
      return fails('metadata') ? { ...answer, accept: false } : answer;
    },
    start: (imageIndex, metadata) => {
      if (fails('busy')) return { refuse: 'busy' };
      if (fails('full')) return { refuse: 'resources' };
      return watchedStart(application.start(imageIndex, metadata));
    },
    recover: (imageIndex, metadata) => {
      const sink = application.recover(imageIndex, metadata);
      return sink && watched(sink);
    },
    verify: (imageIndex, metadata, done) => {
      if (fails('flip')) device.flipOctet(imageIndex);
      if (fails('verify')) done(false, 'planned failure');
      else application.verify(imageIndex, metadata, done);
    },
    apply: (imageIndex, done) => {
      if (fails('apply')) done(false);
      else application.apply(imageIndex, done);
    },
    abandoned: (imageIndex) => application.abandoned?.(imageIndex),
  };
}

/** Lets `blockN` and `rebootN` happen once, as soon as N blocks are in the flash, that is, during block N. */
function watchBlocks(
  sink: BlobSink,
  failures: readonly Failure[],
  device: FaultyDevice,
  written: Set<number>,
): BlobSink {
  const fail = (): void => {
    for (const { step, block } of failures) {
      if (block !== written.size) continue;
      if (step === 'block') device.silence();
      if (step === 'reboot') device.restart();
    }
  };
  return {
    ...sink,
    begin: (blobId, size) => {
      written.clear();
      const begun = sink.begin(blobId, size);
      fail();
      return begun;
    },
    block: (offset, data) => {
      const stored = sink.block(offset, data);
      const isNew = !written.has(offset);
      written.add(offset);
      if (isNew) fail();
      return stored;
    },
  };
}
