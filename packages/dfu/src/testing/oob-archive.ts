import { type Cancel, type Clock, equal, fail, MeshError, ok, type Result } from '@meshferry/core';
import type { OobFirmware, OobOffer, OobRequest, OobRetriever, OobVerdict } from '../distribution-oob.ts';

/** An archive on simulated time, with one image, for whoever asks. */
export class OobArchive implements OobRetriever {
  readonly schemes = ['https', 'coaps'] as const;
  /** What is there; nothing: there is nothing newer. */
  firmware: OobFirmware | undefined;
  /** Its check tells the size as well. */
  tellsSize = true;
  /** The check fails so. */
  refuse: 'unreachable' | 'malformed' | 'not-supported' | undefined;
  /** The transfer breaks off at so many percent. */
  breakAt: number = Number.POSITIVE_INFINITY;
  checkMs = 3000;
  /** For each tenth of the image. */
  tenthMs = 1000;
  readonly calls: string[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock, firmware?: OobFirmware) {
    this.#clock = clock;
    this.firmware = firmware;
  }

  check({ uri, current }: OobRequest, done: (verdict: OobVerdict) => void): Cancel {
    this.calls.push(`check ${uri}`);
    const answer = () => done(this.#verdict(current));
    if (this.checkMs === 0) {
      answer();
      return () => {};
    }
    return this.#after(this.checkMs, answer, 'check');
  }

  fetch(
    { uri }: OobRequest,
    offer: OobOffer,
    progress: (percent: number) => void,
    done: (outcome: Result<OobFirmware, MeshError>) => void,
  ): Cancel {
    this.calls.push(`fetch ${uri}`);
    let cancel: Cancel = () => {};
    let percent = 0;
    const step = (): void => {
      progress(percent);
      if (percent >= this.breakAt) done(fail(new MeshError('connection-lost', 'the archive has gone')));
      else if (percent === 100) done(this.#whole(offer));
      else {
        percent += 10;
        cancel = this.#after(this.tenthMs, step, 'fetch');
      }
    };
    step();
    return () => cancel();
  }

  #verdict(current: Uint8Array): OobVerdict {
    if (this.refuse !== undefined) return { refuse: this.refuse };
    const { firmware } = this;
    if (firmware === undefined || equal(firmware.firmwareId, current)) return { refuse: 'nothing-newer' };
    const { firmwareId, image } = firmware;
    return { offer: this.tellsSize ? { firmwareId, size: image.length } : { firmwareId } };
  }

  #whole({ firmwareId }: OobOffer): Result<OobFirmware, MeshError> {
    const { firmware } = this;
    if (firmware === undefined) return fail(new MeshError('no-newer-firmware', `${firmwareId} was withdrawn`));
    return ok(firmware);
  }

  #after(ms: number, run: () => void, name: string): Cancel {
    const timer = this.#clock.after(ms, run);
    return () => {
      this.calls.push(`cancel ${name}`);
      timer.cancel();
    };
  }
}
