import { DEFAULT_SAR_RECEIVER, DEFAULT_SAR_TRANSMITTER } from '@meshferry/network';
import { expect, it } from 'vitest';
import { FailingStore } from './testing/failing-store.ts';
import { Pair, TO } from './testing/mesh-1-1.ts';

const TRANSMITTER = {
  segmentIntervalStep: 0,
  unicastRetransmissionsCount: 15,
  unicastRetransmissionsWithoutProgressCount: 4,
  unicastRetransmissionsIntervalStep: 1,
  unicastRetransmissionsIntervalIncrement: 0,
  multicastRetransmissionsCount: 3,
  multicastRetransmissionsIntervalStep: 15,
};
const RECEIVER = {
  segmentsThreshold: 31,
  acknowledgmentDelayIncrement: 7,
  discardTimeout: 15,
  receiverSegmentIntervalStep: 15,
  acknowledgmentRetransmissionsCount: 3,
};

it('tells, changes and keeps how segmented messages are sent and received', async () => {
  const pair = new Pair();
  const { sar } = pair.clients;
  expect(await pair.until(sar.transmitterGet(TO))).toEqual(DEFAULT_SAR_TRANSMITTER);
  expect(await pair.until(sar.receiverGet(TO))).toEqual(DEFAULT_SAR_RECEIVER);
  expect(await pair.until(sar.transmitterSet(TO, TRANSMITTER))).toEqual(TRANSMITTER);
  expect(await pair.until(sar.receiverSet(TO, RECEIVER))).toEqual(RECEIVER);
  expect(pair.server.network.sarTransmitter).toEqual(TRANSMITTER);
  pair.restart();
  expect(await pair.until(sar.transmitterGet(TO))).toEqual(TRANSMITTER);
  expect(await pair.until(sar.receiverGet(TO))).toEqual(RECEIVER);
});

it('shows the states as they are when the store refuses a change', async () => {
  const store = new FailingStore();
  const pair = new Pair({ store });
  const { sar } = pair.clients;
  store.refuses = (key) => key === 'network/states';
  expect(await pair.until(sar.transmitterSet(TO, TRANSMITTER))).toEqual(DEFAULT_SAR_TRANSMITTER);
  expect(await pair.until(sar.receiverSet(TO, RECEIVER))).toEqual(DEFAULT_SAR_RECEIVER);
});

it('refuses to send what is out of range', async () => {
  const { clients } = new Pair();
  const beyond = clients.sar.receiverSet(TO, { ...RECEIVER, segmentsThreshold: 32 });
  await expect(beyond).rejects.toMatchObject({ code: 'bad-field' });
});
