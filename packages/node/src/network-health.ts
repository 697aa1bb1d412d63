import { hexNumber, modelIdNumber, requireNode } from '@meshferry/cdb';
import { type AppIndex, formatAddress, MeshError, type Unicast } from '@meshferry/core';
import { FoundationModelId, type RequestOptions } from '@meshferry/foundation';
import type { MeshNetwork } from './mesh-network.ts';

/** How a node is. */
export interface NodeHealth {
  readonly companyId: number;
  /** The test that was last run, 0 for the standard one. */
  readonly testId: number;
  /** Faults seen since they were last cleared, as numbers of the specification (from 0x80 on of the company). */
  readonly faults: readonly number[];
  /** Seconds for which it still draws attention to itself; 0: it does not. */
  readonly attentionSeconds: number;
  readonly fastPeriodDivisor: number;
}

export interface HealthOptionsOfNode {
  /** Whose faults. Default: those of the company that made the node. */
  readonly companyId?: number;
  /** Forgets the faults. */
  readonly clear?: boolean;
  /** Runs this test first. */
  readonly test?: number;
  /** Makes it draw attention to itself for so many seconds. */
  readonly attentionSeconds?: number;
  readonly request?: RequestOptions;
}

/**
 * Asks the Health Server of a node how it is. Rejects with `unknown-node`, `health-not-bound` when no AppKey is bound to that
 * server, `no-response`.
 */
export async function nodeHealth(
  network: MeshNetwork,
  address: Unicast,
  options: HealthOptionsOfNode = {},
): Promise<NodeHealth> {
  const { health } = network;
  const { request } = options;
  const to = { address, appIndex: healthKey(network, address) };
  const companyId = options.companyId ?? (await companyOf(network, address, request));
  if (options.clear === true) await health.faultClear(to, companyId, request);
  const report =
    options.test === undefined
      ? await health.faultGet(to, companyId, request)
      : await health.faultTest(to, companyId, options.test, request);
  const attentionSeconds =
    options.attentionSeconds === undefined
      ? await health.attentionGet(to, request)
      : await health.attentionSet(to, options.attentionSeconds, request);
  const fastPeriodDivisor = await health.periodGet(to, request);
  return { companyId, testId: report.testId, faults: report.faults, attentionSeconds, fastPeriodDivisor };
}

/** The AppKey that the Health Server of the primary element is bound to. */
function healthKey({ document }: MeshNetwork, address: Unicast): AppIndex {
  const [primary] = requireNode(document, address).elements;
  const server = primary?.models.find(({ modelId }) => modelIdNumber(modelId) === FoundationModelId.healthServer);
  const [key] = server?.bind ?? [];
  if (key !== undefined) return key;
  throw new MeshError('health-not-bound', `no AppKey is bound to the Health Server of ${formatAddress(address)}`, {
    hint: 'Configure the node with a profile that has {"models": [{"model": "0x0002", "bind": [0]}]}.',
  });
}

async function companyOf(network: MeshNetwork, address: Unicast, request: RequestOptions | undefined): Promise<number> {
  const { cid } = requireNode(network.document, address);
  const known = cid ?? (await network.readComposition(address, request)).cid;
  return hexNumber(known ?? 'FFFF');
}
