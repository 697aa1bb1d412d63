import assert from 'node:assert/strict';
import { type AppIndex, type Store, storeView, toHex } from '@meshferry/core';
import { Air, type Heard, type Station } from './air.ts';
import { IUT, TESTER } from './settings.ts';

/** A lower tester that sends octets to the node under test, and what that answers: two nodes in one air. */
export abstract class Dialogue {
  readonly air: Air;
  readonly tester: Station;
  iut!: Station;

  constructor(seed = 1, loss = 0) {
    this.air = new Air({ seed, loss });
    this.tester = this.air.join(TESTER, {});
  }

  get clock(): Air['clock'] {
    return this.air.clock;
  }

  /** Sends and gives what is answered within 1.5 s. */
  ask(hex: string, dst: number = IUT, appIndex: AppIndex = 0): readonly string[] {
    return this.#hear(hex, dst, appIndex).map((message) => message.hex);
  }

  /** Sends; the answer is exactly this, or there is none. It comes from the node under test, to the tester, with its AppKey. */
  exchange(hex: string, answer?: string, ttl?: number, appIndex: AppIndex = 0): void {
    const answers = this.#hear(hex, IUT, appIndex);
    assert.deepEqual(
      answers.map((message) => message.hex),
      answer === undefined ? [] : [answer],
      `answer to ${hex.slice(0, 16)}`,
    );
    for (const heard of answers) {
      assert.deepEqual([heard.src, heard.dst, heard.appIndex], [IUT, TESTER, appIndex], 'who answers whom');
      if (ttl !== undefined) assert.equal(heard.ttl, ttl, 'TTL of the answer');
    }
  }

  /** Sends; gives the time at which the node under test received it. */
  tell(hex: string, dst: number = IUT): number {
    const from = this.iut.heard.length;
    this.tester.send(dst, hex);
    this.air.until(() => this.iut.heard.length > from, 10, `reception of ${hex.slice(0, 12)}`);
    return this.lastHeard;
  }

  /** When the node under test received the last message. */
  get lastHeard(): number {
    return (this.iut.heard.at(-1) as Heard).at;
  }

  #hear(hex: string, dst: number, appIndex: AppIndex): readonly Heard[] {
    const from = this.tester.heard.length;
    this.tester.send(dst, hex, { appIndex });
    this.clock.advance(1500);
    // What the node under test begins to send to a group meanwhile, such as chunks of an update, answers nobody.
    return this.tester.heard.slice(from).filter((heard) => heard.dst === TESTER);
  }
}

/** What a store holds under a prefix, as text: compared, never read. */
export function textOf(store: Store, prefix: string): string {
  const view = storeView(store, prefix);
  return view
    .keys('')
    .map((key) => `${key}=${toHex(view.get(key) as Uint8Array)}`)
    .join(' ');
}
