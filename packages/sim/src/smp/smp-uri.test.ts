import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalSimSmpUri, isSimSmpUri, parseSimSmpUri, simSmpUriKeys } from './smp-uri.ts';

function refusal(text: string): { code: string; message: string; hint: string } {
  try {
    parseSimSmpUri(text);
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error(`${text} was accepted`);
}

describe('the URI of a simulated SMP device', () => {
  test.each(['sim:smp', ' sim:smp, '])('is all defaults as "%s"', (text) => {
    expect(parseSimSmpUri(text)).toMatchObject({
      version: '0.0.0+0',
      downgrade: 1,
      mode: 'move',
      images: 1,
      slot: 524_288,
      trust: undefined,
      smp: 2,
      mtu: 498,
      interval: 15,
      packets: 6,
      bufsize: 2475,
      bufcount: 4,
      reassembly: 1,
      power: 'stays',
      seed: 1,
      ignore: [],
      fail: [],
    });
  });

  test('says what it is given', () => {
    const options = parseSimSmpUri(
      'sim:smp,version=2.0.0+0,downgrade=0,mode=xip-revert,ignore=reset+test,fail=reboot@50%+flash@0x1000',
    );
    expect(options).toMatchObject({ version: '2.0.0+0', downgrade: 0, mode: 'xip-revert', ignore: ['test', 'reset'] });
    expect(options.fail).toEqual([
      { step: 'reboot', value: 50 },
      { step: 'flash', value: 4096 },
    ]);
    expect(canonicalSimSmpUri(options)).toBe(
      'sim:smp,version=2.0.0+0,downgrade=0,mode=xip-revert,ignore=test+reset,fail=flash@4096+reboot@50',
    );
  });

  test.each([
    ['sim:smp,speed=3', 'unknown key "speed"', 'Known keys: version, downgrade'],
    ['sim:smp,mode=fast', 'mode=fast', 'single, scratch'],
    ['sim:smp,mtu=9', 'mtu=9', '23 to 517'],
    ['sim:smp,mtu=23,mtu=24', 'given twice', ''],
    ['sim:smp,slot=50000', 'slot=50000', 'multiple of sector'],
    ['sim:smp,align=12', 'align=12', '1, 2, 4'],
    ['sim:smp,align=32,sector=4096,slot=32768,mode=move,sector', 'is not KEY=VALUE', 'Write KEY=VALUE'],
    ['sim:smp,mode=single,images=2', 'images=2', '1 with mode=single'],
    ['sim:smp,fail=reboot@101', 'fail=reboot@101', 'reboot@PERCENT'],
    ['sim:smp,fail=fire@1', 'fail=fire@1', 'reboot@PERCENT'],
    ['sim:smp,sector=16384,slot=32768', 'slot=32768', 'at least 6 sectors'],
    ['sim:targets=3', 'does not start with "sim:smp"', 'sim:smp'],
  ])('%s is refused', (text, message, hint) => {
    const refused = refusal(text);
    expect(refused.code).toBe('bad-sim-uri');
    expect(refused.message).toContain(message);
    expect(refused.hint).toContain(hint);
  });

  test('is told from that of a mesh', () => {
    expect(['sim:smp', 'sim:smp,mtu=23', 'sim:', 'sim:targets=3', 'sim:smpx', 'smp'].map(isSimSmpUri)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  test('has a short form that says the same, whatever it says', () => {
    const texts: Record<string, string[]> = {
      mode: ['offset', 'xip', 'ram'],
      mtu: ['23', '247', '498'],
      loss: ['0', '.5', '1'],
      trust: ['any', 'a%2Cb.pem'],
      ignore: ['none', 'confirm', 'reset+confirm'],
      fail: ['power@3', 'answer@1+answer@2', 'test@28'],
      name: ['x', 'a%20b'],
      address: ['stays', 'changes'],
    };
    const pair = fc
      .constantFrom(...Object.entries(texts))
      .chain(([key, values]) => fc.constantFrom(...values).map((value) => [key, value] as const));
    fc.assert(
      fc.property(fc.uniqueArray(pair, { selector: ([key]) => key }), (pairs) => {
        const options = parseSimSmpUri(['sim:smp', ...pairs.map(([key, value]) => `${key}=${value}`)].join(','));
        expect(parseSimSmpUri(canonicalSimSmpUri(options))).toEqual({
          ...options,
          fail: [...options.fail].sort((a, b) => (`${a.step}@${a.value}` < `${b.step}@${b.value}` ? -1 : 1)),
        });
      }),
      { numRuns: 10_000 },
    );
  });

  test('tells of all its keys with their defaults', () => {
    const keys = simSmpUriKeys();
    expect(keys.find(({ key }) => key === 'mtu')).toEqual({
      key: 'mtu',
      initial: '498',
      allowed: 'a whole number from 23 to 517',
    });
    expect(keys.at(-1)?.key).toBe('fail');
    for (const { key } of keys) expect(refusal(`sim:smp,${key}=?!,x`).message).not.toBe('');
  });
});
