import { fromHex, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { generateP256KeyPair, portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { provisionDevice } from './provisioner.ts';
import type { ProvisionerOptions } from './provisioner-options.ts';
import { DATA, Ends } from './testing/ends.ts';
import { linkPair } from './testing/link-pair.ts';

// The published attacks on mesh provisioning, each played by somebody on the link.

const STATIC = Uint8Array.from({ length: 16 }, (_, i) => i + 7);
/** The field of P-256. */
const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const CMAC = { policy: { allowCmac: true } };

describe('who answers with what was sent (reflection)', () => {
  it.each(['cmac', 'hmac'] as const)('learns nothing of static OOB: %s', (algorithm) => {
    const { sent, outcome, link } = againstEcho(algorithm, { oob: { staticValue: STATIC } });
    expect(outcome()).toMatchObject({ code: 'own-public-key' });
    expect(sent.some((pdu) => /^0[567]/.test(pdu))).toBe(false);
    expect(link.closedWith).toBe('fail');
  });

  it.each(['cmac', 'hmac'] as const)('gets no random for the own confirmation: %s', (algorithm) => {
    const ends = new Ends({ ...CMAC, oob: { staticValue: STATIC } }, { algorithms: [algorithm], staticOob: STATIC });
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 5 ? lastSent(ends, '05') : pdu);
    ends.settle();
    expect(ends.code).toBe('own-confirmation');
    expect(ends.provisionerLink.sent.some((pdu) => /^0[67]/.test(pdu))).toBe(false);
  });

  it('gets no data for the own random', () => {
    const ends = new Ends();
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 6 ? lastSent(ends, '06') : pdu);
    ends.settle();
    expect(ends.code).toBe('confirmation-failed');
    expect(ends.calls).toEqual([]);
  });
});

describe('a public key', () => {
  it.each<readonly [what: string, make: (x: string, y: string) => string, code: string]>([
    ['of the Provisioner', (x, y) => x + y, 'own-public-key'],
    ['of the Provisioner with the sign of Y changed', (x, y) => x + negate(y), 'own-public-key'],
    ['that is no point', (x, y) => flipFirst(x) + y, 'bad-public-key'],
    ['of zeros', () => '00'.repeat(64), 'bad-public-key'],
    ['with X = p', (_, y) => P.toString(16) + y, 'bad-public-key'],
  ])('%s is refused before any confirmation', (_, make, code) => {
    const ends = new Ends();
    ends.deviceLink.tamper = (pdu) => {
      const own = ends.provisionerLink.sent.find((sent) => sent.startsWith('03'))!;
      return pdu[0] === 3 ? fromHex(`03${make(own.slice(2, 66), own.slice(66))}`) : pdu;
    };
    expect(ends.settle().code).toBe(code);
    expect(ends.provisionerLink.sent.some((pdu) => /^0[5-7]/.test(pdu))).toBe(false);
  });

  it('that is no point is refused by the device without an answer to work with', () => {
    const ends = new Ends();
    ends.provisionerLink.tamper = (pdu) => (pdu[0] === 3 ? flip(pdu, 64) : pdu);
    ends.settle();
    expect(ends.ended).toEqual({ complete: false, success: false, error: 'invalid-format' });
    expect(ends.deviceLink.sent.slice(1)).toEqual(['0902']);
  });

  it('known out of band is not taken from the link instead', () => {
    const oobKeyPair = generateP256KeyPair(new SeededRandom('label'));
    const { publicKey } = oobKeyPair;
    // The attacker says that there is no OOB key, and sends one of his own.
    const downgraded = new Ends({ oob: { publicKey } }, {}).settle();
    expect(downgraded.code).toBe('oob-not-offered');
    // Or lets it be chosen, and sends one all the same.
    const ends = new Ends({ oob: { publicKey } }, { oobKeyPair });
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 5 ? fromHex(`03${toHex(publicKey)}`) : pdu);
    expect(ends.settle().code).toBe('unexpected-pdu');
  });

  it('out of band never leaves the device over a link', () => {
    const oobKeyPair = generateP256KeyPair(new SeededRandom('label'));
    const ends = new Ends({}, { oobKeyPair }).settle();
    expect(ends.code).toBe('provisioned');
    expect(ends.deviceLink.sent.some((pdu) => pdu === `03${toHex(oobKeyPair.publicKey)}`)).toBe(false);
  });
});

