import { type Cancel, type MeshError, toMeshError } from '@meshferry/core';
import type { SmpRoute, SmpTransport } from './transport.ts';

/**
 * A route that holds nothing besides its links: `connect` opens one, and rejects where that fails. A link that is open only after
 * it was given up is closed.
 *
 * ```ts
 * const route = simpleRoute('tcp:board:4000', () => openBoard('board', 4000));
 * ```
 */
export function simpleRoute(name: string, connect: () => Promise<SmpTransport>): SmpRoute {
  const open = (done: (outcome: SmpTransport | MeshError) => void): Cancel => {
    let isWanted = true;
    connect().then(
      (transport) => {
        if (isWanted) done(transport);
        else transport.close();
      },
      (thrown) => {
        if (isWanted) done(toMeshError(thrown));
      },
    );
    return () => {
      isWanted = false;
    };
  };
  return { name, open, close: () => {} };
}
