import type { MeshError, Result } from '@meshferry/core';

/** A procedure of the stack as a promise; its error rejects. */
export function settled<T>(begin: (done: (outcome: Result<T, MeshError>) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)));
  });
}
