import { VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { blockShape } from './arithmetic.ts';
import { KeepAwake } from './keep-awake.ts';
import { Receiver, type Stage } from './receiver.ts';
import type { TransferContext } from './transfer-context.ts';

/** To whom Block Start goes after a while in which 20 receivers heard nothing, `stages` of the first ones. */
function woken(stages: readonly Stage[]): (number | undefined)[] {
  const to: (number | undefined)[] = [];
  const clock = new VirtualClock();
  const active = Array.from({ length: 20 }, (_, i) => {
    const receiver = new Receiver({ address: 0x0100 + i });
    receiver.blocks = 4;
    receiver.blocksMissing = Uint8Array.of(0b1110);
    receiver.stage = stages[i] ?? 'held';
    return receiver;
  });
  const context = {
    clock,
    active,
    hasGroup: true,
    serverTimeoutMs: 40_000,
    strategy: { request: () => ({}) },
    requests: { blockStart: (address: number | undefined) => to.push(address) },
    log: () => {},
  } as unknown as TransferContext;
  clock.advance(20_000);
  new KeepAwake(context, blockShape(1024, 8, 0, 8)).look(true);
  return to;
}

describe('receivers that wait while others are served', () => {
  it('are kept awake by the group when that brings short answers alone', () => {
    expect(woken([])).toEqual([undefined]);
  });

  it('are kept awake one by one while others would answer with what they miss: that would take the air from chunks', () => {
    const to = woken(['check', 'check']);
    expect(to).toHaveLength(16);
    expect(to).not.toContain(undefined);
    expect(to).not.toContain(0x0100);
  });
});
