import { type Cancel, Deadline, type MeshError, toMeshError } from '@meshferry/core';
import { generateP256KeyPair, type P256KeyPair } from '@meshferry/crypto';
import type { AttemptLimit } from './attempt-limit.ts';
import { newOobValue, noAuthValue, type OobValue, oobAuthValue, readOobValue, staticAuthValue } from './auth-value.ts';
import { encodeCapabilities, type ProvisioningCapabilities } from './capabilities.ts';
import type { DeviceSession, DeviceState, ProvisioningDeviceOptions } from './device-options.ts';
import { errorCode, type ProvisioningErrorName } from './error-code.ts';
import { PROTOCOL_TIMEOUT_MS, type ProvisioningGround, USER_TIMEOUT_MS } from './ground.ts';
import { Handshake } from './handshake.ts';
import { openData } from './key-exchange.ts';
import type { LinkCloseReason, ProvisioningLink } from './link.ts';
import { decodeProvisioningPdu, encodeProvisioningPdu, type ProvisioningPdu } from './pdu.ts';
import { tooLate } from './provisioner-errors.ts';
import { addressesFit, decodeProvisioningData } from './provisioning-data.ts';
import { answerRecordQuestion, type RecordQuestion } from './records.ts';
import { notOffered, type ProvisioningStart } from './start.ts';

const NOTHING = new Uint8Array(0);

/** Why a PDU fails provisioning, if it does. */
type Refusal = ProvisioningErrorName | undefined;

/** The device's side of one link. */
export class Session implements DeviceSession {
  readonly #ground: ProvisioningGround;
  readonly #link: ProvisioningLink;
  readonly #options: ProvisioningDeviceOptions;
  readonly #capabilities: ProvisioningCapabilities;
  readonly #limit: AttemptLimit;
  readonly #timer: Deadline;
  #state: DeviceState = 'wait-invite';
  #complete = false;
  #error: ProvisioningErrorName | undefined;
  #cause: MeshError | undefined;
  #invite = 0;
  #start: ProvisioningStart | undefined;
  #handshake: Handshake | undefined;
  #confirmationProvisioner: Uint8Array = NOTHING;
  #randomProvisioner: Uint8Array = NOTHING;
  /** Ends what the user is being asked or shown. */
  #stopUser: Cancel | undefined;

  constructor(
    ground: ProvisioningGround,
    link: ProvisioningLink,
    options: ProvisioningDeviceOptions,
    capabilities: ProvisioningCapabilities,
    limit: AttemptLimit,
  ) {
    this.#ground = ground;
    this.#link = link;
    this.#options = options;
    this.#capabilities = capabilities;
    this.#limit = limit;
    this.#timer = new Deadline(ground.clock, () => this.#close('timeout'));
    link.listen({
      received: (octets) => this.#received(octets),
      closed: (reason) => this.#end(reason),
    });
    this.#enter('wait-invite');
  }

  get state(): DeviceState {
    return this.#state;
  }

  close(): void {
    if (this.#state !== 'ended') this.#close('fail');
  }

  #received(octets: Uint8Array): void {
    // After Complete a refusal would be a lie: what comes then is not for a device any more.
    if (this.#state === 'ended' || this.#state === 'complete') return;
    this.#touch();
    this.#refuse(this.#judge(octets));
  }

  #judge(octets: Uint8Array): Refusal {
    if (this.#state === 'failed') return 'unexpected-pdu';
    const decoded = decodeProvisioningPdu(octets);
    if (!decoded.ok) return decoded.error.kind === 'type' ? 'invalid-pdu' : 'invalid-format';
    return this.#take(decoded.value);
  }

  /** The one table of what may come when. */
  #take(pdu: ProvisioningPdu): Refusal {
    switch (this.#state) {
      case 'wait-invite':
        if (pdu.type === 'invite') return this.#takeInvite(pdu.attentionDuration);
        if (pdu.type === 'records-get' || pdu.type === 'record-request') return this.#takeRecordQuestion(pdu);
        break;
      case 'wait-start':
        if (pdu.type === 'start') return this.#takeStart(pdu.start);
        break;
      case 'wait-public-key':
        if (pdu.type === 'public-key') return this.#takePublicKey(pdu.publicKey);
        break;
      case 'wait-confirmation':
        if (pdu.type === 'confirmation') return this.#takeConfirmation(pdu.confirmation);
        break;
      case 'wait-random':
        if (pdu.type === 'random') return this.#takeRandom(pdu.random);
        break;
      case 'wait-data':
        if (pdu.type === 'data') return this.#takeData(pdu.sealed);
        break;
    }
    return 'unexpected-pdu';
  }

