import { planTransfer, type RadioOutlook, type TransferPlan, type TransferQuestion } from '@meshferry/blob';
import { nodeAt } from '@meshferry/cdb';
import type { Clock, Unicast } from '@meshferry/core';
import { blobCapabilitiesOf, heardCapabilitiesOf } from './job-mode.ts';
import type { MeshNetwork } from './mesh-network.ts';
import { surveyRadio } from './radio-survey.ts';
import type { UpdaterRole } from './roles.ts';
import type { UpdatePlan } from './update-job-types.ts';

/** How an update will be done and what it is expected to take; times in seconds. */
export interface UpdateForecast {
  readonly plan: TransferPlan;
  /** What the radio was found to be like. */
  readonly outlook: RadioOutlook;
  /** Of the upload to a Distributor; 0 without one. */
  readonly uploadSeconds: number;
  /** From the end of the transfer to the last confirmation. */
  readonly closingSeconds: number;
  /**
   * The whole update, from its start to the last confirmation. `low` and `high`: nineteen of twenty should end
   * between, as far as the radio stays as it is.
   */
  readonly seconds: { readonly expected: number; readonly low: number; readonly high: number };
  /** Share of the time of the transfer in which a listener on one channel hears this node, 0 to 1. */
  readonly airtimeShare: number;
}

/** What a forecast stands on. */
export interface ForecastGround {
  readonly role: UpdaterRole;
  readonly clock: Clock;
  /** Tells which targets are Low Power nodes. */
  readonly network: MeshNetwork | undefined;
}

/** What is to be forecast: the members are those of an update request. */
export interface ForecastQuestion
  extends Pick<
    UpdatePlan,
    'targets' | 'appIndex' | 'group' | 'mode' | 'settings' | 'timeoutBase' | 'ttl' | 'distributor' | 'policy' | 'via'
  > {
  /** Octets of the image. */
  readonly size: number;
  /** What it took to check them, s; default: what is usual. */
  readonly checkSeconds?: number | undefined;
  /** Whether every target is asked what it takes, or some of many, and the others are taken to be like them. Default false. */
  readonly everybody?: boolean;
  /** Whether the radio is surveyed, where the transfer is not over in a few seconds anyway. Default true; with `stock` settings false. */
  readonly probe?: boolean | undefined;
}

/** Targets that are asked what they take. */
const MOST_ASKED = 20;
/** Share of the transfer that a survey of the radio may take, and its bounds, ms. */
const SURVEY_SHARE = 0.12;
const SURVEY_MS = { least: 2500, most: 15_000 };
/** A transfer that is over so soon is not surveyed for, s. */
const SHORT_S = 20;
/** Time of one advertising event on one of its three channels, ms. */
const CHANNEL_MS = 0.376;
/** Loss of the worst radio that is thought of, where none was measured. */
const BAD_RADIO = 0.2;
/** Octets a second that an upload by SMP moves over a usual Bluetooth link with its flash behind it. */
const SMP_RATE = 20_000;
/** What two transfers under the same conditions differ by, two standard deviations. */
const SCATTER = 0.1;

/**
 * Finds out what the targets take and what the radio is like, and what follows from that. Nothing changes at the targets.
 * Undefined when none has answered, or when they have no sizes in common.
 */
export async function forecastUpdate(
  ground: ForecastGround,
  question: ForecastQuestion,
): Promise<UpdateForecast | undefined> {
  const begun = ground.clock.now;
  const transfer = await transferQuestion(ground, question);
  const guess = transfer && planTransfer(transfer);
  if (transfer === undefined || guess === undefined) return undefined;
  const outlook = await survey(ground, question, transfer, guess.seconds);
  const plan = planTransfer({ ...transfer, outlook }) ?? guess;
  const uploadSeconds = await forecastUpload(ground, question, outlook);
  // What was asked here the update asks as well.
  const asked = (ground.clock.now - begun) / 1000;
  const hasRelays = [...outlook.receivers.values()].some(({ isRemote }) => isRemote);
  const closing = closingSeconds({ ...question, hasRelays });
  const around = asked + openingSeconds(question) + closing;
  const at = (by: number): number =>
    (planTransfer({ ...transfer, outlook: shifted(outlook, transfer, by) }) ?? plan).seconds;
  return {
    plan,
    outlook,
    uploadSeconds,
    closingSeconds: closing,
    seconds: {
      expected: plan.seconds + uploadSeconds + around,
      low: Math.min(plan.seconds, at(-2)) * (1 - SCATTER) + uploadSeconds + around / 2,
      high: Math.max(plan.seconds, at(2)) * (1 + SCATTER) + uploadSeconds + 2 * around,
    },
    airtimeShare: Math.min(1, (plan.pdus * plan.copies * CHANNEL_MS) / 1000 / plan.seconds),
  };
}

/** The targets that take part, and what is known of the way to those that were asked. */
async function transferQuestion(
  { role, network }: ForecastGround,
  { targets, everybody = false, appIndex, ...rest }: ForecastQuestion,
): Promise<Outset | undefined> {
  const stride = everybody ? 1 : Math.ceil(targets.length / MOST_ASKED);
  const asked = targets.filter((_, i) => i % stride === 0);
  const heard = await heardCapabilitiesOf(role.blob, asked, appIndex);
  const like = heard.find((each) => each !== undefined);
  if (like === undefined) return undefined;
  const nearest = heard.reduce((ttl, each) => Math.max(ttl, each?.ttl ?? 0), network?.node.network.defaultTtl ?? 0);
  const receivers = targets.flatMap((address, i) => {
    const isAsked = i % stride === 0;
    const own = heard[Math.floor(i / stride)];
    if (isAsked && own === undefined) return [];
    const { capabilities, ttl } = own ?? like;
    const lowPower = isLowPower(network, address);
    return [{ address, capabilities, lowPower, isAsked, isRemote: ttl < nearest }];
  });
  const { size, group, mode, settings, timeoutBase = 3 } = rest;
  return { size, receivers, group, mode, settings, timeoutBase };
}

