import { describe, expect, it } from 'vitest';
import type { ProvisioningCapabilities } from './capabilities.ts';
import { chooseStart, type Wishes } from './choice.ts';
import type { ProvisionerOob } from './provisioner-options.ts';

const NOTHING: ProvisioningCapabilities = {
  elements: 1,
  algorithms: ['cmac', 'hmac'],
  publicKeyOob: false,
  staticOob: false,
  onlyOobAuthenticated: false,
  outputOobSize: 0,
  outputOobActions: [],
  inputOobSize: 0,
  inputOobActions: [],
};
const ALL: ProvisioningCapabilities = {
  ...NOTHING,
  publicKeyOob: true,
  staticOob: true,
  outputOobSize: 6,
  outputOobActions: ['blink', 'numeric', 'alphanumeric'],
  inputOobSize: 8,
  inputOobActions: ['push', 'numeric', 'alphanumeric'],
};
const user: ProvisionerOob = { enter: () => () => {}, show: () => () => {} };
const staticValue = new Uint8Array(16).fill(1);

function choose(capabilities: Partial<ProvisioningCapabilities>, wishes: Partial<Wishes> = {}): unknown {
  const chosen = chooseStart(
    { ...ALL, ...capabilities },
    { policy: {}, oob: {}, authentication: undefined, ...wishes },
  );
  return chosen.ok ? chosen.value.authentication : chosen.error.code;
}

describe('the choice', () => {
  it('is the strongest that both have: static, else what has most possibilities, else nothing', () => {
    expect(choose({}, { oob: { ...user, staticValue } })).toEqual({ method: 'static' });
    expect(choose({}, { oob: user })).toEqual({ method: 'input', action: 'alphanumeric', size: 8 });
    expect(choose({ inputOobSize: 6 }, { oob: user })).toEqual({ method: 'output', action: 'alphanumeric', size: 6 });
    expect(choose({ inputOobSize: 0, outputOobActions: ['blink', 'numeric'] }, { oob: user })).toEqual({
      method: 'output',
      action: 'numeric',
      size: 6,
    });
    expect(choose({ inputOobActions: ['twist'], outputOobSize: 0 }, { oob: user })).toEqual({
      method: 'input',
      action: 'twist',
      size: 1,
    });
    expect(choose(NOTHING, { oob: user })).toEqual({ method: 'none' });
    expect(choose({})).toEqual({ method: 'none' });
  });

  it('is what the caller wants, when the device has it', () => {
    const blink = { method: 'output', action: 'blink', size: 2 } as const;
    expect(choose({}, { oob: user, authentication: blink })).toEqual(blink);
    expect(choose({}, { oob: user, authentication: { ...blink, size: 7 } })).toBe('oob-not-offered');
    expect(choose({}, { oob: user, authentication: { ...blink, action: 'beep' } })).toBe('oob-not-offered');
    expect(choose({}, { oob: user, authentication: { method: 'input', action: 'twist', size: 1 } })).toBe(
      'oob-not-offered',
    );
    expect(choose({ staticOob: false }, { oob: { staticValue }, authentication: { method: 'static' } })).toBe(
      'oob-not-offered',
    );
    expect(choose({}, { authentication: blink })).toBe('authentication-required');
    expect(choose({}, { authentication: { method: 'static' } })).toBe('authentication-required');
    expect(choose({}, { oob: { staticValue }, authentication: { method: 'none' } })).toEqual({ method: 'none' });
  });

  it('is never to go without what is required', () => {
    expect(choose({}, { policy: { requireAuthentication: true } })).toBe('authentication-required');
    expect(choose(NOTHING, { policy: { requireAuthentication: true }, oob: user })).toBe('authentication-required');
    expect(choose({ onlyOobAuthenticated: true }, { authentication: { method: 'none' } })).toBe(
      'authentication-required',
    );
    expect(choose(NOTHING, { oob: { staticValue } })).toBe('oob-not-offered');
    expect(
      choose({ ...NOTHING, outputOobSize: 1, outputOobActions: ['beep'] }, { oob: { ...user, staticValue } }),
    ).toEqual({ method: 'output', action: 'beep', size: 1 });
  });

  it('is of the algorithm: the enhanced one, the older one only where allowed, else none', () => {
    const algorithm = (algorithms: readonly ('cmac' | 'hmac')[], allowCmac: boolean, onlyOobAuthenticated = false) => {
      const wishes = { policy: { allowCmac }, oob: { staticValue }, authentication: undefined };
      const chosen = chooseStart({ ...ALL, algorithms, onlyOobAuthenticated }, wishes);
      return chosen.ok ? chosen.value.algorithm : chosen.error.code;
    };
    expect(algorithm(['cmac', 'hmac'], true)).toBe('hmac');
    expect(algorithm(['hmac'], false)).toBe('hmac');
    expect(algorithm(['cmac'], true)).toBe('cmac');
    expect(algorithm(['cmac'], false)).toBe('cmac-not-allowed');
    expect(algorithm(['cmac'], true, true)).toBe('no-algorithm');
    expect(algorithm([], true)).toBe('no-algorithm');
  });
});
