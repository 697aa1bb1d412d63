import { toHex } from '@meshferry/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decide } from './decide.ts';
import type { SmpSlotEntry } from './plan-types.ts';
import { predict } from './predict.ts';
import { NOTHING_TRIED, type Situation, type SmpUpdateAction } from './situation.ts';
import { entry, hash, situation, view, wanted } from './testing/views.ts';
import { recordAfter, recordBefore } from './update-record.ts';
import type { SmpUpdateMode } from './update-types.ts';

const MODES: readonly SmpUpdateMode[] = ['test-and-confirm', 'confirm-only', 'test-only', 'upload-only'];
const SWAP = 3;
const NEW = toHex(hash('n'));

/** `test`, or `failed smp-…`, or `end updated`. */
function nameOf(action: SmpUpdateAction): string {
  if (action.do !== 'end') return action.do;
  return action.error === null ? `end ${action.outcome}` : `failed ${action.error.code}`;
}

function decided(slots: readonly SmpSlotEntry[], mode?: SmpUpdateMode, parts?: Partial<Situation>): string {
  return nameOf(decide(situation(view(SWAP, slots), mode, parts)));
}

describe('before the reset, by what is found [spec: smp section 5.2]', () => {
  const old = entry(0, 'o', 'ac');

  test('in the active slot, confirmed: done', () => {
    for (const mode of MODES) expect(decided([entry(0, 'n', 'ac'), entry(1, 'o', '')], mode)).toBe('end current');
  });

  test('in the active slot, not confirmed: no upload, confirm unless only a test is wanted', () => {
    const slots = [entry(0, 'n', 'a'), entry(1, 'o', 'c')];
    expect(MODES.map((mode) => decided(slots, mode))).toEqual([
      'confirm',
      'confirm',
      'end unconfirmed',
      'end unconfirmed',
    ]);
  });

  test('in the other slot, permanent: reset, or an error where only a test is wanted', () => {
    const slots = [old, entry(1, 'n', 'pP')];
    expect(MODES.map((mode) => decided(slots, mode))).toEqual([
      'reset',
      'reset',
      'failed smp-already-permanent',
      'reset',
    ]);
  });

  test('in the other slot, pending: reset', () => {
    const slots = [old, entry(1, 'n', 'p')];
    expect(MODES.map((mode) => decided(slots, mode))).toEqual(['reset', 'reset', 'reset', 'reset']);
  });

  test('in the other slot, going to be reverted to: reset', () => {
    expect(decided([entry(0, 'o', 'a'), entry(1, 'n', 'c')])).toBe('reset');
  });

  test('in the other slot without a flag: no upload, but test or confirm', () => {
    const slots = [old, entry(1, 'n', '')];
    expect(MODES.map((mode) => decided(slots, mode))).toEqual(['test', 'confirm', 'test', 'reset']);
  });

  test('in the other slot without a flag, its upload not known to be complete: upload', () => {
    expect(decided([old, entry(1, 'n', '')], 'test-and-confirm', { openUpload: NEW })).toBe('upload');
    expect(decided([old, entry(1, 'n', 'p')], 'test-and-confirm', { openUpload: NEW })).toBe('reset');
  });

  test('another one there that would come back: what runs is kept, or reset where that is refused', () => {
    const slots = [entry(0, 'o', 'a'), entry(1, 'x', 'c')];
    const action = decide(situation(view(SWAP, slots)));
    expect(action).toEqual({ do: 'keep-running', image: 0, hash: hash('o') });
    expect(decided(slots, undefined, { tried: { ...NOTHING_TRIED, keepingRefused: true } })).toBe('free-by-reset');
  });

  test('another one there, pending: reset, twice at most', () => {
    const slots = [old, entry(1, 'x', 'p')];
    expect(decided(slots)).toBe('free-by-reset');
    const blocked = situation(view(SWAP, slots), 'test-and-confirm', {}, { freeingResets: 2 });
    expect(nameOf(decide(blocked))).toBe('failed smp-slot-blocked');
  });

  test('another one there, called pending for its version by a bootloader that starts the newest: upload', () => {
    for (const mode of [4, 6]) {
      expect(nameOf(decide(situation(view(mode, [old, entry(1, 'x', 'pP', { version: '3.0.0' })]))))).toBe('upload');
    }
  });

  test('another one there without a flag, or none: upload', () => {
    expect(decided([old, entry(1, 'x', '')])).toBe('upload');
    expect(decided([old])).toBe('upload');
  });

  test('not there after two uploads: an error', () => {
    const sent = situation(view(SWAP, [old]), 'test-and-confirm', {}, { uploads: { [NEW]: 2 } });
    expect(nameOf(decide(sent))).toBe('failed smp-upload-corrupt');
  });

  test('marked by us and then gone, or without its mark: it was booted behind our back', () => {
    const gone = situation(view(SWAP, [old]), 'test-and-confirm', {}, { selected: [NEW] });
    expect(nameOf(decide(gone))).toBe('failed smp-bootloader-refused');
    const back = situation(view(SWAP, [old, entry(1, 'n', '')]), 'test-and-confirm', {}, { selected: [NEW] });
    expect(nameOf(decide(back))).toBe('failed smp-reverted');
  });

  test('settings are erased once, between upload and mark', () => {
    const slots = [old, entry(1, 'n', '')];
    expect(decided(slots, undefined, { eraseSettings: true })).toBe('erase-settings');
    const erased = situation(view(SWAP, slots), undefined, { eraseSettings: true }, { settingsErased: true });
    expect(nameOf(decide(erased))).toBe('test');
    expect(decided([entry(0, 'n', 'ac')], undefined, { eraseSettings: true })).toBe('end current');
  });

  test('an application without image group, with one slot, or with a loader', () => {
    const none = { speaker: 'no-images' } as const;
    expect(nameOf(decide(situation(view(SWAP, [], none))))).toBe('failed smp-no-image-group');
    expect(decide(situation(view(7, [], none)))).toEqual({ do: 'enter-loader', withName: true });
    expect(nameOf(decide(situation(view(0, [old]))))).toBe('failed smp-single-slot');
    expect(decide(situation(view(0, [old], { isSerial: true })))).toEqual({ do: 'enter-loader', withName: false });
    const again = situation(view(7, [], none), undefined, {}, { freeingResets: 2 });
    expect(nameOf(decide(again))).toBe('failed smp-single-slot');
  });
});

