import { MeshError, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { OobValue } from './auth-value.ts';
import { PROVISIONING_ERRORS } from './error-code.ts';
import type { Answer } from './provisioner-options.ts';
import { DATA, Ends } from './testing/ends.ts';

const STATIC = new Uint8Array(16).fill(9);
const output = { size: 4, actions: ['numeric' as const], show: () => () => {} };
const input = { size: 4, actions: ['numeric' as const], enter: () => () => {} };

describe('the Provisioner and time', () => {
  it('gives up 60 s after the last PDU of a device that has gone', () => {
    const ends = new Ends();
    ends.deviceLink.tamper = () => undefined;
    ends.clock.advance(59_000);
    expect(ends.outcome).toBeUndefined();
    ends.clock.advance(2000);
    expect(ends.code).toBe('link-timeout');
    expect(ends.provisionerLink.closedWith).toBe('timeout');
  });

  it.each([
    ['reads a value at the device', { oob: { enter: () => () => {} } }, { output }],
    ['enters one at the device', { oob: { show: () => () => {} } }, { input }],
  ])('waits 120 s while the user %s', (_, provisioner, device) => {
    const ends = new Ends(provisioner, device);
    ends.clock.advance(119_000);
    expect([ends.outcome, ends.ended]).toEqual([undefined, undefined]);
    ends.clock.advance(2000);
    expect(ends.code).toBe('link-timeout');
    expect(ends.ended).toMatchObject({ complete: false });
  });

  it('takes as long as the PDUs keep coming, each within 60 s', () => {
    const parts = new Map([[1, new Uint8Array(100).fill(1)]]);
    const ends = new Ends(
      {
        beforeInvite: (records, proceed) => {
          let left = 5;
          const again = () => records.read(1, () => (left-- > 0 ? ends.clock.after(50_000, again) : proceed()));
          again();
        },
      },
      { records: parts },
    );
    expect(ends.settle(400_000).code).toBe('provisioned');
  });
});

describe('a link that ends', () => {
  it.each([
    ['timeout', 'link-timeout'],
    ['fail', 'link-closed'],
    ['success', 'link-closed'],
  ] as const)('with %s is told as %s', (reason, code) => {
    const ends = new Ends();
    ends.clock.advance(50);
    ends.provisionerLink.end(reason);
    expect(ends.code).toBe(code);
  });

  it('after the data have left is told as uncertain, whatever ends it', () => {
    const endings: ((ends: Ends) => void)[] = [
      (ends) => ends.provisionerLink.end('timeout'),
      (ends) => ends.provisionerLink.end('fail'),
      (ends) => ends.run.cancel(),
      (ends) => ends.provisionerLink.hear(Uint8Array.of(0x0d)),
      (ends) => ends.provisionerLink.hear(Uint8Array.of(0x04)),
      (ends) => ends.clock.advance(61_000),
    ];
    for (const end of endings) {
      const ends = new Ends();
      ends.deviceLink.tamper = (pdu) => (pdu[0] === 8 ? undefined : pdu);
      ends.until('wait-complete');
      end(ends);
      expect(ends.code).toBe('provisioning-uncertain');
      expect(ends.outcome).toMatchObject({ hint: expect.stringContaining('0x0100'), cause: expect.any(MeshError) });
      expect(ends.run.state).toBe('ended');
    }
  });

  it('is no error any more once Complete has come', () => {
    const ends = new Ends().settle();
    ends.provisionerLink.end('fail');
    ends.run.cancel();
    expect(ends.code).toBe('provisioned');
    expect(ends.provisionerLink.closedWith).toBe('success');
  });
});

describe('the hooks', () => {
  it('come in order: reserve, store, send, and only after the device has proved itself', () => {
    const order: string[] = [];
    const ends: Ends = new Ends(
      {
        oob: { staticValue: STATIC },
        dataFor: ({ elements }) => {
          order.push(`dataFor ${elements} after ${ends.deviceLink.sent.length}`);
          return DATA;
        },
        aboutToFinish: ({ deviceKey }) => {
          order.push(
            `store ${deviceKey.length}, sent ${ends.provisionerLink.sent.filter((p) => p.startsWith('07')).length}`,
          );
        },
        done: () => order.push('done'),
      },
      { staticOob: STATIC, elements: 3, provisioned: () => order.push('device stored') },
    );
    ends.settle();
    expect(order).toEqual(['dataFor 3 after 4', 'store 16, sent 0', 'device stored', 'done']);
  });

  it.each<readonly [hook: string, options: object]>([
    ['inspect', { inspect: () => new MeshError('too-old', 'x') }],
    [
      'beforeInvite',
      { beforeInvite: (_: unknown, proceed: (e: MeshError) => void) => proceed(new MeshError('too-old', 'x')) },
    ],
    ['dataFor', { dataFor: () => new MeshError('too-old', 'x') }],
    ['dataFor, thrown', { dataFor: thrown }],
    ['aboutToFinish', { aboutToFinish: thrown }],
    ['enter', { oob: { enter: thrown } }],
    ['show', { oob: { show: thrown } }],
  ])('that fail end it, and nothing is sent: %s', (hook, options) => {
    const ends = new Ends(options, hook === 'enter' ? { output } : hook === 'show' ? { input } : {}).settle();
    expect(ends.code).toBe('too-old');
    expect(ends.provisionerLink.sent.some((pdu) => pdu.startsWith('07'))).toBe(false);
    expect(ends.provisionerLink.closedWith).toBe('fail');
    expect(ends.node).toBeUndefined();
  });

  it('that fail with something else are told as a defect', () => {
    const dataFor = () => {
      throw new TypeError('x is undefined');
    };
    expect(new Ends({ dataFor }).settle().code).toBe('internal');
  });

  it('give data that the node could not take: an error before they leave', () => {
    const dataFor = () => ({ ...DATA, unicastAddress: 0x7fff });
    const ends = new Ends({ dataFor }).settle();
    expect(ends.code).toBe('bad-field');
    expect(String(ends.outcome)).toContain('2 elements from 0x7fff');
    expect(ends.calls).toEqual([]);
  });

  it('may be cancelled in', () => {
    const ends: Ends = new Ends({ aboutToFinish: () => ends.run.cancel() });
    ends.settle();
    expect(ends.code).toBe('cancelled');
    expect(ends.provisionerLink.sent.some((pdu) => pdu.startsWith('07'))).toBe(false);
  });

  it.each(['records', 'wait-capabilities', 'wait-public-key', 'wait-confirmation', 'wait-random'] as const)(
    'are not called any more once cancelled in the state %s',
    (state) => {
      const clock = new VirtualClock();
      const ends = new Ends({ beforeInvite: (_, proceed) => void clock.after(5, () => proceed()) }, {}, { clock });
      ends.until(state);
      ends.run.cancel();
      ends.run.cancel();
      expect(ends.code).toBe('cancelled');
      ends.settle();
      expect(ends.calls).toEqual([]);
      expect(ends.ended?.complete).toBe(false);
    },
  );
});

describe('what a user enters', () => {
  it('is asked for again while it cannot be the value; the question ends with the answer', () => {
    let answer: Answer | undefined;
    let open = 0;
    const enter = (_: unknown, take: Answer) => {
      open++;
      answer = take;
      return () => open--;
    };
    let value: unknown;
    const show = (shown: { value: unknown }) => {
      value = shown.value;
      return () => {};
    };
    const ends = new Ends({ oob: { enter } }, { output: { ...output, show } });
    ends.clock.advance(5000);
    for (const wrong of [0, 10_000, -1, 1.5, 'ABCD', '', Number.NaN]) {
      expect(answer?.(wrong)).toMatchObject({ code: 'bad-oob-value', hint: expect.stringContaining('1 to 9999') });
    }
    expect([open, ends.run.state]).toEqual([1, 'wait-user']);
    expect(answer?.(` 000${value} `)).toBeUndefined();
    expect(open).toBe(0);
    expect(answer?.(String(value))).toMatchObject({ code: 'too-late' });
    expect(ends.settle().code).toBe('provisioned');
  });

  it('may be known at once, on both sides', () => {
    let known: OobValue = 0;
    const learn = ({ value }: { value: OobValue }) => {
      known = value;
      return stop;
    };
    const knows = (_: unknown, answer: Answer) => {
      answer('x');
      answer(known);
      return stop;
    };
    const show = { output: { ...output, show: learn } };
    expect(new Ends({ oob: { enter: knows } }, show).settle().code).toBe('provisioned');
    // The device asks before the Provisioner has chosen the value: a guess.
    known = 1;
    const ends = new Ends({ oob: { show: () => stop } }, { input: { ...input, enter: knows } });
    expect(ends.settle().code).toBe('confirmation-failed');
  });

  it('is not asked for any more when the link has ended', () => {
    let open = 0;
    const ask = () => {
      open++;
      return () => open--;
    };
    const ends = new Ends({ oob: { enter: ask } }, { output: { ...output, show: ask } });
    ends.clock.advance(5000);
    expect(open).toBe(2);
    ends.run.cancel();
    ends.clock.advance(1000);
    expect(open).toBe(0);
  });

  it('may be text in small letters', () => {
    const answers: Answer[] = [];
    const values: OobValue[] = [];
    const enter = (_: unknown, answer: Answer) => {
      answers.push(answer);
      return stop;
    };
    const show = ({ value }: { value: OobValue }) => {
      values.push(value);
      return stop;
    };
    const ends = new Ends({ oob: { enter } }, { output: { size: 5, actions: ['alphanumeric'], show } });
    ends.clock.advance(5000);
    const answer = answers[0]!;
    for (const wrong of ['', 'ABCDEF', 'AB-CD', 'ÄBCDE', 12]) expect(answer(wrong)?.code).toBe('bad-oob-value');
    expect(answer(String(values[0]).toLowerCase())).toBeUndefined();
    expect(ends.settle().code).toBe('provisioned');
  });
});

describe('a refusal of the device', () => {
  it.each(PROVISIONING_ERRORS.map((name, index) => [name, index + 1] as const))(
    'is told in words: %s',
    (name, code) => {
      const ends = new Ends();
      ends.clock.advance(30);
      ends.provisionerLink.hear(Uint8Array.of(9, code));
      expect(ends.code).toBe(name === 'confirmation-failed' ? name : 'provisioning-failed');
      const error = ends.outcome as MeshError;
      expect(error.hint?.length).toBeGreaterThan(10);
      expect(error.message).toMatch(/^the device (refused|found)/);
    },
  );

  it('for a reason of the future is told with its number', () => {
    const ends = new Ends();
    ends.clock.advance(30);
    ends.provisionerLink.hear(Uint8Array.of(9, 0xfe));
    expect(String(ends.outcome)).toContain('0xfe');
  });
});

describe('options', () => {
  it('that make no sense are refused at the door', () => {
    for (const attentionSeconds of [-1, 256, Number.NaN]) {
      expect(() => new Ends({ attentionSeconds })).toThrow(expect.objectContaining({ code: 'bad-field' }));
    }
  });

  it('learnt from records count like given ones', () => {
    const learnt = new Ends({ beforeInvite: (_, proceed) => proceed({ staticValue: STATIC }) }, { staticOob: STATIC });
    expect(learnt.settle().provisionerLink.sent[1]).toBe('020100010000');
    const weak = new Ends({ beforeInvite: (_, proceed) => proceed({ staticValue: new Uint8Array(16) }) });
    expect(weak.settle().code).toBe('bad-static-oob');
    let late: (() => void) | undefined;
    const gone = new Ends({
      beforeInvite: (_, proceed) => {
        late = () => proceed();
      },
    });
    gone.run.cancel();
    late?.();
    expect(gone.provisionerLink.sent).toEqual([]);
  });
});

function stop(): void {}

function thrown(): never {
  throw new MeshError('too-old', 'x');
}