describe('somebody who changes PDUs on their way', () => {
  it('makes provisioning fail at whatever he changes, and no secret leaves', () => {
    // Every PDU of both directions, at its start, middle and end.
    const honest = new Ends({ oob: { staticValue: STATIC } }, { staticOob: STATIC }).settle();
    for (const side of ['provisionerLink', 'deviceLink'] as const) {
      for (const [index, pdu] of honest[side].sent.entries()) {
        for (const at of placesIn(pdu.length / 2)) {
          const ends = new Ends({ oob: { staticValue: STATIC } }, { staticOob: STATIC });
          let passing = 0;
          ends[side].tamper = (octets) => (passing++ === index ? flip(octets, at) : octets);
          ends.settle();
          const isComplete = pdu === '08';
          expect(ends.code).not.toBe('provisioned');
          expect(ends.node !== undefined).toBe(isComplete);
          if (pdu.startsWith('07') || isComplete) continue;
          expect(ends.calls).toEqual([]);
        }
      }
    }
  });

  it('cannot talk a device that has the better algorithm into the older one', () => {
    const ends = new Ends({ ...CMAC, oob: { staticValue: STATIC } }, { staticOob: STATIC });
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 1 ? set(pdu, 3, 0x01) : pdu);
    ends.settle();
    expect(ends.provisionerLink.sent.find((pdu) => pdu.startsWith('02'))).toBe('020000010000');
    expect(ends.code).toBe('confirmation-failed');
    expect(new Ends({}, { algorithms: ['cmac'] }).settle().code).toBe('cmac-not-allowed');
  });

  it('cannot hide that a device wants authentication', () => {
    const ends = new Ends({ oob: { staticValue: STATIC } }, { staticOob: STATIC });
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 1 ? set(pdu, 5, 0) : pdu);
    expect(ends.settle().code).toBe('oob-not-offered');
  });
});

describe('somebody who says Failed in the place of the device', () => {
  it.each([0x01, 0x04, 0x06, 0x09, 0xff])('does not free the address of one that has its data: %i', (error) => {
    const ends = new Ends();
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 8 ? Uint8Array.of(9, error) : pdu);
    ends.settle();
    expect(ends.node).toBeDefined();
    expect(ends.code).toBe('provisioning-uncertain');
    expect(ends.outcome).toMatchObject({
      cause: { code: error === 4 ? 'confirmation-failed' : 'provisioning-failed' },
    });
    expect(ends.provisionerLink.closedWith).toBe('fail');
  });
});

describe('randoms', () => {
  it('are revealed only after the confirmation of the other side', () => {
    const ends = new Ends();
    ends.deviceLink.tamper = (pdu) => (pdu[0] === 5 ? undefined : pdu);
    ends.settle();
    expect(ends.provisionerLink.sent.some((pdu) => pdu.startsWith('06'))).toBe(false);
    expect(ends.code).toBe('link-timeout');
    const other = new Ends();
    other.provisionerLink.tamper = (pdu) => (pdu[0] === 6 ? flip(pdu, 5) : pdu);
    other.settle();
    expect(other.deviceLink.sent.filter((pdu) => pdu.startsWith('06'))).toEqual([]);
    expect(other.code).toBe('confirmation-failed');
  });
});

describe('weak OOB data', () => {
  it('are refused at the door', () => {
    for (const weak of [
      new Uint8Array(0),
      new Uint8Array(16),
      new Uint8Array(32),
      Uint8Array.from({ length: 32 }, (_, i) => (i < 16 ? 0 : 1)),
    ]) {
      expect(() => new Ends({ oob: { staticValue: weak } })).toThrow(
        expect.objectContaining({ code: 'bad-static-oob' }),
      );
      expect(() => new Ends({}, { staticOob: weak })).toThrow(expect.objectContaining({ code: 'bad-static-oob' }));
    }
    expect(() => new Ends({ oob: { publicKey: new Uint8Array(64) } })).toThrow(
      expect.objectContaining({ code: 'bad-public-key' }),
    );
  });
});

/** A peer that sends each PDU back, after capabilities of its own. */
function againstEcho(algorithm: 'cmac' | 'hmac', options: Partial<ProvisionerOptions>) {
  const clock = new VirtualClock();
  const { provisioner: link, device: echo } = linkPair(clock);
  let outcome: unknown;
  echo.listen({
    received: (pdu) => {
      if (pdu[0] === 0) echo.send(fromHex(`01010${algorithm === 'hmac' ? '003' : '001'}0001000000000000`));
      else if (pdu[0] !== 2) echo.send(pdu);
    },
    closed: () => {},
  });
  provisionDevice({ clock, random: new SeededRandom(1), crypto: portableCrypto }, link, {
    ...CMAC,
    dataFor: () => DATA,
    aboutToFinish: () => {},
    done: (result) => {
      outcome = result;
    },
    ...options,
  });
  clock.advance(10_000);
  return { sent: link.sent, outcome: () => outcome, link };
}

function placesIn(octets: number): Set<number> {
  return new Set([0, Math.min(1, octets - 1), Math.floor(octets / 2), octets - 1]);
}

function lastSent(ends: Ends, type: string): Uint8Array {
  return fromHex(ends.provisionerLink.sent.findLast((pdu) => pdu.startsWith(type))!);
}

function flip(pdu: Uint8Array, at: number): Uint8Array {
  return set(pdu, at, pdu[at]! ^ 1);
}

function set(pdu: Uint8Array, at: number, value: number): Uint8Array {
  const changed = pdu.slice();
  changed[at] = value;
  return changed;
}

function flipFirst(hex: string): string {
  return (hex.startsWith('1') ? '2' : '1') + hex.slice(1);
}

/** p - Y. */
function negate(y: string): string {
  return (P - BigInt(`0x${y}`)).toString(16).padStart(64, '0');
}
