// A model of one's own: a thermostat that is asked and set, and that publishes what it measures. Two nodes share one
// simulated air that loses a tenth of the packets; with another bearer only what `join` attaches to changes.
import { AccessLayer, int, Model, message, publishPeriodOf, request, vendorOpcode } from '@meshferry/access';
import { memoryAir } from '@meshferry/bearer';
import { formatAddress, MemoryStore, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetworkLayer } from '@meshferry/network';

const COMPANY = 0x0059;
const GROUP = 0xc001;

// The model: two messages, declared once, a handler, and what to publish at each period.
const centidegrees = int(16, { min: -27_315 });
const fields = { target: centidegrees, measured: centidegrees };
const ThermostatStatus = message({
  name: 'Thermostat Status',
  opcode: vendorOpcode(COMPANY, 1),
  source: 'example',
  fields,
});
const ThermostatSet = message({
  name: 'Thermostat Set',
  opcode: vendorOpcode(COMPANY, 2),
  response: ThermostatStatus.name,
  source: 'example',
  fields: { target: centidegrees },
});

const state = { target: 2000, measured: 1850 };
const thermostat = new Model({ id: COMPANY * 0x10000 + 1, name: 'Thermostat' });
thermostat.publishes(() => thermostat.publish(ThermostatStatus, state));
thermostat.handle(ThermostatSet, ({ target }, context) => {
  state.target = target;
  thermostat.reply(context, ThermostatStatus, state);
});

// Its client listens to what it publishes.
const display = new Model({ id: COMPANY * 0x10000 + 2, name: 'Thermostat Client' });
let published = 0;
display.handle(ThermostatStatus, ({ target, measured }, { src, dst }) => {
  if (dst === GROUP) published++;
  console.log(`${formatAddress(src)} measures ${measured / 100} °C, wants ${target / 100} °C`);
});

// Two nodes with the keys that a provisioner would have given them, and the configuration of their models.
const clock = new VirtualClock();
const air = memoryAir(clock, new SeededRandom('air'), { loss: 0.1 });
join(0x0001, display);
join(0x0010, thermostat);
display.subscribe(GROUP);
thermostat.setPublication({ to: GROUP, appIndex: 0, period: publishPeriodOf(10_000) });

let answered = false;
const question = {
  type: ThermostatSet,
  value: { target: 2150 },
  to: { dst: thermostat.element },
  response: ThermostatStatus,
};
request(display, { ...question, attempts: 4, intervalMs: 2000 }, (outcome) => {
  answered = outcome.ok && outcome.value.target === 2150;
});
clock.advance(65_000);

console.log(`${answered ? 'answered' : 'not answered'}, published ${published} times`);
process.exitCode = answered && published >= 5 ? 0 : 1;

function join(address: number, model: Model): void {
  const common = { clock, random: new SeededRandom(address), crypto: portableCrypto, address };
  const identity = { cid: COMPANY, pid: 1, vid: 1, crpl: 16, features: 0 };
  const access = new AccessLayer({ ...common, store: new MemoryStore(), identity });
  access.addElement(0x0100, [model]);
  const network = new NetworkLayer({
    ...common,
    store: new MemoryStore(),
    host: access,
    elements: access.elementCount,
    deviceKey: new Uint8Array(16).fill(address),
  });
  network.addNetKey(0, new Uint8Array(16).fill(1));
  network.addAppKey(0, 0, new Uint8Array(16).fill(2));
  network.attach(air.join().advertising);
  access.connect(network);
  model.bind(0);
}
