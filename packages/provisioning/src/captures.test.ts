import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { ProvisionedNode } from './provisioner-options.ts';
import { type RecordedSession, replay } from './testing/replay.ts';

// Sessions of Zephyr and BlueZ: parameters of all PDUs as they were on air, with the private keys of both sides. The same
// keys, random numbers and OOB values in our two ends must give the same PDUs and the same device key.
const CAPTURES: readonly (readonly [name: string, complete: number])[] = [
  ['bluez-cfgclient', 1],
  ['bluez-prov-none', 1],
  ['bluez-prov-outnum', 1],
  ['bluez-prov-static', 1],
  ['bluez-rpr', 1],
  ['pbadv-cmac-all-oob-methods', 12],
  ['pbadv-cmac-no-oob', 1],
  ['pbadv-hmac-no-oob', 1],
  ['pbadv-hmac-oob-public-key', 13],
  ['pbadv-hmac-provision-reset-repeat', 4],
  ['remote-provisioning-provision-reset-repeat', 7],
  ['remote-provisioning-timeouts', 1],
];
const folder = new URL('../../../../shared/captures/', import.meta.url);

interface CapturedSession {
  invite: string;
  caps: string;
  start: string;
  pubP: string;
  /** Absent when it was known out of band. */
  pubD?: string;
  inputComplete?: string;
  confP: string;
  confD: string;
  randomP: string;
  randomD: string;
  data: string;
  privP?: string;
  privD: string;
  auth: string;
  deviceKey: string;
  provisioningData: string;
}

// Outside of the project's own checkout the captures are missing; then these tests are skipped.
describe.skipIf(!existsSync(folder))('recorded provisioning', () => {
  it('is all of it replayed here', () => {
    const names = readdirSync(folder).flatMap((file) => /^(.*)\.keys\.json$/.exec(file)?.[1] ?? []);
    const counts = names.map((name) => [name, completeSessions(name).length] as const);
    expect(counts.filter(([, count]) => count > 0).sort()).toEqual([...CAPTURES].sort());
  });

  it.each(CAPTURES)('%s: %i sessions come out the same', (name, complete) => {
    const sessions = completeSessions(name);
    expect(sessions).toHaveLength(complete);
    for (const session of sessions) {
      const { outcome, node, sentByProvisioner, sentByDevice } = replay(recorded(session));
      const { caps, pubD, inputComplete, confD, randomD } = session;
      expect(sentByProvisioner).toEqual([
        `00${session.invite}`,
        `02${session.start}`,
        `03${session.pubP}`,
        `05${session.confP}`,
        `06${session.randomP}`,
        `07${session.data}`,
      ]);
      expect(sentByDevice).toEqual([
        `01${caps}`,
        ...(pubD === undefined ? [] : [`03${pubD}`]),
        ...(inputComplete === undefined ? [] : ['04']),
        `05${confD}`,
        `06${randomD}`,
        '08',
      ]);
      expect(toHex((outcome as ProvisionedNode).deviceKey)).toBe(session.deviceKey);
      expect(node).toEqual(outcome);
    }
  });
});

function completeSessions(name: string): CapturedSession[] {
  const keys: Record<string, CapturedSession[] | undefined> = JSON.parse(
    readFileSync(new URL(`${name}.keys.json`, folder), 'utf8'),
  );
  const all = [...(keys.provisioningSessions ?? []), ...(keys.remoteProvisioningSessions ?? [])];
  return all.filter(({ privP }) => privP !== undefined);
}

function recorded(session: CapturedSession): RecordedSession {
  return {
    invite: session.invite,
    capabilities: session.caps,
    start: session.start,
    privateKeyProvisioner: session.privP!,
    privateKeyDevice: session.privD,
    authValue: session.auth,
    randomProvisioner: session.randomP,
    randomDevice: session.randomD,
    provisioningData: session.provisioningData,
  };
}