describe('after the reset, by what is found', () => {
  const old = entry(0, 'o', 'ac');
  const after = (
    slots: readonly SmpSlotEntry[],
    { mode = SWAP, wish = 'test-and-confirm', selected = true, asked = 1, seen = 1, parts = {} }: Partial<AfterOptions>,
  ): string =>
    nameOf(
      decide(
        situation(
          view(mode, slots, parts),
          wish,
          {},
          {
            resetsAsked: asked,
            resetsSeen: seen,
            selected: selected ? [NEW] : [],
            resetFrom: parts.speaker ?? 'application',
          },
        ),
      ),
    );
  interface AfterOptions {
    readonly mode: number;
    readonly wish: SmpUpdateMode;
    readonly selected: boolean;
    readonly asked: number;
    readonly seen: number;
    readonly parts: Parameters<typeof view>[2] & object;
  }

  test('it runs: confirmed, or to be confirmed', () => {
    expect(after([entry(0, 'n', 'ac')], {})).toBe('end updated');
    const trial = [entry(0, 'n', 'a'), entry(1, 'o', 'c')];
    expect(MODES.map((wish) => after(trial, { wish }))).toEqual([
      'confirm',
      'confirm',
      'end unconfirmed',
      'end unconfirmed',
    ]);
    // Where nothing is reverted, what runs stays, whatever its flags.
    for (const mode of [2, 4, 6]) expect(after([entry(0, 'n', 'a')], { mode })).toBe('end updated');
  });

  test('the old one runs, the new one is in its slot', () => {
    const slots = [old, entry(1, 'n', '')];
    expect(after(slots, {})).toBe('failed smp-reverted');
    expect(after(slots, { selected: false })).toBe('failed smp-not-selected');
    expect(after(slots, { selected: false, seen: 0 })).toBe('reset');
    expect(after(slots, { selected: false, seen: 0, asked: 3 })).toBe('failed smp-not-selected');
  });

  test('the old one runs, the new one still waits', () => {
    for (const flags of ['p', 'pP']) {
      const slots = [old, entry(1, 'n', flags)];
      expect(after(slots, {})).toBe('reset');
      expect(after(slots, { asked: 2, seen: 2 })).toBe('failed smp-swap-held');
      expect(after(slots, { asked: 3, seen: 0 })).toBe('failed smp-not-reset');
    }
  });

  test('the old one runs, the other slot is empty or holds another one', () => {
    expect(after([old], {})).toBe('failed smp-bootloader-refused');
    expect(after([old, entry(1, 'x', '')], {})).toBe('failed smp-bootloader-refused');
  });

  test('a bootloader that starts the newest did not start it', () => {
    for (const mode of [4, 6]) {
      const newer = [entry(0, 'o', 'ac', { version: '3.0.0' }), entry(1, 'n', '')];
      expect(after(newer, { mode, selected: false })).toBe('failed smp-not-newest');
      expect(after([old, entry(1, 'n', '')], { mode, selected: false })).toBe('failed smp-bootloader-refused');
    }
  });

  test('somebody else answers', () => {
    const recovery = { speaker: 'recovery' } as const;
    expect(after([], { parts: recovery })).toBe('reset');
    expect(after([], { parts: recovery, asked: 2, seen: 2 })).toBe('failed smp-still-in-recovery');
    const loader = { speaker: 'loader' } as const;
    expect(after([], { mode: 7, parts: loader })).toBe('reset');
    expect(after([], { mode: 7, parts: loader, asked: 2, seen: 2 })).toBe('failed smp-bootloader-refused');
  });

  test('the application lists nothing', () => {
    const none = view(SWAP, [], { speaker: 'no-images' });
    const by = (resetFrom: 'application' | 'loader' | 'recovery', wish: SmpUpdateMode) =>
      nameOf(decide(situation(none, wish, {}, { resetsAsked: 1, resetsSeen: 1, selected: [NEW], resetFrom })));
    expect(by('loader', 'test-and-confirm')).toBe('end updated');
    expect(by('recovery', 'test-and-confirm')).toBe('end updated');
    expect(by('application', 'confirm-only')).toBe('end unverified');
    expect(by('application', 'test-and-confirm')).toBe('failed smp-no-image-group');
  });

  test('several images: the worst decides, and the application is confirmed last', () => {
    const images = [wanted(), wanted({ image: 1, hash: hash('m') })];
    const net = (slot: number, letter: string, flags: string) => entry(slot, letter, flags, { image: 1 });
    const both = (slots: readonly SmpSlotEntry[]) =>
      decide(
        situation(
          view(SWAP, slots, { countsImages: true }),
          'test-and-confirm',
          { images },
          {
            resetsAsked: 1,
            resetsSeen: 1,
            selected: [NEW, toHex(hash('m'))],
          },
        ),
      );
    expect(nameOf(both([entry(0, 'n', 'ac'), net(0, 'm', 'ac')]))).toBe('end updated');
    expect(both([entry(0, 'n', 'a'), net(0, 'm', 'a')])).toMatchObject({ do: 'confirm', image: { image: 1 } });
    expect(both([entry(0, 'n', 'a'), net(0, 'm', 'ac')])).toMatchObject({ do: 'confirm', image: { image: 0 } });
    expect(nameOf(both([entry(0, 'n', 'ac'), net(0, 'y', 'ac'), net(1, 'm', '')]))).toBe('failed smp-reverted');
    expect(nameOf(both([old, entry(1, 'n', 'p'), net(0, 'y', 'ac')]))).toBe('failed smp-bootloader-refused');
    expect(nameOf(both([old, entry(1, 'n', 'p'), net(0, 'y', 'ac'), net(1, 'm', 'p')]))).toBe('reset');
    // A network core whose slot is not listed: that its upload slot was used up is all that can be seen.
    const unlisted = both([entry(0, 'n', 'ac')]);
    expect(unlisted).toMatchObject({ do: 'end', outcome: 'updated', note: { code: 'unlisted' } });
  });

  test('what cannot be confirmed is said', () => {
    const confirmRefused = new Set([NEW]);
    const trial = situation(
      view(SWAP, [entry(0, 'n', 'a'), entry(1, 'o', 'c')]),
      'test-and-confirm',
      { tried: { ...NOTHING_TRIED, confirmRefused } },
      { resetsAsked: 1, resetsSeen: 1, selected: [NEW] },
    );
    expect(nameOf(decide(trial))).toBe('failed smp-confirm-refused');
    const nothingToConfirm = { ...trial, tried: { ...trial.tried, marksUnknown: true } };
    expect(nameOf(decide(nothingToConfirm))).toBe('end updated');
  });
});

