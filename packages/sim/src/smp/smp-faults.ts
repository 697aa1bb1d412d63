import type { ImageGroupOptions, ImageHost, McubootDevice, SmpServerFaults } from '@meshferry/smp';
import { type GroupError, type Nth, SmpGroup } from '@meshferry/smp';
import type { SimSmpFailStep } from './smp-failure.ts';
import type { SimSmpOptions } from './smp-uri.ts';

/** What of `fail` the server itself does. */
export function serverFaults(sim: SimSmpOptions): SmpServerFaults {
  const nth = (step: SimSmpFailStep) => {
    const counts = valuesOf(sim, step);
    return counts.length === 0 ? undefined : onceEach(counts);
  };
  const faults: SmpServerFaults = {};
  const set = <K extends keyof SmpServerFaults>(name: K, value: SmpServerFaults[K] | undefined) => {
    if (value !== undefined) faults[name] = value;
  };
  set('busy', nth('busy'));
  set('dropRequest', nth('request'));
  set('dropResponse', nth('answer'));
  set('staleResponse', nth('stale'));
  set('wrongSequence', nth('sequence'));
  set('extraOctets', nth('extra'));
  set('malformedResponse', nth('malformed'));
  set('flashErrorAt', valuesOf(sim, 'flash')[0]);
  return faults;
}

/** The server counts answers anew on each link: what is asked for happens on the first one that comes so far. */
function onceEach(counts: readonly number[]): Nth {
  const left = new Set(counts);
  return (n) => left.delete(n);
}

/** How the image group is built. */
export function imageOptions(sim: SimSmpOptions): ImageGroupOptions {
  const refused = refusal(sim, 'upload', SmpGroup.image);
  const hashOctets = sim.hash === 'any' ? 'any' : (Number(sim.hash) as 32 | 48 | 64);
  return { check: sim.check === 1, hashOctets, ...(refused !== undefined && { refuseChunk: () => refused }) };
}

/** An error that is asked for. */
export function refusal(sim: SimSmpOptions, step: SimSmpFailStep, group: number): GroupError | undefined {
  const [code] = valuesOf(sim, step);
  return code === undefined || code === 0 ? undefined : { group, code };
}

/** The device as its server sees it: state writes that are ignored or refused do not come to it. */
export function hostOf(device: McubootDevice, sim: SimSmpOptions): ImageHost {
  return {
    imageCount: device.imageCount,
    writableState: device.writableState,
    slot: (image, slot) => device.slot(image, slot),
    activeSlot: (image) => device.activeSlot(image),
    nextBoot: (image) => device.nextBoot(image),
    takeBusyMs: () => device.takeBusyMs(),
    setNextBoot: (image, slot, confirm) => {
      const what = confirm ? 'confirm' : 'test';
      const refused = refusal(sim, what, SmpGroup.image);
      if (refused !== undefined) return refused.code;
      return sim.ignore.includes(what) ? 0 : device.setNextBoot(image, slot, confirm);
    },
  };
}

/** The numbers that a step fails at. */
export function valuesOf({ fail }: SimSmpOptions, step: SimSmpFailStep): number[] {
  return fail.filter((failure) => failure.step === step).map(({ value }) => value);
}
