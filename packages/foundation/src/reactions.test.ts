import { opcodeAt } from '@meshferry/access';
import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { FOUNDATION_MESSAGES } from './families.ts';
import { REACTION_FAMILIES } from './testing/reaction-families.ts';
import { familyOf, REACTIONS, type Reaction, type ReactionFamily, react } from './testing/reactions.ts';

/** Families without a set-up yet: this list shrinks to nothing. Generic OnOff has its own in its package. */
const MISSING: readonly string[] = [];

const decoded = REACTIONS.filter(({ expected }) => expected.reaction === 'decoder error');
const own = REACTIONS.filter((reaction) => !decoded.includes(reaction) && familyOf(reaction) !== 'generic-onoff');
const setUpOf = (reaction: Reaction): ReactionFamily | undefined =>
  REACTION_FAMILIES.find(({ name }) => name === familyOf(reaction));

describe('reactions of the shared vectors', () => {
  it.each(own.filter((reaction) => setUpOf(reaction) !== undefined))('$name', (reaction) => {
    const { reaction: kind, response } = reaction.expected;
    const answers = react(reaction, setUpOf(reaction)!);
    expect(kind === 'ignore' ? answers : answers.slice(0, 1)).toEqual(kind === 'ignore' ? [] : [response]);
  });

  it.each(decoded)('$name is a decoder error', ({ hex }) => {
    const type = FOUNDATION_MESSAGES.find(({ opcode }) => opcode === opcodeAt(fromHex(hex)));
    expect(type?.decode(fromHex(hex)).ok).toBe(false);
  });

  it('are run for all families but those that are known to be missing', () => {
    const names = new Set(own.filter((reaction) => setUpOf(reaction) === undefined).map(familyOf));
    expect([...names].sort()).toEqual(MISSING);
    expect(REACTIONS).toHaveLength(120);
  });
});
