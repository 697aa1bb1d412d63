import type { OobRetriever } from '@meshferry/dfu';

/**
 * A simulated Distributor's way to a real archive. While that is asked no simulated time passes (`hold`): the network
 * outside is fast or slow in a time of its own, and two runs with the same seed stay the same run.
 */
export function heldRetriever(outside: OobRetriever, hold: (until: Promise<unknown>) => void): OobRetriever {
  const held = (): (() => void) => {
    let release: () => void = () => {};
    hold(
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    );
    return release;
  };
  return {
    schemes: outside.schemes,
    check: (request, done) => {
      const release = held();
      const cancel = outside.check(request, (verdict) => {
        done(verdict);
        release();
      });
      return () => {
        cancel();
        release();
      };
    },
    fetch: (request, offer, progress, done) => {
      const release = held();
      const cancel = outside.fetch(request, offer, progress, (outcome) => {
        done(outcome);
        release();
      });
      return () => {
        cancel();
        release();
      };
    },
  };
}
