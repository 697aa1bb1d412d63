import { BlobClient, sourceOf } from '@meshferry/blob';
import { toHex, VirtualClock } from '@meshferry/core';
import { joinModels, LeastRandom } from '../../../blob/src/testing/capture-client.ts';
import { receivedOf } from '../../../blob/src/testing/capture-peers.ts';
import { FirmwareUpdateClient } from '../update-client.ts';
import type { UpdateReceiverState } from '../update-types.ts';

const CLIENT = 0x0001;
export const TARGET = 0x0100;

/** An update client, and a Target that says what a test lets it say. */
export class UpdaterScene {
  readonly clock = new VirtualClock();
  readonly sent: string[] = [];
  readonly updates: FirmwareUpdateClient;
  readonly #receive: (hex: string) => void;

  constructor() {
    const { clock } = this;
    const random = new LeastRandom();
    const blob = new BlobClient({ clock, random });
    this.updates = new FirmwareUpdateClient({ clock, random, blob });
    const access = joinModels(clock, CLIENT, [blob.model, this.updates.model], {
      defaultTtl: 5,
      send: ({ payload }, done) => {
        this.sent.push(toHex(payload));
        clock.after(10, () => done?.());
        return () => {};
      },
    });
    this.#receive = (hex) => access.receive(receivedOf(TARGET, CLIENT, 5, hex));
  }

  /** Starts an update and lets the Target answer the first requests so; the next one is waiting for its answer then. */
  update(answers: readonly string[], blobId = 0x1100000000000011n, imageIndex = 0): UpdateReceiverState {
    const { receivers } = this.updates.update(
      {
        receivers: [{ address: TARGET, imageIndex }],
        appIndex: 0,
        ttl: 3,
        timeoutBase: 5,
        blobId,
        metadata: new Uint8Array(0),
        firmwareId: Uint8Array.of(0x59, 0, 2),
        source: sourceOf(new Uint8Array(100)),
        policy: 'apply',
      },
      () => {},
    );
    this.clock.advance(300);
    for (const answer of answers) this.say(answer);
    return receivers[0] as UpdateReceiverState;
  }

  /** What the client sends within a moment. */
  say(hex: string): string[] {
    const from = this.sent.length;
    this.#receive(hex);
    this.clock.advance(300);
    return this.sent.slice(from);
  }

  /** The first message after a long silence. */
  askedAgain(): string | undefined {
    const from = this.sent.length;
    this.clock.advance(20_000);
    return this.sent[from];
  }
}
