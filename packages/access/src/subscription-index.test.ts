import { MemoryStore, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { expect, it } from 'vitest';
import { AccessLayer } from './access-layer.ts';
import { Model } from './model.ts';

it('all subscriptions of a node are told, each once, and whenever they change', () => {
  const store = new MemoryStore();
  const access = new AccessLayer({
    clock: new VirtualClock(),
    random: new SeededRandom(1),
    store,
    crypto: portableCrypto,
    address: 0x0100,
    identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 10, features: 0 },
  });
  const models = [new Model({ id: 0x1000, name: 'one' }), new Model({ id: 0x1001, name: 'other' })] as const;
  access.addElement(0, models);
  const told: number[][] = [];
  access.subscriptionChanges.subscribe(() => told.push([...access.subscriptions]));
  const label = new Uint8Array(16).fill(7);
  models[0].subscribe(0xc000);
  models[1].subscribe(0xc000);
  models[1].subscribe(label);
  models[0].unsubscribe(0xc000);
  models[1].unsubscribe(0xc000);
  const virtual = virtualAddress(portableCrypto, label);
  expect(told).toEqual([[0xc000], [0xc000], [0xc000, virtual], [0xc000, virtual], [virtual]]);
});
