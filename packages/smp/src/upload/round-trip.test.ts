import { expect, it } from 'vitest';
import { RoundTrip } from './round-trip.ts';

it('an answer is waited for a while longer than the slowest of the last ones took, and the longest time before any came', () => {
  const trip = new RoundTrip(2000);
  expect(trip.patienceMs).toBe(2000);
  trip.took(10);
  expect(trip.patienceMs).toBe(520);
  trip.took(500);
  expect(trip.patienceMs).toBe(1500);
  for (let i = 0; i < 200; i++) trip.took(10);
  expect(trip.patienceMs).toBeCloseTo(520, 0);
  trip.took(5000);
  expect(trip.patienceMs).toBe(2000);
});
