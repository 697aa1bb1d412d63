import { BlobServer } from '@meshferry/blob';
import { MemoryStore, toHex, VirtualClock } from '@meshferry/core';
import { joinModels } from '../../../blob/src/testing/capture-client.ts';
import { receivedOf } from '../../../blob/src/testing/capture-peers.ts';
import { Flash } from '../../../blob/src/testing/mesh.ts';
import { FirmwareUpdateServer } from '../target.ts';
import type { TargetImage } from '../target-application.ts';
import { UpdatePhase } from '../update-codes.ts';

/** Start with TTL 3, base 5, BLOB ID 0x1100000000000011, image 0, no metadata. */
const START = '830d030500110000000000001100';

/** A Target in one of its phases, told octets. */
export class TargetScene {
  readonly update: FirmwareUpdateServer;
  readonly store = new MemoryStore();
  readonly clock = new VirtualClock();
  readonly #sent: string[] = [];
  readonly #tell: (hex: string) => void;

  constructor(phase: number, images: readonly TargetImage[]) {
    const { clock } = this;
    let endVerification: (ok: boolean) => void = () => {};
    const isTransferred = phase !== UpdatePhase.transferActive && phase !== UpdatePhase.transferError;
    const blob = new BlobServer({ clock, store: new MemoryStore() });
    this.update = new FirmwareUpdateServer({
      store: this.store,
      blob,
      application: {
        images: () => images,
        check: () => ({ accept: true, effect: 0 }),
        start: () => (isTransferred && phase !== UpdatePhase.idle ? { alreadyThere: true } : { sink: new Flash() }),
        recover: () => new Flash(),
        verify: (_, __, done) => {
          endVerification = done;
        },
        apply: () => {},
      },
    });
    const access = joinModels(clock, 0x0100, [blob.model, this.update.model], {
      defaultTtl: 5,
      send: ({ payload }, done) => {
        this.#sent.push(toHex(payload));
        clock.after(0, () => done?.());
        return () => {};
      },
    });
    this.#tell = (hex) => access.receive(receivedOf(1, 0x0100, 5, hex));
    if (phase === UpdatePhase.idle) return;
    this.say(START);
    if (phase === UpdatePhase.transferError) this.update.abort();
    if (phase === UpdatePhase.verificationFailed) endVerification(false);
    if (phase === UpdatePhase.verificationSucceeded || phase === UpdatePhase.applyingUpdate) endVerification(true);
    if (phase === UpdatePhase.applyingUpdate) this.say('830f');
  }

  /** What the Target answers. */
  say(hex: string): string[] {
    const from = this.#sent.length;
    this.#tell(hex);
    this.clock.advance(100);
    return this.#sent.slice(from);
  }

  get stored(): string[] {
    return this.store.keys('').map((key) => `${key} ${toHex(this.store.get(key) ?? new Uint8Array(0))}`);
  }
}