/** A question with what the targets' answers have shown. */
interface Outset extends TransferQuestion {
  readonly receivers: readonly (TransferQuestion['receivers'][number] & {
    readonly lowPower: boolean;
    readonly isAsked: boolean;
    readonly isRemote: boolean;
  })[];
}

/** As far as the document knows. */
export function isLowPower(network: MeshNetwork | undefined, address: Unicast): boolean {
  const state = network && nodeAt(network.document, address)?.features?.lowPower;
  return state === 0 || state === 1;
}

async function survey(
  { role, clock, network }: ForecastGround,
  { appIndex, ttl, probe, settings }: ForecastQuestion,
  { receivers }: Outset,
  seconds: number,
): Promise<RadioOutlook> {
  const nodes = receivers
    .filter(({ isAsked, lowPower, capabilities }) => isAsked && !lowPower && capabilities.push)
    .map(({ address, capabilities, isRemote }) => ({ address, mtu: capabilities.mtuSize, isRemote }));
  const budgetMs = Math.min(SURVEY_MS.most, Math.max(SURVEY_MS.least, 1000 * seconds * SURVEY_SHARE));
  const wanted = seconds > SHORT_S && (probe ?? settings !== 'stock');
  const found = await surveyRadio({
    clock,
    client: role.blob,
    nodes: wanted ? nodes : [],
    appIndex,
    ...(ttl !== undefined && { ttl }),
    budgetMs,
  });
  // Of the others how far away they are, at least.
  const all = receivers.map(
    ({ address, isRemote }) => [address, found.receivers.get(address) ?? { loss: 0, events: 0, isRemote }] as const,
  );
  // Within an airtime limit a burst is either too short to show it, or waits for answers as no transfer does.
  const limitMs = network?.node.network.airtimeEventMs ?? 0;
  const eventMs = limitMs > 0 ? limitMs : found.eventMs;
  return { ...found, ...(eventMs !== undefined && { eventMs }), receivers: new Map(all) };
}

async function forecastUpload(
  { role }: ForecastGround,
  { distributor, via, appIndex, size, settings, timeoutBase = 3 }: ForecastQuestion,
  outlook: RadioOutlook,
): Promise<number> {
  if (distributor === undefined) return 0;
  if (via === 'smp') return size / SMP_RATE;
  const [capabilities] = await blobCapabilitiesOf(role.blob, [distributor], appIndex);
  if (capabilities === undefined) return 0;
  const receivers = [{ address: distributor, capabilities }];
  return planTransfer({ size, receivers, settings, timeoutBase, outlook })?.seconds ?? 0;
}

/** What is known of an update when its closing steps are to be foretold. */
export interface ClosingQuestion extends Pick<UpdatePlan, 'targets' | 'policy'> {
  /** What it took to check the targets, s: the pace of requests to them. */
  readonly checkSeconds?: number | undefined;
  /** Some of them are reached over relays, which may be among those that restart. */
  readonly hasRelays?: boolean;
}

/**
 * From the end of the transfer to the last confirmation: verification, swap and reboot, s. What targets need for it nobody
 * knows before; some boot in 90 s.
 */
export function closingSeconds({ policy, hasRelays = false, ...question }: ClosingQuestion): number {
  const requests = STEP_SHARE * checkSecondsOf(question);
  return policy === 'verify' ? requests : 2 * requests + (hasRelays ? RELAYED_REBOOT_S : REBOOT_S);
}

/** From the check to the transfer. */
function openingSeconds(question: ClosingQuestion): number {
  return START_SHARE * checkSecondsOf(question);
}

function checkSecondsOf({ targets, checkSeconds = CHECK_S * targets.length }: ClosingQuestion): number {
  return checkSeconds;
}

/** The check of one target, where it was not measured; what one later step and the start take of such a check. Measured. */
const CHECK_S = 0.34;
const STEP_SHARE = 0.45;
const START_SHARE = 0.75;
/** Apply until the last one is back; over relays that restart as well it is asked for again and again. */
const REBOOT_S = 14.5;
const RELAYED_REBOOT_S = 41.5;

/** The same radio with so many standard deviations more loss than was found; without a survey with none, or much. */
function shifted(outlook: RadioOutlook, { receivers }: TransferQuestion, by: number): RadioOutlook {
  let events = 0;
  let missed = 0;
  for (const each of outlook.receivers.values()) {
    events += each.events;
    missed += each.loss * each.events;
  }
  const shiftedLoss = (loss: number): number => {
    if (events === 0) return by < 0 ? 0 : BAD_RADIO;
    const common = Math.max(0.005, missed / events);
    return Math.min(0.8, Math.max(0, loss + by * Math.sqrt((common * (1 - common)) / events)));
  };
  const all = receivers.map(({ address }) => {
    const { loss = 0, events: own = UNKNOWN_EVENTS, isRemote = false } = outlook.receivers.get(address) ?? {};
    return [address, { loss: shiftedLoss(loss), events: own, isRemote }] as const;
  });
  return { ...outlook, receivers: new Map(all) };
}

const UNKNOWN_EVENTS = 2000;
