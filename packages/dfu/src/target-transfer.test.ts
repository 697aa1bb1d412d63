import { MemoryStore, MeshError, silent } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { TargetState, type TargetUpdate } from './target-state.ts';
import { transferEvents } from './target-transfer.ts';
import { UpdatePhase } from './update-codes.ts';

const { transferError, transferActive, verifyingUpdate } = UpdatePhase;

describe('what the BLOB server says of a transfer', () => {
  it.each(['complete', 'suspended', 'started', 'resumed', 'failed'] as const)(
    'counts no more when another update has begun, or its image is here: %s',
    (event) => {
      const state = new TargetState(new MemoryStore(), silent);
      const told: string[] = [];
      const ends = { complete: () => told.push('complete'), failed: () => told.push('failed') };
      const events = (of: TargetUpdate) => transferEvents(state, of, silent, ends);
      const tell = (of: TargetUpdate) => events(of)[event]?.(new MeshError('gone', 'gone') as never);
      const [old, next] = [update(1n), update(2n)];
      state.note(old, transferActive);
      for (const phase of [transferActive, transferError]) {
        state.note(next, phase);
        tell(old);
        expect([state.update, next.phase, told]).toEqual([next, phase, []]);
      }
      state.note(next, verifyingUpdate);
      tell(next);
      expect([next.phase, told]).toEqual([verifyingUpdate, []]);
    },
  );
});

function update(blobId: bigint): TargetUpdate {
  const octets = new Uint8Array(3);
  return { phase: transferActive, ttl: 5, timeoutBase: 1, blobId, imageIndex: 0, effect: 0, metadata: octets };
}
