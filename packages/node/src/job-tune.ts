import { modelIdNumber, nodeAt, nodeRange } from '@meshferry/cdb';
import type { Unicast } from '@meshferry/core';
import { FoundationModelId } from '@meshferry/foundation';
import type { SarReceiver } from '@meshferry/network';
import { inParallel } from './job-parallel.ts';
import { adding } from './job-prepare.ts';
import type { JobRun } from './job-run.ts';
import type { MeshNetwork } from './mesh-network.ts';

/** What a transfer of segmented messages, one target after the other, will meet. */
export interface SegmentedOutlook {
  /** Chunks of the image. */
  readonly chunks: number;
  /** Network PDUs of each, 2 or more. */
  readonly segments: number;
  /** Time for which the bearer of this node is taken by one segment, ms. */
  readonly eventMs: number;
  /** Chance of each target to miss a segment. */
  readonly lossOf: (target: Unicast) => number;
}

/** What the requests to one node cost: Get, Set, and Set again at the end. */
const COST_MS = 3 * 100;
/** The gain is a guess, the cost is certain. */
const LEAST_GAIN = 2;
/** The client sends to so many targets at a time. */
const LANES = 2;
/** The shortest segment interval [Mesh Protocol 1.1, 4.2.48.1], which the client sets. */
const SEGMENT_INTERVAL_MS = 10;
/**
 * An acknowledgment before the second next segment could have come is in its way: a radio does not hear while it sends
 * [spec/transport.md 10]. Measured: 1.6 segments are enough.
 */
const LEAST_SEGMENTS = 1.6;

/**
 * Lets targets that have a SAR Configuration Server acknowledge sooner what they got of a chunk, where that saves more than
 * it costs: with the default of 150 ms they wait six segments' time for segments that are lost. Their former state is in the
 * undo list before they hear of it. Who refuses, or does not answer, stays as it is.
 *
 * Where a slow bearer is busy with one target while the other one waits nothing is to be gained: it would be disturbed.
 * Only the SAR Receiver state: how targets send (SAR Transmitter) is held by their Network Transmit, and made no difference.
 */
export async function tuneReception(run: JobRun, network: MeshNetwork, outlook: SegmentedOutlook): Promise<void> {
  const lanes = Math.min(LANES, run.targets.taking.length);
  const segmentMs = Math.max(SEGMENT_INTERVAL_MS, lanes * outlook.eventMs);
  if (lanes > 1 && segmentMs > SEGMENT_INTERVAL_MS) return;
  const wanted = soonest(segmentMs);
  const gain = (targets: readonly Unicast[]): number => gainMs(targets, wanted, outlook) / lanes;
  const worth = tunableNodes(run, network).filter(({ targets }) => gain(targets) > LEAST_GAIN * COST_MS);
  if (worth.length === 0) return;
  run.enter('preparing');
  await inParallel(worth, async ({ node }) => {
    try {
      const to = network.to(node);
      const before = await network.sar.receiverGet(to, PATIENCE);
      if (delayMs(before) <= delayMs(wanted)) return;
      await adding(run, { kind: 'sar-receiver', node, state: settable(before) }, () =>
        network.sar.receiverSet(to, { ...settable(before), ...wanted }, PATIENCE),
      );
    } catch {
      // It stays as it is: the transfer takes longer, nothing else. If it was set after all, it is in the undo list.
    }
  });
}

/** Not worth the half minute that a configuration takes its time for otherwise. */
const PATIENCE = { attempts: 5, intervalMs: 600 };

/** Nodes of targets that can be set, and are not yet. */
function tunableNodes(run: JobRun, { document }: MeshNetwork): { node: Unicast; targets: readonly Unicast[] }[] {
  const byNode = new Map<Unicast, Unicast[]>();
  for (const target of run.targets.taking) {
    const entry = nodeAt(document, target);
    const models = entry?.elements.flatMap((element) => element.models.map(({ modelId }) => modelIdNumber(modelId)));
    if (entry?.deviceKey === undefined || !models?.includes(FoundationModelId.sarConfigurationServer)) continue;
    const node = nodeRange(entry).address;
    if (run.undo.some((step) => step.kind === 'sar-receiver' && step.node === node)) continue;
    byNode.set(node, [...(byNode.get(node) ?? []), target]);
  }
  return [...byNode].map(([node, targets]) => ({ node, targets }));
}

/** Of each chunk of which a segment is lost the acknowledgment comes sooner. */
function gainMs(targets: readonly Unicast[], wanted: Delay, { chunks, segments, lossOf }: SegmentedOutlook): number {
  const sooner = USUAL_MS - delayMs(wanted);
  const incomplete = targets.reduce((sum, target) => sum + 1 - (1 - lossOf(target)) ** segments, 0);
  return sooner * chunks * incomplete;
}

/** The delay of nodes that nobody has set [Mesh Protocol 1.1, 4.2.49]. */
const USUAL_MS = 150;

type Delay = Pick<SarReceiver, 'acknowledgmentDelayIncrement' | 'receiverSegmentIntervalStep'>;

/** The shortest delay that can be set and is long enough for segments at this pace. */
function soonest(segmentMs: number): Delay {
  let best: Delay = { acknowledgmentDelayIncrement: 1, receiverSegmentIntervalStep: 5 };
  for (const acknowledgmentDelayIncrement of [0, 1]) {
    for (let receiverSegmentIntervalStep = 0; receiverSegmentIntervalStep < 16; receiverSegmentIntervalStep++) {
      const delay = { acknowledgmentDelayIncrement, receiverSegmentIntervalStep };
      if (delayMs(delay) >= LEAST_SEGMENTS * segmentMs && delayMs(delay) < delayMs(best)) best = delay;
    }
  }
  return best;
}

/** From the last segment that came to the acknowledgment, ms; shorter for messages of one or two segments. */
function delayMs({ acknowledgmentDelayIncrement, receiverSegmentIntervalStep }: Delay): number {
  return (acknowledgmentDelayIncrement + 1.5) * 10 * (receiverSegmentIntervalStep + 1);
}

/** Without the reserved bits of a Status. */
function settable(state: SarReceiver): SarReceiver {
  return {
    segmentsThreshold: state.segmentsThreshold,
    acknowledgmentDelayIncrement: state.acknowledgmentDelayIncrement,
    discardTimeout: state.discardTimeout,
    receiverSegmentIntervalStep: state.receiverSegmentIntervalStep,
    acknowledgmentRetransmissionsCount: state.acknowledgmentRetransmissionsCount,
  };
}
