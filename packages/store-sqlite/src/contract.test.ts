import { MemoryStore } from '@meshferry/core';
import { afterAll } from 'vitest';
import { libsqlEngine, nodeEngine } from './engine.ts';
import { openWith } from './store.ts';
import { storeContract } from './testing/store-contract.ts';
import { temporaryFolder } from './testing/temporary.ts';

const { path, remove } = temporaryFolder();
let opened = 0;

afterAll(remove);

storeContract('MemoryStore', () => new MemoryStore());

for (const engine of [nodeEngine(), libsqlEngine()]) {
  if (engine === undefined) continue;
  storeContract(`SQLite by ${engine.name}`, () => openWith(engine, path(`${opened++}.db`), {}));
}
