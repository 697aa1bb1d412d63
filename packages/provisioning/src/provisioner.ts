import { type Cancel, Deadline, MeshError, toMeshError } from '@meshferry/core';
import { generateP256KeyPair, isP256PublicKey } from '@meshferry/crypto';
import {
  checkStaticOob,
  newOobValue,
  noAuthValue,
  type OobValue,
  oobAuthValue,
  readOobValue,
  staticAuthValue,
} from './auth-value.ts';
import type { ProvisioningCapabilities } from './capabilities.ts';
import { chooseStart } from './choice.ts';
import { confirmationFailed, deviceFailed } from './error-code.ts';
import { PROTOCOL_TIMEOUT_MS, type ProvisioningGround, USER_TIMEOUT_MS } from './ground.ts';
import { Handshake } from './handshake.ts';
import { sealData } from './key-exchange.ts';
import type { LinkCloseReason, ProvisioningLink } from './link.ts';
import { decodeProvisioningPdu, encodeProvisioningPdu, type ProvisioningPdu } from './pdu.ts';
import {
  badPdu,
  badPublicKey,
  cancelled,
  linkEnded,
  linkTimeout,
  noRoom,
  ownConfirmation,
  provisioningUncertain,
  tooLate,
  unexpectedPdu,
} from './provisioner-errors.ts';
import type { ProvisionedNode, ProvisionerOob, ProvisionerOptions, ProvisionerState } from './provisioner-options.ts';
import { addressesFit, encodeProvisioningData } from './provisioning-data.ts';
import { RecordsQuestions } from './records-reader.ts';
import type { ProvisioningStart } from './start.ts';

/** A device being provisioned. */
export interface ProvisioningRun {
  readonly state: ProvisionerState;
  /**
   * Closes the link and ends with `cancelled`, or with `provisioning-uncertain` when the data have been sent. Harmless
   * when all is over.
   */
  cancel(): void;
}

/**
 * Provisions the device at the other end of an open link [Mesh Protocol 1.1, 5.4.2]; the link is closed when all is over.
 * Throws `bad-field` or `bad-static-oob` for options that no device could be provisioned with.
 */
export function provisionDevice(
  ground: ProvisioningGround,
  link: ProvisioningLink,
  options: ProvisionerOptions,
): ProvisioningRun {
  return new Provisioner(ground, link, options);
}

const NOTHING = new Uint8Array(0);

class Provisioner implements ProvisioningRun {
  readonly #ground: ProvisioningGround;
  readonly #link: ProvisioningLink;
  readonly #options: ProvisionerOptions;
  readonly #timer: Deadline;
  readonly #records: RecordsQuestions;
  readonly #invite: Uint8Array;
  #oob: ProvisionerOob;
  #state: ProvisionerState = 'records';
  #capabilities: ProvisioningCapabilities | undefined;
  #start: ProvisioningStart | undefined;
  #handshake: Handshake | undefined;
  #confirmationDevice: Uint8Array = NOTHING;
  #node: ProvisionedNode | undefined;
  /** Ends what the user is being asked or shown. */
  #stopUser: Cancel | undefined;

  constructor(ground: ProvisioningGround, link: ProvisioningLink, options: ProvisionerOptions) {
    const { attentionSeconds = 0 } = options;
    checkAttention(attentionSeconds);
    this.#ground = ground;
    this.#link = link;
    this.#options = options;
    this.#oob = options.oob ?? {};
    checkOob(this.#oob);
    this.#invite = Uint8Array.of(attentionSeconds);
    this.#timer = new Deadline(ground.clock, () => this.#expired());
    this.#records = new RecordsQuestions(link.maxPdu, (pdu) => this.#send(pdu));
    link.listen({
      received: (octets) => this.#received(octets),
      closed: (reason, error) => this.#closed(reason, error),
    });
    this.#enter('records');
    if (options.beforeInvite === undefined) this.#sendInvite();
    else this.#guard(() => options.beforeInvite?.(this.#records, (learnt) => this.#learnt(learnt)));
  }

  get state(): ProvisionerState {
    return this.#state;
  }

  cancel(): void {
    this.#fail(cancelled());
  }

  #learnt(learnt: Pick<ProvisionerOob, 'publicKey' | 'staticValue'> | MeshError | undefined): void {
    if (this.#state !== 'records') return;
    if (learnt instanceof MeshError) {
      this.#fail(learnt);
      return;
    }
    this.#guard(() => {
      this.#oob = { ...this.#oob, ...learnt };
      checkOob(this.#oob);
      this.#sendInvite();
    });
  }

