import type { ReactionFamily } from './reactions.ts';
import { accessReactions, configurationReactions } from './reactions-configuration.ts';
import { healthReactions } from './reactions-health.ts';
import { MESH_1_1_REACTIONS } from './reactions-mesh-1-1.ts';
import { remoteProvisioningReactions } from './reactions-remote-provisioning.ts';

/**
 * The families whose servers are tested against the reactions of the shared vectors. A family is a file of its own,
 * `testing/reactions-<family>.ts`, and a line here; its name leaves the list of those that are missing then.
 */
export const REACTION_FAMILIES: readonly ReactionFamily[] = [
  accessReactions,
  configurationReactions,
  healthReactions,
  ...MESH_1_1_REACTIONS,
  remoteProvisioningReactions,
];
