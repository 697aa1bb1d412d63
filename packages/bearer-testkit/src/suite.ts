import { deliveryScenes } from './advertising-delivery.ts';
import { lifeScenes } from './advertising-life.ts';
import { sendScenes } from './advertising-sends.ts';
import { connectingScenes } from './gatt-connecting.ts';
import { gattLifeScenes } from './gatt-life.ts';
import { serviceScenes } from './gatt-services.ts';
import { valueScenes } from './gatt-values.ts';
import type { Scene } from './scene.ts';
import { Stage } from './stage.ts';
import type { BearerRig, BearerSubject, Check } from './subject.ts';

/** Everything that a bearer must do, each thing with a rig of its own. They run in any order, one at a time. */
export function bearerSuite<Rig extends BearerRig>(subject: BearerSubject<Rig>): readonly Check[] {
  const scenes = [
    ...(subject.advertising === undefined ? [] : [...deliveryScenes, ...sendScenes, ...lifeScenes]),
    ...(subject.gatt === undefined ? [] : [...connectingScenes, ...valueScenes, ...serviceScenes, ...gattLifeScenes]),
  ];
  return scenes
    .filter(({ needs }) => has(subject, needs))
    .map(({ name, play }) => ({ name, run: () => run(subject, play) }));
}

function has<Rig extends BearerRig>(subject: BearerSubject<Rig>, needs: Scene['needs']): boolean {
  if (needs === 'scans') return subject.gatt?.scans !== false;
  return needs === undefined || subject[needs] !== undefined;
}

/** What test runners have in common: vitest, node:test, mocha, jest. */
export interface TestRunner {
  describe(name: string, define: () => void): unknown;
  it(name: string, run: () => Promise<void>): unknown;
}

/** The suite as tests of a runner: `describeBearer({ describe, it }, 'my bearer', subject)`. */
export function describeBearer<Rig extends BearerRig>(
  { describe, it }: TestRunner,
  name: string,
  subject: BearerSubject<Rig>,
): void {
  describe(name, () => {
    for (const check of bearerSuite(subject)) it(check.name, () => check.run());
  });
}

async function run<Rig extends BearerRig>(subject: BearerSubject<Rig>, play: Scene['play']): Promise<void> {
  const stage = new Stage(subject, await subject.make());
  try {
    await play(stage as unknown as Stage);
    await stage.leavesNothing();
  } finally {
    await stage.end();
  }
}
