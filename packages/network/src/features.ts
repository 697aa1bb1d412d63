/** Bits of the features of a node, as Heartbeats and composition data carry them [Mesh Protocol 1.1, 3.6.5.10]. */
export const Feature = { relay: 1, proxy: 2, friend: 4, lowPower: 8 } as const;
export type FeatureName = keyof typeof Feature;

/** Which features of a node are in use: switched on; for Low Power: a friendship exists. */
export class Features {
  readonly #changed: (name: FeatureName, inUse: boolean) => void;
  #bits: number;

  /** `bits`: in use from the start. */
  constructor(bits: number, changed: (name: FeatureName, inUse: boolean) => void) {
    this.#bits = bits;
    this.#changed = changed;
  }

  /** The {@link Feature} bits of those in use. */
  get bits(): number {
    return this.#bits;
  }

  inUse(name: FeatureName): boolean {
    return (this.#bits & Feature[name]) !== 0;
  }

  /** A change triggers what waits for it: Heartbeats [3.6.7.1]. */
  set(name: FeatureName, inUse: boolean): void {
    if (this.inUse(name) === inUse) return;
    this.#bits ^= Feature[name];
    this.#changed(name, inUse);
  }
}
