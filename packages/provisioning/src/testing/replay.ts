import { type Cancel, type Clock, fromHex, type Random, type Result, VirtualClock } from '@meshferry/core';
import { type P256KeyPair, p256PublicKey, portableCrypto } from '@meshferry/crypto';
import type { OobValue } from '../auth-value.ts';
import { decodeCapabilities } from '../capabilities.ts';
import { ProvisioningDevice } from '../device.ts';
import type { DeviceOutcome, ProvisioningDeviceOptions } from '../device-options.ts';
import type { ProvisioningGround } from '../ground.ts';
import { provisionDevice } from '../provisioner.ts';
import type { Answer, ProvisionedNode, ProvisionerOptions } from '../provisioner-options.ts';
import { decodeProvisioningData } from '../provisioning-data.ts';
import { decodeStart } from '../start.ts';
import { linkPair } from './link-pair.ts';

/** A session that happened elsewhere, with everything that was chosen or drawn in it; all hex. */
export interface RecordedSession {
  readonly invite: string;
  readonly capabilities: string;
  readonly start: string;
  readonly privateKeyProvisioner: string;
  readonly privateKeyDevice: string;
  readonly authValue: string;
  readonly randomProvisioner: string;
  readonly randomDevice: string;
  readonly provisioningData: string;
}

/** What our two ends made of it. */
export interface Replayed {
  readonly sentByProvisioner: readonly string[];
  readonly sentByDevice: readonly string[];
  readonly outcome: unknown;
  readonly node: ProvisionedNode | undefined;
  readonly ended: DeviceOutcome | undefined;
}

const CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Gives exactly the octets that were prepared, in order, whatever the pieces asked for. */
export class PreparedRandom implements Random {
  #octets: number[];

  constructor(...parts: readonly Uint8Array[]) {
    this.#octets = parts.flatMap((part) => [...part]);
  }

  bytes(n: number): Uint8Array {
    if (n > this.#octets.length) throw new Error(`${n} random octets asked for, ${this.#octets.length} prepared`);
    return Uint8Array.from(this.#octets.splice(0, n));
  }

  uniform(): number {
    throw new Error('nothing here is left to chance');
  }
}

/** Runs our Provisioner against our device with the recorded choices. */
export function replay(session: RecordedSession): Replayed {
  const clock = new VirtualClock();
  const links = linkPair(clock);
  const user = new User(clock);
  let outcome: unknown;
  let node: ProvisionedNode | undefined;
  let ended: DeviceOutcome | undefined;
  const device = new ProvisioningDevice(groundOfDevice(session, clock), {
    ...deviceOptions(session, user),
    provisioned: (provisioned) => {
      node = provisioned;
    },
    ended: (how) => {
      ended = how;
    },
  });
  device.serve(links.device);
  provisionDevice(groundOfProvisioner(session, clock), links.provisioner, {
    ...provisionerOptions(session, user),
    done: (result) => {
      outcome = result;
    },
  });
  clock.advance(30_000);
  return { sentByProvisioner: links.provisioner.sent, sentByDevice: links.device.sent, outcome, node, ended };
}

/** Reads at one side and enters at the other, a second later. */
export class User {
  readonly #clock: Clock;
  #answer: Answer | undefined;
  #value: OobValue | undefined;
  /** What the user makes of a value that he reads. */
  reads: (value: OobValue) => OobValue = (value) => value;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly show = ({ value }: { readonly value: OobValue }): Cancel => {
    this.#value = this.reads(value);
    this.#act();
    return () => {};
  };

  readonly enter = (_: unknown, answer: Answer): Cancel => {
    this.#answer = answer;
    this.#act();
    return () => {};
  };

  #act(): void {
    const answer = this.#answer;
    const value = this.#value;
    if (answer !== undefined && value !== undefined) this.#clock.after(1000, () => answer(value));
  }
}

/** What the device of a session was; its user is told and asked through `user`. */
export function deviceOptions(
  session: RecordedSession,
  user: User,
): Omit<ProvisioningDeviceOptions, 'provisioned' | 'ended'> {
  const capabilities = value(decodeCapabilities(fromHex(session.capabilities)));
  const { elements, algorithms, onlyOobAuthenticated, outputOobSize, outputOobActions } = capabilities;
  const { inputOobSize, inputOobActions } = capabilities;
  return {
    elements,
    algorithms,
    onlyOobAuthenticated,
    ...(capabilities.publicKeyOob ? { oobKeyPair: pair(session.privateKeyDevice) } : {}),
    ...(capabilities.staticOob ? { staticOob: fromHex(session.authValue) } : {}),
    ...(outputOobSize > 0 ? { output: { size: outputOobSize, actions: outputOobActions, show: user.show } } : {}),
    ...(inputOobSize > 0 ? { input: { size: inputOobSize, actions: inputOobActions, enter: user.enter } } : {}),
  };
}

/** What the Provisioner of a session wanted. */
export function provisionerOptions(session: RecordedSession, user: User): Omit<ProvisionerOptions, 'done'> {
  const { authentication, publicKeyOob } = value(decodeStart(fromHex(session.start)));
  return {
    attentionSeconds: fromHex(session.invite)[0]!,
    policy: { allowCmac: true },
    authentication,
    oob: {
      ...(publicKeyOob ? { publicKey: p256PublicKey(fromHex(session.privateKeyDevice)) } : {}),
      ...(authentication.method === 'static' ? { staticValue: fromHex(session.authValue) } : {}),
      enter: user.enter,
      show: user.show,
    },
    dataFor: () => value(decodeProvisioningData(fromHex(session.provisioningData))),
    aboutToFinish: () => {},
  };
}

/** The Provisioner's key pair and random numbers of a session. */
export function groundOfProvisioner(session: RecordedSession, clock: Clock): ProvisioningGround {
  const drawn = drawsOf(session, 'input');
  const random = new PreparedRandom(drawn, fromHex(session.randomProvisioner));
  return { clock, random, crypto: portableCrypto, newKeyPair: () => pair(session.privateKeyProvisioner) };
}

/** The device's key pair and random numbers of a session. */
export function groundOfDevice(session: RecordedSession, clock: Clock): ProvisioningGround {
  const random = new PreparedRandom(drawsOf(session, 'output'), fromHex(session.randomDevice));
  return { clock, random, crypto: portableCrypto, newKeyPair: () => pair(session.privateKeyDevice) };
}

/** The random octets from which the side that shows a value draws the one of the session. */
function drawsOf(session: RecordedSession, method: 'output' | 'input'): Uint8Array {
  const { authentication } = value(decodeStart(fromHex(session.start)));
  if (authentication.method !== method) return new Uint8Array(0);
  const authValue = fromHex(session.authValue);
  if (authentication.action !== 'alphanumeric') return authValue.slice(-4);
  const text = authValue.slice(0, authentication.size);
  return text.map((character) => CHARACTERS.indexOf(String.fromCharCode(character)));
}

function pair(privateKey: string): P256KeyPair {
  return { privateKey: fromHex(privateKey), publicKey: p256PublicKey(fromHex(privateKey)) };
}

function value<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`not decodable: ${JSON.stringify(result.error)}`);
  return result.value;
}
