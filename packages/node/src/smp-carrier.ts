import { type Clock, equal, MeshError, type Random, toMeshError } from '@meshferry/core';
import {
  DistributionStatus,
  type Distributor,
  type FirmwareDistributionCapabilitiesStatus,
  type FirmwareDistributionClient,
  type FirmwareDistributionFirmwareStatus,
} from '@meshferry/dfu';
import { parseImage } from '@meshferry/firmware';
import { SmpClient, type SmpKnowledge, SmpRefusedError, type SmpRoute, type SmpTransport } from '@meshferry/smp';
import type { ImageCarrier } from './image-carrier.ts';
import type { JobRun } from './job-run.ts';
import { settled } from './job-settled.ts';
import { noRoomInSlots, noSmp, noSmpWay, notListed, slotRefused, smpLost } from './smp-carrier-errors.ts';
import { addSlot } from './smp-slot.ts';

/** What the way over SMP needs. */
export interface SmpCarrierGround {
  readonly clock: Clock;
  readonly random: Random;
  /** How the Distributor is reached; undefined: nobody has said. */
  readonly smp: SmpRoute | undefined;
}

/** How often in a row it is tried again, before anything has come through and after. */
const ATTEMPTS = { first: 2, later: 8 } as const;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
/** After the upload the Distributor may still store it: it is asked so often, so far apart. */
const LISTED = { attempts: 10, pauseMs: 1000 } as const;
/** What another connection does not change. */
const FINAL = new Set([
  'pairing-needed',
  'bearer-permission',
  'smp-packet-too-small',
  'smp-upload-corrupt',
  'smp-bad-offset',
  'no-room-on-distributor',
  'distributor-no-slot-command',
  'distributor-smp-refused',
]);
/** What has nothing to do with SMP: the job goes on another time as it stands. */
const OTHERS = new Set(['distributor-silent', 'store-failed', 'internal', 'cancelled']);

/**
 * By SMP into a slot of the Distributor, which is many times faster than over the mesh [spec: smp section 5.3]. Nothing but
 * the slot changes at the device: no test, no confirmation, no reset. A lost link is made anew, and the upload goes on where
 * it stopped; so it does in another process. Rejects with `no-smp-way`, `distributor-no-smp`, `distributor-no-slot-command`,
 * `distributor-smp-refused`, `no-room-on-distributor`, `upload-interrupted` (resume), `upload-failed`, `distributor-silent`.
 */
export function smpCarrier(ground: SmpCarrierGround): ImageCarrier {
  return {
    bring: (run, client, distributor) => {
      const { smp } = ground;
      if (smp === undefined) throw noSmpWay();
      return new SmpCarriage({ ...ground, smp }, run, client, distributor).bring();
    },
  };
}

class SmpCarriage {
  readonly #ground: SmpCarrierGround & { readonly smp: SmpRoute };
  readonly #run: JobRun;
  readonly #client: FirmwareDistributionClient;
  readonly #distributor: Distributor;
  readonly #image: Uint8Array;
  /** What earlier connections have found out about the device. */
  readonly #knowledge: SmpKnowledge = {};
  /** Octets that the device has said to have, at most. */
  #offset = 0;
  /** It may have made a slot, though it has not said so. */
  #isAsked = false;

  constructor(
    ground: SmpCarrierGround & { readonly smp: SmpRoute },
    run: JobRun,
    client: FirmwareDistributionClient,
    distributor: Distributor,
  ) {
    this.#ground = ground;
    this.#run = run;
    this.#client = client;
    this.#distributor = distributor;
    this.#image = run.source.read(0, run.source.size);
  }

