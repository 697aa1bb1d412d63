import { SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { ProvisioningDevice } from './device.ts';
import type { ProvisioningDeviceOptions } from './device-options.ts';
import { DATA, Ends } from './testing/ends.ts';
import { linkPair } from './testing/link-pair.ts';

const STATIC = new Uint8Array(16).fill(9);
const WRONG = new Uint8Array(16).fill(8);

describe('the device and time', () => {
  it('closes the link 60 s after the last PDU', () => {
    const { clock, link, device } = alone();
    const session = device.serve(link);
    clock.advance(30_000);
    link.hear(Uint8Array.of(0, 0));
    clock.advance(59_000);
    expect(session.state).toBe('wait-start');
    clock.advance(2000);
    expect([session.state, link.closedWith]).toEqual(['ended', 'timeout']);
  });

  it('closes the link 60 s after a failure, whatever comes meanwhile', () => {
    const { clock, link, device } = alone();
    const session = device.serve(link);
    link.hear(Uint8Array.of(0x3f));
    for (let i = 0; i < 11; i++) {
      clock.advance(5000);
      link.hear(Uint8Array.of(0, 0));
    }
    expect(session.state).toBe('failed');
    clock.advance(6000);
    expect([session.state, link.closedWith]).toEqual(['ended', 'timeout']);
    expect(link.sent).toEqual(['0901', ...Array(11).fill('0903')]);
  });

  it('draws attention as long as asked, at most until the link closes', () => {
    const ends = new Ends({ attentionSeconds: 20 }).settle();
    expect(ends.attention).toEqual([20, 0]);
    expect(new Ends().settle().attention).toEqual([0]);
  });

  it('closes the link itself when nobody does after Complete', () => {
    const ends = new Ends();
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 8 ? undefined : pdu);
    ends.clock.advance(10_000);
    expect(ends.session.state).toBe('complete');
    ends.provisionerLink.close = () => {};
    ends.deviceLink.hear(Uint8Array.of(0, 0));
    expect(ends.session.state).toBe('complete');
    ends.settle();
    expect(ends.ended).toEqual({ complete: true, success: false });
  });
});

describe('who guesses', () => {
  it('gets three attempts, then pauses that double; who knows the value resets them', () => {
    const clock = new VirtualClock();
    const { device } = new Ends({}, { staticOob: STATIC, ended: () => {} }, { clock });
    clock.advance(1000);
    const attempt = (staticValue: Uint8Array) =>
      new Ends({ oob: { staticValue } }, device, { clock }).settle(2000).code;
    for (let i = 0; i < 3; i++) expect(attempt(WRONG)).toBe('confirmation-failed');
    for (const pause of [30_000, 60_000, 120_000]) {
      // Right or wrong: the device does not even say what it can do.
      expect(attempt(STATIC)).toBe('provisioning-failed');
      clock.advance(pause - 4000);
      expect(attempt(STATIC)).toBe('provisioning-failed');
      clock.advance(4000);
      expect(attempt(WRONG)).toBe('confirmation-failed');
    }
    clock.advance(3_600_000);
    expect(attempt(STATIC)).toBe('provisioned');
    for (let i = 0; i < 3; i++) expect(attempt(WRONG)).toBe('confirmation-failed');
    expect(attempt(WRONG)).toBe('provisioning-failed');
  });

  it('waits an hour at most', () => {
    const clock = new VirtualClock();
    const { device } = new Ends({}, { staticOob: STATIC, ended: () => {} }, { clock });
    const attempt = (staticValue: Uint8Array) =>
      new Ends({ oob: { staticValue } }, device, { clock }).settle(2000).code;
    for (let i = 0; i < 30; i++) {
      expect(attempt(WRONG)).toBe('confirmation-failed');
      clock.advance(3_600_000);
    }
    expect(attempt(STATIC)).toBe('provisioned');
  });
});

