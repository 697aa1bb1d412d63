import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DuplicateFilter } from './duplicate-filter.ts';

// Few different PDUs, so that most come again, some while they are remembered and some after.
it('the duplicate filter knows the last PDUs, octet for octet, and no others', () => {
  const pdu = fc.uint8Array({ minLength: 4, maxLength: 6, max: 1 });
  const step = fc.oneof({ weight: 20, arbitrary: pdu }, { weight: 1, arbitrary: fc.constant('clear' as const) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (capacity, steps) => {
      const filter = new DuplicateFilter(capacity);
      let last: string[] = [];
      for (const each of steps) {
        if (each === 'clear') {
          filter.clear();
          last = [];
          continue;
        }
        const isKnown = last.includes(each.join());
        expect(filter.seen(each)).toBe(isKnown);
        if (!isKnown) last.push(each.join());
        if (last.length > capacity) last.shift();
      }
    }),
  );
});