  async bring(): Promise<number> {
    const { remote } = this.#run;
    const listed = await this.#listed();
    // Nordic's Distributor lists an image from the moment on that it has a slot for it, whole or not.
    if (listed !== undefined && remote.slotIndex === undefined) {
      if (remote.imageIndex !== undefined || (await this.#holdsImage())) return listed;
      this.#fill(listed);
    } else if (listed === undefined) await this.#checkRoom();
    await this.#upload();
    const index = await this.#listedAtLast();
    delete remote.slotIndex;
    this.#run.save();
    return index;
  }

  /** Until it is whole, with as many connections as that takes. */
  async #upload(): Promise<void> {
    let failures = 0;
    for (;;) {
      const before = this.#offset;
      try {
        return await this.#connected((client) => this.#send(client));
      } catch (thrown) {
        const error = toMeshError(thrown);
        if (OTHERS.has(error.code)) throw error;
        if (error instanceof SmpRefusedError || FINAL.has(error.code)) throw await this.#givenUp(error);
        failures = this.#offset > before ? 1 : failures + 1;
        const begun = this.#run.remote.slotIndex !== undefined;
        if (failures >= (begun ? ATTEMPTS.later : ATTEMPTS.first)) throw this.#stopped(error);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)));
      }
    }
  }

  async #send(client: SmpClient): Promise<void> {
    const { remote, request, source, upload } = this.#run;
    if (remote.slotIndex === undefined) {
      const { firmwareId, metadata } = request;
      const there = this.#isAsked ? await this.#listed() : undefined;
      this.#isAsked = true;
      const slot = { size: source.size, firmwareId, metadata };
      this.#fill(there ?? (await addSlot(client, this.#distributor.address, slot)) ?? (await this.#listed()) ?? 0);
    }
    await client.image.upload(this.#image, {
      onProgress: ({ offset, total }) => {
        this.#offset = Math.max(offset, this.#offset);
        upload.reach((100 * offset) / total);
        this.#run.tell();
      },
    });
  }

  /** From here on the slot is the job's, and must not be taken for an image. */
  #fill(index: number): void {
    this.#run.remote.slotIndex = index;
    this.#run.save();
  }

  /**
   * Whether the image that the Distributor lists is there as a whole: where its SMP server lists another one, or none, it
   * is not. What cannot be found out is taken for granted.
   */
  async #holdsImage(): Promise<boolean> {
    const parsed = parseImage(this.#image);
    if (!parsed.ok) return true;
    const { hash } = parsed.value;
    try {
      const { images } = await this.#connected((client) => client.image.list());
      return images.some((entry) => entry.hash !== undefined && equal(entry.hash, hash));
    } catch {
      return true;
    }
  }

  async #connected<T>(talk: (client: SmpClient) => Promise<T>): Promise<T> {
    const { clock, random } = this.#ground;
    const transport = await this.#open();
    const client = new SmpClient(transport, clock, {
      knowledge: this.#knowledge,
      firstSequence: Math.floor(random.uniform() * 256),
    });
    try {
      return await talk(client);
    } finally {
      client.close();
    }
  }

  #open(): Promise<SmpTransport> {
    return new Promise((resolve, reject) => {
      this.#ground.smp.open((outcome) => (outcome instanceof MeshError ? reject(outcome) : resolve(outcome)));
    });
  }

  /** Index of the image in the Firmware Images List. */
  async #listed(): Promise<number | undefined> {
    const { firmwareId } = this.#run.request;
    const found = await settled<FirmwareDistributionFirmwareStatus>((done) =>
      this.#client.firmwareGet(this.#distributor, firmwareId, done),
    );
    return found.status === DistributionStatus.success ? found.imageIndex : undefined;
  }

  /** It counts, not that of the shell: a deletion moves the later ones down. */
  async #listedAtLast(): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const index = await this.#listed();
      if (index !== undefined) return index;
      if (attempt === LISTED.attempts) throw await this.#givenUp(notListed(this.#distributor.address));
      await this.#pause(LISTED.pauseMs);
    }
  }

  async #checkRoom(): Promise<void> {
    const { maxFirmwareImageSize, remainingUploadSpace } = await settled<FirmwareDistributionCapabilitiesStatus>(
      (done) => this.#client.capabilitiesGet(this.#distributor, done),
    );
    const { size } = this.#run.source;
    if (size <= Math.min(maxFirmwareImageSize, remainingUploadSpace)) return;
    const said = `an image may have ${maxFirmwareImageSize}, ${remainingUploadSpace} are free`;
    throw noRoomInSlots(this.#distributor.address, size, said);
  }

  /** Another time it may go on; nothing is lost of what the Distributor has. */
  #stopped(error: MeshError): MeshError {
    const { address } = this.#distributor;
    if (this.#run.remote.slotIndex === undefined) return noSmp(address, error);
    return smpLost(address, (100 * this.#offset) / this.#run.source.size, error);
  }

  /** A half image that is listed must not be taken for a whole one. */
  async #givenUp(error: MeshError): Promise<MeshError> {
    const { remote, request } = this.#run;
    if (remote.slotIndex !== undefined) {
      delete remote.slotIndex;
      await settled<FirmwareDistributionFirmwareStatus>((done) =>
        this.#client.firmwareDelete(this.#distributor, request.firmwareId, done),
      ).catch(() => {});
    }
    if (error instanceof SmpRefusedError) return slotRefused(this.#distributor.address, error.message, error);
    return error.code === 'pairing-needed' ? noSmp(this.#distributor.address, error) : error;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#ground.clock.after(ms, () => resolve()));
  }
}
