import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { noAuthValue, oobAuthValue, staticAuthValue } from './auth-value.ts';
import { ProvisioningDevice } from './device.ts';
import type { DeviceOutcome } from './device-options.ts';
import type { ProvisioningLink } from './link.ts';
import { decodeProvisioningPdu } from './pdu.ts';
import { provisionDevice } from './provisioner.ts';
import type { ProvisionedNode } from './provisioner-options.ts';
import { linkPair } from './testing/link-pair.ts';
import {
  deviceOptions,
  groundOfDevice,
  groundOfProvisioner,
  provisionerOptions,
  type RecordedSession,
  replay,
  User,
} from './testing/replay.ts';
import { type Negative, recorded, vectors } from './testing/session-vectors.ts';

const FIRST = vectors.sessions[0]!;

describe('the sample sessions', () => {
  it('are all there', () => {
    expect(vectors.sessions).toHaveLength(14);
    expect(vectors.negative).toHaveLength(41);
  });

  it.each(vectors.sessions)('$id, $title: both sides send it octet by octet', (session) => {
    const replayed = replay(recorded(session));
    const sentBy = (side: string) => session.pdus.filter(({ from }) => from === side).map(({ pdu }) => pdu);
    expect(replayed.sentByProvisioner).toEqual(sentBy('provisioner'));
    expect(replayed.sentByDevice).toEqual(sentBy('device'));
    const { deviceKey } = replayed.outcome as ProvisionedNode;
    expect(toHex(deviceKey)).toBe(session.deviceKey);
    expect(replayed.node).toEqual(replayed.outcome);
    expect(replayed.ended).toEqual({ complete: true, success: true });
  });
});

describe('AuthValue', () => {
  it.each(vectors.authValues)('$dataType $authenticationValue, algorithm $algorithm', (vector) => {
    const algorithm = vector.algorithm === 1 ? 'hmac' : 'cmac';
    const given = vector.authenticationValue;
    const authValue =
      given === null
        ? noAuthValue(algorithm)
        : vector.dataType === 'Binary'
          ? staticAuthValue(algorithm, fromHex(String(given)))
          : oobAuthValue(algorithm, given);
    expect(toHex(authValue)).toBe(vector.authValue);
  });
});

describe('Capabilities', () => {
  it.each(vectors.capabilities)('$pdu', ({ pdu, fields }) => {
    const decoded = decodeProvisioningPdu(fromHex(pdu));
    const capabilities = decoded.ok && decoded.value.type === 'capabilities' ? decoded.value.capabilities : undefined;
    const plain = (text: string) => text.toLowerCase().replace(/^(output|input) /, '');
    for (const [field, value] of Object.entries(fields)) {
      const expected = Array.isArray(value) ? value.map(plain) : value;
      expect({ [field]: (capabilities as unknown as Record<string, unknown>)[field] }).toEqual({ [field]: expected });
    }
  });

  it.each(vectors.capabilitiesNegative)('$pdu: $why: the Provisioner closes the link', ({ pdu }) => {
    const { hear, sent, link, outcome } = provisionerAlone(recorded(FIRST));
    hear(pdu);
    expect(outcome()).toBeInstanceOf(Error);
    expect(link.closedWith).toBe('fail');
    expect(sent).toEqual(['0000']);
  });
});

describe('wrong input at the device', () => {
  it.each(vectors.negative.filter(({ side }) => side === 'device'))('$id', (negative) => {
    const { hear, sent, session, ended, link } = deviceIn(negative);
    const before = session.state;
    const count = sent.length;
    hear(negative.receives);
    const expected = negative.expect as Exclude<Negative['expect'], string>;
    expect(sent.slice(count)).toEqual([expected.sends]);
    if (expected.error === undefined) {
      expect(session.state).toBe(before);
      return;
    }
    expect(session.state).toBe('failed');
    for (const further of ['0000', '0c', '08', '4000', '']) hear(further);
    expect(sent.slice(count + 1)).toEqual(['0903', '0903', '0903', '0903', '0903']);
    expect(link.closedWith).toBeUndefined();
    link.end('fail');
    expect(ended()).toEqual({
      complete: false,
      success: false,
      error: expected.error.toLowerCase().replaceAll(' ', '-'),
    });
  });
});

describe('wrong input at the Provisioner', () => {
  it.each(vectors.negative.filter(({ side }) => side === 'provisioner'))('$id', (negative) => {
    const states = negative.state === 'any' ? PROVISIONER_STEPS.length : 1;
    for (let at = 0; at < states; at++) {
      const steps = negative.state === 'any' ? PROVISIONER_STEPS.slice(0, at) : stepsOfProvisioner(negative);
      const { hear, sent, link, outcome } = provisionerAlone(recorded(FIRST));
      for (const pdu of steps) hear(pdu);
      expect(outcome()).toBeUndefined();
      const count = sent.length;
      hear(negative.receives);
      expect(outcome()).toBeInstanceOf(Error);
      expect(link.closedWith).toBe('fail');
      expect(sent.slice(count)).toEqual([]);
    }
  });
});

/** What the device sends in the first sample session. */
const PROVISIONER_STEPS = FIRST.pdus.filter(({ from }) => from === 'device').map(({ pdu }) => pdu);
const DEVICE_STEPS = FIRST.pdus.filter(({ from }) => from === 'provisioner').map(({ pdu }) => pdu);

function stepsOfProvisioner({ state }: Negative): readonly string[] {
  const ahead = ['Capabilities', 'public key', 'Confirmation', 'Random'].findIndex((what) => state.includes(what));
  return PROVISIONER_STEPS.slice(0, ahead);
}

function provisionerAlone(session: RecordedSession) {
  const clock = new VirtualClock();
  const { provisioner: link } = linkPair(clock);
  let outcome: unknown;
  provisionDevice(groundOfProvisioner(session, clock), link, {
    ...provisionerOptions(session, new User(clock)),
    done: (result) => {
      outcome = result;
    },
  });
  return { hear: (pdu: string) => link.hear(fromHex(pdu)), sent: link.sent, link, outcome: () => outcome };
}

function deviceIn({ state, expect: expected }: Negative) {
  const session = recorded(FIRST);
  const clock = new VirtualClock();
  const { device: link } = linkPair(clock);
  let ended: DeviceOutcome | undefined;
  const onlyOob = state.includes('OOB Type bit 1')
    ? { algorithms: ['hmac'] as const, onlyOobAuthenticated: true, staticOob: new Uint8Array(16).fill(1) }
    : {};
  const device = new ProvisioningDevice(groundOfDevice(session, clock), {
    ...deviceOptions(session, new User(clock)),
    ...onlyOob,
    records: new Map([[1, new Uint8Array(0x2b8)]]),
    // The vector's keys are those of one element: the count enters them, so the range is judged here.
    accept: ({ unicastAddress }) =>
      state.includes('three elements') && unicastAddress + 2 > 0x7fff ? 'cannot-assign-addresses' : undefined,
    provisioned: () => {
      throw new Error(`the device takes data that should be refused: ${JSON.stringify(expected)}`);
    },
    ended: (how) => {
      ended = how;
    },
  });
  const running = device.serve(link as ProvisioningLink);
  const hear = (pdu: string) => link.hear(fromHex(pdu));
  const ahead = ['Invite', 'Start', 'Public Key', 'Confirmation', 'after the confirmations', 'Data'].findIndex((what) =>
    state.includes(what),
  );
  for (const pdu of DEVICE_STEPS.slice(0, ahead)) hear(pdu);
  return { hear, sent: link.sent, session: running, ended: () => ended, link };
}
