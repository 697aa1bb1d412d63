import { SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { generateP256KeyPair } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { INPUT_ACTIONS, OUTPUT_ACTIONS } from './capabilities.ts';
import type { ProvisioningDeviceOptions } from './device-options.ts';
import { decodeStart } from './start.ts';
import { DATA, Ends } from './testing/ends.ts';
import { User } from './testing/replay.ts';

const STATIC = Uint8Array.from({ length: 32 }, (_, i) => 0xff - i);
const ALGORITHMS = ['hmac', 'cmac'] as const;

/** Every kind of OOB data that one side can have, by name. */
const KINDS: readonly (readonly [name: string, method: string, size: number])[] = [
  ['none', 'none', 0],
  ['static', 'static', 0],
  ...OUTPUT_ACTIONS.flatMap((action) => [1, 8].map((size) => [action, 'output', size] as const)),
  ...INPUT_ACTIONS.flatMap((action) => [1, 8].map((size) => [action, 'input', size] as const)),
];
const CASES = KINDS.flatMap(([action, method, size]) =>
  ALGORITHMS.flatMap((algorithm) =>
    [false, true].map((publicKeyOob) => ({ method, action, size, algorithm, publicKeyOob })),
  ),
);

describe('a Provisioner and a device', () => {
  it.each(CASES)('agree: $method $action of size $size, $algorithm, OOB public key $publicKeyOob', (how) => {
    const { ends } = meet(how);
    ends.settle();
    expect(ends.outcome).toEqual(ends.node);
    expect(ends.node).toMatchObject({ data: DATA, capabilities: ends.device.capabilities });
    expect(ends.pending).toEqual(ends.node);
    expect(ends.calls).toEqual(['dataFor', 'aboutToFinish', 'provisioned']);
    expect(ends.ended).toEqual({ complete: true, success: true });
    expect(chosen(ends)).toEqual({
      algorithm: how.algorithm,
      publicKeyOob: how.publicKeyOob,
      authentication: chosenAuthentication(how),
    });
    expect(ends.deviceLink.sent.some((pdu) => pdu.startsWith('03'))).toBe(!how.publicKeyOob);
  });

  const guarded = CASES.filter(({ method }) => method !== 'none' && method !== 'static');
  it.each(guarded)('do not agree on a wrong value: $method $action of size $size, $algorithm', (how) => {
    const { ends, user } = meet(how);
    user.reads = (value) => (typeof value === 'number' ? (value === 1 ? 2 : value - 1) : swapCharacter(value));
    ends.settle();
    expect(ends.code).toBe('confirmation-failed');
    expect(ends.node).toBeUndefined();
    expect(ends.calls).toEqual([]);
    expect(ends.ended).toEqual({ complete: false, success: false, error: 'confirmation-failed' });
    expect(ends.deviceLink.sent.at(-1)).toBe('0904');
  });

  it('do not agree on different static OOB data', () => {
    const ends = new Ends({ oob: { staticValue: STATIC.map((octet) => octet ^ 1) } }, { staticOob: STATIC }).settle();
    expect(ends.code).toBe('confirmation-failed');
    expect(ends.ended?.error).toBe('confirmation-failed');
  });

  it('pass through their states in order', () => {
    const { ends } = meet({ method: 'input', action: 'numeric', size: 4, algorithm: 'hmac', publicKeyOob: false });
    ends.settle();
    expect(ends.provisionerStates).toEqual([
      'records',
      'wait-capabilities',
      'wait-public-key',
      'wait-input-complete',
      'wait-confirmation',
      'wait-random',
      'wait-complete',
      'ended',
    ]);
    expect(ends.deviceStates).toEqual([
      'wait-invite',
      'wait-start',
      'wait-public-key',
      'wait-input',
      'wait-confirmation',
      'wait-random',
      'wait-data',
      'complete',
      'ended',
    ]);
  });

  it('never use a key pair, a random number or an OOB value twice', () => {
    const clock = new VirtualClock();
    const values = new Set<unknown>();
    const show = ({ value }: { value: unknown }) => {
      values.add(value);
      return () => {};
    };
    const output = { size: 8, actions: ['alphanumeric' as const], show };
    const { device } = new Ends({}, { output, ended: () => {} }, { clock }).settle();
    const seen = new Set<string>();
    for (let attempt = 1; attempt <= 10; attempt++) {
      const authentication = { method: 'none' } as const;
      const ends = new Ends({ authentication }, device, { clock, seed: attempt }).settle(10_000);
      expect(ends.code).toBe('provisioned');
      new Ends({ oob: { enter: () => () => {} } }, device, { clock, seed: attempt }).settle();
      expect(values.size).toBe(attempt);
      for (const pdu of [...ends.provisionerLink.sent, ...ends.deviceLink.sent]) {
        if (!/^0[3567]/.test(pdu)) continue;
        expect(seen).not.toContain(pdu);
        seen.add(pdu);
      }
    }
    expect(seen.size).toBe(10 * 7);
  });

  it('keep secrets out of what they say when they fail', () => {
    const ends = new Ends({ oob: { staticValue: STATIC } }, { staticOob: STATIC });
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 0x06 ? pdu.fill(0, 2) : pdu);
    ends.settle();
    const said = `${JSON.stringify(ends.outcome)} ${String(ends.outcome)} ${JSON.stringify(ends.ended)}`;
    expect(ends.code).toBe('confirmation-failed');
    for (const secret of [STATIC, DATA.netKey]) expect(said).not.toContain(toHex(secret).slice(0, 8));
  });
});

function meet({ method, action, size, algorithm, publicKeyOob }: (typeof CASES)[number]): {
  readonly ends: Ends;
  readonly user: User;
} {
  // The user acts on the clock of the ends, which do not exist yet.
  let user: User | undefined;
  const show = (shown: Parameters<User['show']>[0]) => user!.show(shown);
  const enter: User['enter'] = (wanted, answer) => user!.enter(wanted, answer);
  const oobKeyPair = generateP256KeyPair(new SeededRandom('label'));
  const offered = { output: OUTPUT_ACTIONS, input: INPUT_ACTIONS };
  const device: Partial<ProvisioningDeviceOptions> = {
    algorithms: [algorithm],
    ...(publicKeyOob ? { oobKeyPair } : {}),
    ...(method === 'static' ? { staticOob: STATIC } : {}),
    ...(method === 'output'
      ? { output: { size, actions: offered.output.filter((name) => name === action), show } }
      : {}),
    ...(method === 'input' ? { input: { size, actions: offered.input.filter((name) => name === action), enter } } : {}),
  };
  const ends = new Ends(
    {
      policy: { allowCmac: true, requireAuthentication: method !== 'none' },
      oob: {
        ...(publicKeyOob ? { publicKey: oobKeyPair.publicKey } : {}),
        ...(method === 'static' ? { staticValue: STATIC } : {}),
        enter,
        show,
      },
    },
    device,
    { seed: size },
  );
  user = new User(ends.clock);
  return { ends, user };
}

function chosen(ends: Ends): unknown {
  const start = ends.provisionerLink.sent.find((pdu) => pdu.startsWith('02'))!;
  const decoded = decodeStart(Uint8Array.from(Buffer.from(start.slice(2), 'hex')));
  return decoded.ok && decoded.value;
}

function chosenAuthentication({ method, action, size }: (typeof CASES)[number]): unknown {
  if (method === 'none' || method === 'static') return { method };
  // Nobody counts to 99999999.
  return { method, action, size: /numeric/.test(action) ? size : 1 };
}

function swapCharacter(text: string): string {
  return `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
}