describe('the data', () => {
  it.each([
    ['invalid-data', '0909'],
    ['cannot-assign-addresses', '0908'],
  ] as const)('may be refused: %s', (error, sent) => {
    const ends = new Ends({}, { accept: () => error }).settle();
    expect(ends.deviceLink.sent.at(-1)).toBe(sent);
    expect(ends.ended?.error).toBe(error);
    expect(ends.node).toBeUndefined();
    expect(ends.outcome).toMatchObject({ code: 'provisioning-uncertain', cause: { code: 'provisioning-failed' } });
  });

  it('that could not be stored are not confirmed', () => {
    const full = new Error('disk full');
    const ends = new Ends(
      {},
      {
        provisioned: () => {
          throw full;
        },
      },
    ).settle();
    expect(ends.deviceLink.sent.at(-1)).toBe('0907');
    expect(ends.ended).toMatchObject({ complete: false, error: 'unexpected-error', cause: { message: 'disk full' } });
    expect(ends.code).toBe('provisioning-uncertain');
  });

  it('without room for all elements are refused by the device itself', () => {
    // A Provisioner that does not look at the number of elements.
    const ends = new Ends({ dataFor: () => ({ ...DATA, unicastAddress: 0x7ffe }) }, { elements: 3 });
    expect(ends.settle().code).toBe('bad-field');
    const fits = new Ends({ dataFor: () => ({ ...DATA, unicastAddress: 0x7ffe }) }, { elements: 2 });
    expect(fits.settle().code).toBe('provisioned');
  });

  it('count although the caller closes the link while it stores them', () => {
    const ends: Ends = new Ends({}, { provisioned: () => ends.session.close() });
    ends.settle();
    expect(ends.code).toBe('provisioning-uncertain');
    expect(ends.ended?.complete).toBe(false);
  });
});

describe('a session', () => {
  it('that is closed here ends once', () => {
    const ends = new Ends();
    ends.clock.advance(100);
    ends.session.close();
    ends.session.close();
    ends.settle();
    expect(ends.ended).toEqual({ complete: false, success: false });
    expect(ends.code).toBe('link-closed');
  });

  it('with a callback that throws fails with Unexpected Error', () => {
    const throwing = () => {
      throw new Error('no display');
    };
    const output = { size: 1, actions: ['blink' as const], show: throwing };
    const ends = new Ends({ oob: { enter: () => () => {} } }, { output }).settle();
    expect(ends.ended).toMatchObject({ error: 'unexpected-error', cause: { message: 'no display' } });
    const attention = new Ends(
      { attentionSeconds: 3 },
      {
        attention: (seconds) => {
          if (seconds > 0) throwing();
        },
      },
    ).settle();
    expect(attention.ended).toMatchObject({ error: 'unexpected-error' });
  });
});

describe('a device', () => {
  it.each<readonly [what: string, options: Partial<ProvisioningDeviceOptions>]>([
    ['0 elements', { elements: 0 }],
    ['256 elements', { elements: 256 }],
    ['no algorithm', { algorithms: [] }],
    [
      'the older algorithm and only authenticated',
      { algorithms: ['cmac', 'hmac'], onlyOobAuthenticated: true, staticOob: STATIC },
    ],
    ['only authenticated, without a way', { onlyOobAuthenticated: true }],
    ['an output of size 9', { output: { size: 9, actions: ['beep'], show: () => () => {} } }],
    ['an output without an action', { output: { size: 1, actions: [], show: () => () => {} } }],
    ['an input of size 0', { input: { size: 0, actions: ['push'], enter: () => () => {} } }],
  ])('cannot have %s', (_, options) => {
    expect(() => new Ends({}, options)).toThrow(expect.objectContaining({ code: 'bad-field' }));
  });

  it('that wants authentication offers only the enhanced algorithm', () => {
    const ends = new Ends({ oob: { staticValue: STATIC } }, { onlyOobAuthenticated: true, staticOob: STATIC }).settle();
    expect(ends.device.capabilities.algorithms).toEqual(['hmac']);
    expect(ends.code).toBe('provisioned');
    expect(new Ends({}, { onlyOobAuthenticated: true, staticOob: STATIC }).settle().code).toBe(
      'authentication-required',
    );
  });
});

function alone() {
  const clock = new VirtualClock();
  const ground = { clock, random: new SeededRandom(1), crypto: portableCrypto };
  const device = new ProvisioningDevice(ground, { elements: 1, provisioned: () => {} });
  return { clock, link: linkPair(clock).device, device };
}