  #takeRecordQuestion(question: RecordQuestion): Refusal {
    const { records } = this.#options;
    if (records === undefined) return 'invalid-pdu';
    this.#send(answerRecordQuestion(question, records, this.#link.maxPdu));
    return undefined;
  }

  #takeInvite(attentionDuration: number): Refusal {
    if (!this.#limit.isOpen) return 'out-of-resources';
    this.#invite = attentionDuration;
    this.#enter('wait-start');
    this.#send({ type: 'capabilities', capabilities: this.#capabilities });
    return this.#guard(() => {
      this.#options.attention?.(attentionDuration);
      return undefined;
    });
  }

  #takeStart(start: ProvisioningStart): Refusal {
    if (notOffered(start, this.#capabilities) !== undefined) return 'invalid-format';
    this.#start = start;
    this.#enter('wait-public-key');
    return undefined;
  }

  #takePublicKey(publicKey: Uint8Array): Refusal {
    const start = this.#start!;
    const said = { invite: Uint8Array.of(this.#invite), capabilities: encodeCapabilities(this.#capabilities), start };
    const handshake = new Handshake(this.#ground, 'device', said, this.#keyPair(start.publicKeyOob));
    this.#handshake = handshake;
    if (handshake.agree(publicKey) !== undefined) return 'invalid-format';
    this.#enter(start.authentication.method === 'input' ? 'wait-input' : 'wait-confirmation');
    if (!start.publicKeyOob) this.#send({ type: 'public-key', publicKey: handshake.publicKey });
    return this.#guard(() => this.#authenticate(start, handshake));
  }

  /** The pair known out of band stays, and is for those only who know it: on the link there is a fresh one each time. */
  #keyPair(isOob: boolean): P256KeyPair {
    if (!isOob) return this.#ground.newKeyPair?.() ?? generateP256KeyPair(this.#ground.random);
    const { privateKey, publicKey } = this.#options.oobKeyPair!;
    return { privateKey: privateKey.slice(), publicKey };
  }

  #authenticate({ algorithm, authentication }: ProvisioningStart, handshake: Handshake): Refusal {
    switch (authentication.method) {
      case 'none':
        handshake.confirm(noAuthValue(algorithm));
        break;
      case 'static':
        handshake.confirm(staticAuthValue(algorithm, this.#options.staticOob!));
        break;
      case 'output': {
        const { action, size } = authentication;
        const value = newOobValue(this.#ground.random, action, size);
        handshake.confirm(oobAuthValue(algorithm, value));
        this.#stopUser = this.#options.output!.show({ action, size, value });
        break;
      }
      case 'input': {
        const { action, size } = authentication;
        const stop = this.#options.input!.enter({ action, size }, (entered) => this.#entered(entered));
        // The answer may have come at once.
        if (this.#state === 'wait-input') this.#stopUser = stop;
        else stop();
      }
    }
    return undefined;
  }

  #entered(entered: OobValue): MeshError | undefined {
    const { algorithm, authentication } = this.#start!;
    if (this.#state !== 'wait-input' || authentication.method !== 'input') return tooLate();
    const value = readOobValue(entered, authentication.action, authentication.size);
    if (!value.ok) return value.error;
    this.#handshake!.confirm(oobAuthValue(algorithm, value.value));
    this.#enter('wait-confirmation');
    this.#send({ type: 'input-complete' });
    return undefined;
  }

  #takeConfirmation(confirmation: Uint8Array): Refusal {
    const { exchange } = this.#handshake!;
    if (confirmation.length !== exchange.confirmation.length) return 'invalid-format';
    if (exchange.isOwnConfirmation(confirmation)) return 'invalid-format';
    this.#confirmationProvisioner = confirmation;
    this.#enter('wait-random');
    this.#send({ type: 'confirmation', confirmation: exchange.confirmation });
    return undefined;
  }

  #takeRandom(random: Uint8Array): Refusal {
    const { exchange } = this.#handshake!;
    if (random.length !== exchange.ownRandom.length) return 'invalid-format';
    const isAuthenticated = this.#start!.authentication.method !== 'none';
    if (!exchange.verifies(this.#confirmationProvisioner, random)) {
      if (isAuthenticated) this.#limit.failed();
      return 'confirmation-failed';
    }
    if (isAuthenticated) this.#limit.succeeded();
    this.#randomProvisioner = random;
    this.#enter('wait-data');
    // Only now: who has not shown that it knows the value learns nothing of this side.
    this.#send({ type: 'random', random: exchange.ownRandom });
    return undefined;
  }

  #takeData(sealed: Uint8Array): Refusal {
    const { exchange } = this.#handshake!;
    const keys = exchange.keys(this.#randomProvisioner, exchange.ownRandom);
    const octets = openData(this.#ground.crypto, keys, sealed);
    keys.sessionKey.fill(0);
    if (octets === null) return 'decryption-failed';
    const decoded = decodeProvisioningData(octets);
    octets.fill(0);
    if (!decoded.ok) return decoded.error;
    const data = decoded.value;
    const capabilities = this.#capabilities;
    if (!addressesFit(data.unicastAddress, capabilities.elements)) return 'cannot-assign-addresses';
    return this.#guard(() => {
      const refusal = this.#options.accept?.(data);
      if (refusal !== undefined) return refusal;
      this.#options.provisioned({ deviceKey: keys.deviceKey, data, capabilities });
      this.#complete = true;
      this.#forget();
      // The caller may have closed the link while it was storing: then it has the data all the same.
      if (this.#state !== 'wait-data') return undefined;
      this.#enter('complete');
      this.#send({ type: 'complete' });
      return undefined;
    });
  }

  /** Sends Failed, if something is wrong; the Provisioner closes the link, or else the timer does. */
  #refuse(error: Refusal): void {
    if (error === undefined || this.#state === 'ended') return;
    this.#error ??= error;
    this.#forget();
    if (this.#state !== 'failed') this.#enter('failed');
    this.#send({ type: 'failed', error: errorCode(error) });
  }

  #close(reason: LinkCloseReason): void {
    this.#link.close(reason);
    this.#end(reason);
  }

  #end(reason: LinkCloseReason): void {
    if (this.#state === 'ended') return;
    this.#forget();
    this.#enter('ended');
    if (this.#invite > 0) this.#options.attention?.(0);
    this.#options.ended?.({
      complete: this.#complete,
      success: reason === 'success',
      ...(this.#error === undefined ? {} : { error: this.#error }),
      ...(this.#cause === undefined ? {} : { cause: this.#cause }),
    });
  }

  /** The one place where the state changes. */
  #enter(state: DeviceState): void {
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
    this.#touch();
    this.#link.send(encodeProvisioningPdu(pdu), (error) => {
      if (error === undefined) this.#touch();
    });
  }

  /** The link lives; after a failure that counts no more. */
  #touch(): void {
    if (this.#state !== 'ended' && this.#state !== 'failed') this.#timer.set(this.#timeout);
  }

  /** Runs what belongs to the caller: what it throws fails provisioning, and not the stack. */
  #guard(run: () => Refusal): Refusal {
    try {
      return run();
    } catch (thrown) {
      this.#cause = toMeshError(thrown);
      return 'unexpected-error';
    }
  }

  #forget(): void {
    this.#handshake?.forget();
  }
}
