/**
 * A simulated radio and simulated mesh nodes that run the real stack.
 *
 * ```ts
 * import { SeededRandom, VirtualClock } from '@meshferry/core';
 * import { layOut, Radio } from '@meshferry/sim';
 *
 * const clock = new VirtualClock();
 * const random = new SeededRandom(1);
 * const radio = new Radio({ clock, random, topology: layOut('full', 2, random) });
 * const [a, b] = [radio.attach({ index: 0 }), radio.attach({ index: 1 })];
 * b.receive([0x2a], (ad) => console.log(ad.data, ad.at));
 * a.send({ type: 0x2a, data: new Uint8Array(29) }, { count: 3, intervalMs: 20 }, () => {});
 * clock.advance(100);
 * ```
 *
 * @packageDocumentation
 */
export {
  type AirEvent,
  type ControllerSettings,
  DEFAULT_CONTROLLER,
  type RadioPort,
  ZEPHYR_CONTROLLER,
} from './advertiser.ts';
export { GattAir, type GattPort } from './gatt-air.ts';
export { type FullestWindow, HeardAir } from './heard-air.ts';
export { Radio, type RadioOptions, type RadioStats } from './radio.ts';
export { ADVERTISING_CHANNELS, airTimeMicroseconds, eventAirTimeMicroseconds } from './radio-airtime.ts';
export { airBoundSeconds, chunkSegments, imageSegments, settingsBoundSeconds } from './radio-bounds.ts';
export { HONEST_RADIO, type MsRange } from './radio-parameters.ts';
export { describeNodes, readyNetwork } from './ready-network.ts';
export { SimDevice, type SimDeviceOptions } from './sim-device.ts';
export { SimDistributor, type SimDistributorOptions } from './sim-distributor.ts';
export { SimFriend, type SimFriendOptions } from './sim-friend.ts';
export { type SimLabel, simLabel, simLabels } from './sim-label.ts';
export { SimNode, type SimNodeOptions, type WorldGround } from './sim-node.ts';
export { SimTarget, type SimTargetOptions } from './sim-target.ts';
export { type ShownValue, SimUser } from './sim-user.ts';
export { SimSmp, type SimSmpGround } from './smp/sim-smp.ts';
export type { SimSmpFailStep, SimSmpFailure } from './smp/smp-failure.ts';
export {
  canonicalSimSmpUri,
  isSimSmpUri,
  parseSimSmpUri,
  type SimSmpOptions,
  simSmpUriKeys,
} from './smp/smp-uri.ts';
export type { IgnoredRequest, SimSmpKeys } from './smp/smp-uri-keys.ts';
export { chooseRelays, layOut, type Topology, type TopologyKind } from './topology.ts';
export { type TraceHash, traceHash } from './trace.ts';
export * from './uri.ts';
export { type SelfGround, World, type WorldOptions } from './world.ts';
export { SIM_APP_INDEX, SIM_GROUP, worldKeys } from './world-keys.ts';
