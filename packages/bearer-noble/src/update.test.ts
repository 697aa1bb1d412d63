import { SeededRandom, toHex } from '@meshferry/core';
import { nodeCrypto } from '@meshferry/crypto-node';
import { type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { BOTH } from './testing/fake-bindings.ts';
import { ProxiedUpdate } from './testing/proxied-update.ts';

const DISCONNECTS = 20;

let made: MadeFirmware;

beforeAll(async () => {
  const payload = new SeededRandom('application').bytes(24_000);
  const version = { major: 1, minor: 0, revision: 0, build: 0 };
  made = await makeFirmware({ payload, version, company: 0x59, crypto: nodeCrypto });
});

describe.each(BOTH)('a device behind %s, reached by GATT alone', (lib) => {
  it(`is provisioned over PB-GATT and updated through its own proxy, with ${DISCONNECTS} forced disconnects in it`, async () => {
    const run = await ProxiedUpdate.open(lib);
    const address = await run.provision();
    await run.join(address);
    const before = run.connections;
    let dropped = 0;
    // Each time some while after the proxy was reached again.
    const next = () => {
      if (run.connections - before >= dropped && run.drop(dropped)) dropped++;
      if (dropped < DISCONNECTS) run.rig.clock.after(700 + 100 * dropped, next);
    };
    run.rig.clock.after(1000, next);
    const report = await run.update(made, address);
    expect(report.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual([['applied', null]]);
    expect(dropped).toBe(DISCONNECTS);
    expect(run.connections - before).toBeGreaterThanOrEqual(DISCONNECTS);
    expect(toHex(run.target.flashes[0]?.runningImage() ?? new Uint8Array())).toBe(toHex(made.image));
    run.close();
  });
});
