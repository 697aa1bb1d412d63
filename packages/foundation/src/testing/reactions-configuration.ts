import type { ReactionFamily } from './reactions.ts';

/** Configuration Server: the bench has one, and brings it into all states. */
export const configurationReactions: ReactionFamily = { name: 'configuration', parts: () => ({ models: [] }) };

/** What no server has a part in: the node has the Configuration Server alone. */
export const accessReactions: ReactionFamily = { name: 'access', parts: () => ({ models: [] }) };
