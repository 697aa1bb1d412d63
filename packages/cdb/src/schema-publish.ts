import { isObject, type Json, type JsonObject } from './json.ts';
import type { PublishEntry, PublishPeriodEntry, PublishRetransmitEntry, Transmit } from './model.ts';
import type { Report } from './report.ts';
import { LEFT_OUT, object, type Read, required } from './shape.ts';
import { hexOrLabel, oneOf, whole } from './values.ts';

const RESOLUTIONS = [100, 1000, 10_000, 600_000] as const;
type Resolution = (typeof RESOLUTIONS)[number];

const periodObject: Read<PublishPeriodEntry> = object({
  numberOfSteps: required(whole(0, 63)),
  resolution: required(oneOf<Resolution>(...RESOLUTIONS)),
});

/**
 * Steps and their length. Old documents have the milliseconds of the whole period as a number; some Android versions wrote the
 * whole period for the resolution, and mesh-cfgclient writes 10 for 10 s (`cdb.md`, sections 2 and 5).
 */
const period: Read<PublishPeriodEntry> = (source, pointer, report) => {
  if (typeof source === 'number') return periodOfMs(source, pointer, report);
  const resolution = isObject(source) ? meantResolution(source) : undefined;
  if (resolution === undefined) return periodObject(source, pointer, report);
  report.repair(`${pointer}/resolution`, 'resolution', `resolution is read as ${resolution} ms`);
  return periodObject({ ...(source as JsonObject), resolution }, pointer, report);
};

function periodOfMs(ms: number, pointer: string, report: Report): PublishPeriodEntry | undefined {
  const resolution = RESOLUTIONS.find((step) => Math.round(ms / step) <= 63);
  if (!(ms >= 0) || resolution === undefined) {
    return report.error(pointer, 'invalid-value', `must be 0 to ${63 * 600_000} ms, found ${ms}`);
  }
  const numberOfSteps = ms === 0 ? 0 : Math.max(1, Math.round(ms / resolution));
  const exact = numberOfSteps * resolution === ms ? '' : ', the nearest that there is';
  report.repair(pointer, 'period', `${ms} ms is read as ${numberOfSteps} steps of ${resolution} ms${exact}`);
  return { numberOfSteps, resolution };
}

/** The resolution that a writer meant by one that does not exist; undefined if there is nothing to repair, or no telling. */
function meantResolution({ numberOfSteps: steps, resolution }: JsonObject): Resolution | undefined {
  if (typeof steps !== 'number' || typeof resolution !== 'number') return undefined;
  if (RESOLUTIONS.some((known) => known === resolution)) return undefined;
  if (steps === 0) return 100;
  return RESOLUTIONS.find((known) => known * steps === resolution) ?? (resolution === 10 ? 10_000 : undefined);
}

const retransmitObject: Read<PublishRetransmitEntry> = object({
  count: required(whole(0, 7)),
  interval: required(whole(50, 1600, 50)),
});

/** Without retransmissions the interval says nothing: 0 is read as 50. */
const retransmit: Read<PublishRetransmitEntry> = (source, pointer, report) => {
  if (!isObject(source) || source.count !== 0 || source.interval !== 0)
    return retransmitObject(source, pointer, report);
  report.repair(`${pointer}/interval`, 'interval', 'an interval of 0 without retransmissions is read as 50 ms');
  return retransmitObject({ ...source, interval: 50 }, pointer, report);
};

const publishObject: Read<PublishEntry> = object({
  address: required(hexOrLabel('a unicast or group address', (a) => (a > 0 && a < 0x8000) || a >= 0xc000)),
  index: required(whole(0, 4095)),
  ttl: required((source: Json, pointer: string, report: Report) =>
    source === 255 ? 255 : whole(0, 127)(source, pointer, report),
  ),
  period: required(period),
  credentials: required(oneOf<0 | 1>(0, 1)),
  retransmit: required(retransmit),
});

/** Model publication; one to the unassigned address is none. */
export const publish: Read<PublishEntry> = (source, pointer, report) => {
  if (!isObject(source) || source.address !== '0000') return publishObject(source, pointer, report);
  report.repair(pointer, 'no-publication', 'a publication to 0000 is none');
  return LEFT_OUT;
};

const transmitObject: Read<Transmit> = object({
  count: required(whole(1, 8)),
  interval: required(whole(10, 320, 10)),
});

/**
 * Network transmit and relay retransmit, with the repairs of nRF Mesh: count or interval 0 is none, an interval up to 32 that
 * is no multiple of 10 is the number of steps. mesh-cfgclient writes the state for the count, so that its 0 is one transmission:
 * which of both is meant cannot be told, and the node can be asked.
 */
export const transmit: Read<Transmit> = (source, pointer, report) => {
  if (!isObject(source)) return transmitObject(source, pointer, report);
  const { count, interval } = source;
  if (count === 0 || interval === 0) {
    report.repair(pointer, 'transmit', 'count or interval 0: read as not known');
    return LEFT_OUT;
  }
  const isStep = typeof interval === 'number' && interval > 0 && interval <= 32 && interval % 10 !== 0;
  if (!isStep || !Number.isInteger(interval)) return transmitObject(source, pointer, report);
  report.repair(
    `${pointer}/interval`,
    'interval',
    `an interval of ${interval} is read as the number of steps of 10 ms`,
  );
  return transmitObject({ ...source, interval: 10 * interval }, pointer, report);
};