describe('from anywhere', () => {
  const { stackTraceLimit } = Error;
  // Thousands of errors, whose stacks nobody reads.
  beforeAll(() => {
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  const SPEAKERS = ['application', 'recovery', 'loader', 'no-images'] as const;
  const letters = ['', 'o', 'n', 'x'];
  const flags = ['', 'p', 'pP', 'c', 'cpP'];
  const records: Partial<Situation['saved']>[] = [
    {},
    { selected: [NEW] },
    { uploads: { [NEW]: 1 }, freeingResets: 2 },
    { resetsAsked: 1 },
    { resetsAsked: 1, resetsSeen: 1, selected: [NEW] },
  ];

  /** Every state of both slots, with every record, under every bootloader: what a hostile device could list as well. */
  function* starts(): Generator<Situation> {
    for (const mode of [null, 0, 2, 3, 4, 5, 7]) {
      for (const speaker of mode === null || mode === 7 ? SPEAKERS : (['application'] as const)) {
        for (const front of letters) {
          for (const frontFlags of ['a', 'ac', '', 'p']) {
            for (const back of letters) {
              for (const backFlags of back === '' ? [''] : [...flags, 'a']) {
                const slots = [
                  ...(front === '' ? [] : [entry(0, front, frontFlags)]),
                  ...(back === '' ? [] : [entry(1, back, backFlags)]),
                ];
                for (const saved of records) {
                  yield situation(view(mode, slots, { speaker, isSerial: mode === 0 }), 'test-and-confirm', {}, saved);
                }
              }
            }
          }
        }
      }
    }
  }

  /** What was done until the end; more than a few steps are a loop. */
  function course(first: Situation, obeys: boolean): string[] {
    const done: string[] = [];
    let now = first;
    for (;;) {
      const action = decide(now);
      done.push(nameOf(action));
      if (action.do === 'end') return done;
      if (done.length > 20) throw new Error(`no end: ${done.join(', ')}`);
      const isMark = action.do === 'test' || action.do === 'confirm';
      const saved = recordAfter({ ...now, saved: recordBefore(now, action) }, action);
      const tried = {
        ...now.tried,
        keepingRefused: now.tried.keepingRefused || action.do === 'keep-running',
        confirmRefused: isMark ? new Set([...now.tried.confirmRefused, NEW]) : now.tried.confirmRefused,
      };
      now = { ...now, saved, tried, openUpload: null, view: obeys ? predict(now.view, action) : now.view };
    }
  }

  test.each(MODES)('an obedient device gets to an end, a disobedient one to an error: %s', (mode) => {
    let count = 0;
    for (const start of starts()) {
      const from = { ...start, saved: { ...start.saved, mode } };
      course(from, true);
      course(from, false);
      count++;
    }
    expect(count).toBeGreaterThan(7000);
  });

  test('nothing is sent into a slot that waits for its boot, and what runs stays is left alone', () => {
    for (const start of starts()) {
      const action = decide(start);
      const { slots, speaker } = start.view;
      if (action.do === 'upload' && speaker === 'application') {
        const to = slots.find((other) => other.slot === (slots.find(({ active }) => active)?.slot === 1 ? 0 : 1));
        expect(start.view.kind.number === 4 || to?.pending !== true).toBe(true);
      }
      if (action.do === 'test') expect(slots.some((other) => toHex(other.hash!) === NEW && !other.active)).toBe(true);
      if (action.do === 'end' && action.outcome === 'updated' && speaker === 'application') {
        expect(slots.some(({ active, hash: found }) => active && toHex(found!) === NEW)).toBe(true);
      }
    }
  });
});
