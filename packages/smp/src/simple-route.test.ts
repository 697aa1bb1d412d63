import { memoryGattLinks } from '@meshferry/bearer';
import { MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { SmpBleTransport } from './ble/ble-transport.ts';
import { simpleRoute } from './simple-route.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const clock = new VirtualClock();
  const { client } = memoryGattLinks(clock, {});
  const transport = new SmpBleTransport(client, clock, { side: 'client' });
  let isEnded = false;
  const ended = () => {
    isEnded = true;
  };
  transport.listen({ received: () => {}, ended });
  return {
    transport,
    isEnded: () => {
      clock.advance(100);
      return isEnded;
    },
  };
}

describe('a simple route', () => {
  it('gives the link, or why there is none', async () => {
    const { transport } = setUp();
    const outcomes: unknown[] = [];
    simpleRoute('a', async () => transport).open((outcome) => outcomes.push(outcome));
    simpleRoute('b', () => Promise.reject(new MeshError('bearer-busy', 'busy'))).open((outcome) =>
      outcomes.push(outcome),
    );
    expect(outcomes).toEqual([]);
    await turn();
    expect(outcomes).toEqual([transport, expect.objectContaining({ code: 'bearer-busy' })]);
  });

  it('closes the link that comes after it was given up', async () => {
    const { transport, isEnded } = setUp();
    let outcomes = 0;
    const cancel = simpleRoute('a', async () => transport).open(() => void outcomes++);
    cancel();
    await turn();
    expect([outcomes, isEnded()]).toEqual([0, true]);
  });
});