  #sendInvite(): void {
    this.#enter('wait-capabilities');
    this.#send({ type: 'invite', attentionDuration: this.#invite[0]! });
  }

  #received(octets: Uint8Array): void {
    if (this.#state === 'ended') return;
    this.#timer.set(this.#timeout);
    const decoded = decodeProvisioningPdu(octets);
    if (!decoded.ok) {
      this.#fail(badPdu(decoded.error));
    } else if (decoded.value.type === 'failed') {
      // Once the data have left it proves nothing: anybody in reach can send it for a device that is a node by now.
      this.#fail(deviceFailed(decoded.value.error));
    } else {
      this.#take(decoded.value, octets);
    }
  }

  /** The one table of what may come when. */
  #take(pdu: ProvisioningPdu, octets: Uint8Array): void {
    const state = this.#state;
    if (state === 'records' && this.#records.received(pdu)) return;
    if (state === 'wait-capabilities' && pdu.type === 'capabilities') {
      this.#takeCapabilities(pdu.capabilities, octets.slice(1));
    } else if (state === 'wait-public-key' && pdu.type === 'public-key') {
      this.#takePublicKey(pdu.publicKey);
    } else if (state === 'wait-input-complete' && pdu.type === 'input-complete') {
      this.#sendConfirmation();
    } else if (state === 'wait-confirmation' && pdu.type === 'confirmation') {
      this.#takeConfirmation(pdu.confirmation);
    } else if (state === 'wait-random' && pdu.type === 'random') {
      this.#takeRandom(pdu.random);
    } else if (state === 'wait-complete' && pdu.type === 'complete') {
      this.#end('success', this.#node!);
    } else {
      this.#fail(unexpectedPdu(pdu.type, state));
    }
  }

  #takeCapabilities(capabilities: ProvisioningCapabilities, octets: Uint8Array): void {
    this.#capabilities = capabilities;
    this.#guard(() => {
      const objection = this.#options.inspect?.(capabilities);
      if (objection !== undefined) throw objection;
      const { policy = {}, authentication } = this.#options;
      const chosen = chooseStart(capabilities, { policy, oob: this.#oob, authentication });
      if (!chosen.ok) throw chosen.error;
      this.#begin(chosen.value, octets);
    });
  }

  #begin(start: ProvisioningStart, capabilities: Uint8Array): void {
    const keyPair = this.#ground.newKeyPair?.() ?? generateP256KeyPair(this.#ground.random);
    this.#start = start;
    this.#handshake = new Handshake(
      this.#ground,
      'provisioner',
      { invite: this.#invite, capabilities, start },
      keyPair,
    );
    this.#enter('wait-public-key');
    this.#send({ type: 'start', start });
    this.#send({ type: 'public-key', publicKey: keyPair.publicKey });
    // With an OOB key none may come over the link: one that did would meet a state that does not expect it.
    if (start.publicKeyOob) this.#takePublicKey(this.#oob.publicKey!);
  }

  #takePublicKey(publicKey: Uint8Array): void {
    const refused = this.#handshake!.agree(publicKey);
    if (refused === undefined) this.#guard(() => this.#authenticate());
    else this.#fail(badPublicKey(refused));
  }

  #authenticate(): void {
    const { algorithm, authentication } = this.#start!;
    switch (authentication.method) {
      case 'none':
        this.#confirm(noAuthValue(algorithm));
        break;
      case 'static':
        this.#confirm(staticAuthValue(algorithm, this.#oob.staticValue!));
        break;
      case 'output': {
        const { action, size } = authentication;
        this.#enter('wait-user');
        const stop = this.#oob.enter!({ action, size }, (entered) => this.#entered(entered));
        // The answer may have come at once.
        if (this.state === 'wait-user') this.#stopUser = stop;
        else stop();
        break;
      }
      case 'input': {
        const { action, size } = authentication;
        const value = newOobValue(this.#ground.random, action, size);
        this.#handshake!.confirm(oobAuthValue(algorithm, value));
        this.#enter('wait-input-complete');
        this.#stopUser = this.#oob.show!({ action, size, value });
      }
    }
  }

  #entered(entered: OobValue): MeshError | undefined {
    const authentication = this.#start?.authentication;
    if (this.#state !== 'wait-user' || authentication?.method !== 'output') {
      return tooLate();
    }
    const value = readOobValue(entered, authentication.action, authentication.size);
    if (!value.ok) return value.error;
    this.#confirm(oobAuthValue(this.#start!.algorithm, value.value));
    return undefined;
  }

  #confirm(authValue: Uint8Array): void {
    this.#handshake!.confirm(authValue);
    this.#sendConfirmation();
  }

  #sendConfirmation(): void {
    this.#enter('wait-confirmation');
    this.#send({ type: 'confirmation', confirmation: this.#handshake!.exchange.confirmation });
  }

  #takeConfirmation(confirmation: Uint8Array): void {
    const { exchange } = this.#handshake!;
    if (exchange.isOwnConfirmation(confirmation)) {
      this.#fail(ownConfirmation());
      return;
    }
    this.#confirmationDevice = confirmation;
    this.#enter('wait-random');
    // Only now: who knows this random before it has committed itself could choose its own to fit.
    this.#send({ type: 'random', random: exchange.ownRandom });
  }

  #takeRandom(random: Uint8Array): void {
    if (!this.#handshake!.exchange.verifies(this.#confirmationDevice, random)) {
      this.#fail(confirmationFailed('the Provisioner'));
      return;
    }
    this.#guard(() => this.#finish(random));
  }

  #finish(random: Uint8Array): void {
    const { exchange } = this.#handshake!;
    const capabilities = this.#capabilities!;
    const data = this.#options.dataFor(capabilities);
    if (data instanceof MeshError) throw data;
    const octets = encodeProvisioningData(data);
    if (!addressesFit(data.unicastAddress, capabilities.elements)) throw noRoom({ data, capabilities });
    const keys = exchange.keys(exchange.ownRandom, random);
    this.#node = { deviceKey: keys.deviceKey, data, capabilities };
    this.#options.aboutToFinish(this.#node);
    // The caller may have cancelled while it was storing.
    if (this.#state !== 'wait-random') return;
    const sealed = sealData(this.#ground.crypto, keys, octets);
    keys.sessionKey.fill(0);
    octets.fill(0);
    this.#enter('wait-complete');
    this.#send({ type: 'data', sealed });
  }

  #closed(reason: LinkCloseReason, error = linkEnded(reason, this.#state)): void {
    this.#fail(error);
  }

  #expired(): void {
    this.#fail(linkTimeout(this.#state), 'timeout');
  }

  /** Ends with an error, which says so when the device may have got the data nevertheless. */
  #fail(error: MeshError, reason: LinkCloseReason = 'fail'): void {
    const uncertain = this.#state === 'wait-complete';
    this.#end(reason, uncertain ? provisioningUncertain(this.#node!, error) : error);
  }

  #end(reason: LinkCloseReason, outcome: ProvisionedNode | MeshError): void {
    if (this.#state === 'ended') return;
    this.#enter('ended');
    this.#forget();
    this.#link.close(reason);
    this.#options.done(outcome);
  }

  /** The one place where the state changes. */
  #enter(state: ProvisionerState): void {
    this.#state = state;
    this.#stopUser?.();
    this.#stopUser = undefined;
    if (state === 'ended') this.#timer.clear();
    else this.#timer.set(this.#timeout);
    this.#options.progress?.(state);
  }

  get #timeout(): number {
    const method = this.#start?.authentication.method;
    return method === 'output' || method === 'input' ? USER_TIMEOUT_MS : PROTOCOL_TIMEOUT_MS;
  }

  #send(pdu: ProvisioningPdu): void {
    if (this.#state === 'ended') return;
    this.#timer.set(this.#timeout);
    this.#link.send(encodeProvisioningPdu(pdu), (error) => {
      // A link that ends says so by itself; here only its slowness counts.
      if (error === undefined && this.#state !== 'ended') this.#timer.set(this.#timeout);
    });
  }

  /** Runs what belongs to the caller: what it throws ends the run, and not the stack. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(toMeshError(thrown));
    }
  }

  #forget(): void {
    this.#handshake?.forget();
  }
}

function checkAttention(seconds: number): void {
  if (seconds >= 0 && seconds <= 0xff) return;
  throw new MeshError('bad-field', `Attention Duration: ${seconds} s`, { hint: 'Give 0 to 255 seconds.' });
}

function checkOob({ publicKey, staticValue }: ProvisionerOob): void {
  if (staticValue !== undefined) checkStaticOob(staticValue);
  if (publicKey !== undefined && !isP256PublicKey(publicKey)) throw badPublicKey('bad-public-key');
}
