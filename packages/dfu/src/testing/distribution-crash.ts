import { type Store, storeView, toHex } from '@meshferry/core';
import { DistributionPhase as Phase, UploadPhase } from '../distribution-codes.ts';
import { fillReceivers } from '../distribution-initiator.ts';
import { uploadFirmware } from '../distribution-initiator-upload.ts';
import type { FirmwareDistributionStart } from '../distribution-messages.ts';
import { ReceiversList } from '../receivers-list.ts';
import { type DeviceTraits, metadataOf } from './device.ts';
import { Scene, startOf, TO, uploadOf } from './distribution-mesh.ts';
import { DISTRIBUTOR } from './distributor-node.ts';
import { CutStore } from './failing-stores.ts';
import { IMAGE, NEW_ID, type TargetTraits } from './mesh.ts';

/** A whole distribution in which the Distributor's power may fail. */
export interface Course {
  readonly name: string;
  readonly targets: readonly TargetTraits[];
  readonly self?: DeviceTraits;
  /** It begins with the Initiator's first message; without it the image and the list are there already. */
  readonly fromUpload?: boolean;
  readonly start?: Partial<FirmwareDistributionStart>;
  /** A user suspends it once in the transfer. */
  readonly suspends?: boolean;
  /** A user cancels it in the transfer: it ends in Idle. */
  readonly cancels?: boolean;
}

const CHUNK_TRANSFER = 0x66;
const UPLOAD_BLOB = 5n;
/** Between two looks of the Initiator, ms. */
const LOOK_MS = 700;

/** One course with one cut, and an Initiator that knows nothing of it: it looks how things stand and does what is next. */
export class CrashRun {
  readonly scene: Scene;
  readonly store: CutStore;
  /** Chunks that have arrived at each node. */
  readonly chunks: Map<number, number> = new Map();
  readonly #course: Course;
  #isOff = false;
  #isUploading = false;
  #isAsking = false;
  #isFilled = false;
  #wasActive = false;
  #wasSuspended = false;
  #wasCancelled = false;

  constructor(course: Course, storeOn: (from: Store) => CutStore = (from) => new CutStore(from)) {
    this.#course = course;
    this.scene = new Scene(course.targets, course.self === undefined ? {} : { self: course.self });
    const { mesh, distributor, receivers } = this.scene;
    if (course.fromUpload !== true) {
      distributor.slots.add(NEW_ID, metadataOf(IMAGE, NEW_ID), IMAGE);
      const list = new ReceiversList(storeView(distributor.store, 'distribution/receivers/'), receivers.length);
      list.add(receivers.map((address) => ({ address, imageIndex: 0 })));
      this.#isFilled = true;
    }
    this.store = storeOn(distributor.store);
    this.store.died = () => {
      this.#isOff = true;
      distributor.silence();
    };
    distributor.powerCycle(this.store);
    mesh.onArrival = ({ payload }, to, deliver) => {
      if (payload[0] === CHUNK_TRANSFER) this.chunks.set(to, (this.chunks.get(to) ?? 0) + 1);
      deliver();
    };
  }

  /** To the end; throws when there is none within an hour. */
  go(): void {
    const { clock } = this.scene.mesh;
    const end = clock.now + 3_600_000;
    while (!this.#isDone()) {
      if (clock.now > end) throw new Error(`stands in phase ${this.scene.phase} for an hour`);
      if (this.#isOff) this.#powerOn();
      this.#look();
      let isTime = false;
      clock.after(LOOK_MS, () => {
        isTime = true;
      });
      while (!isTime && !this.#isOff) clock.step();
    }
  }

  get firmware(): string[] {
    const { self } = this.scene.distributor;
    return [...(self === undefined ? [] : [toHex(self.firmwareId)]), ...this.scene.mesh.firmware];
  }

  /** How often each node has applied. */
  get applied(): number[] {
    const { mesh, distributor } = this.scene;
    const devices = [
      ...(distributor.self === undefined ? [] : [distributor.self]),
      ...mesh.targets.map((t) => t.device),
    ];
    return devices.map(({ calls }) => calls.filter((call) => call === 'apply').length);
  }

  chunksOf(address: number = DISTRIBUTOR): number {
    return this.chunks.get(address) ?? 0;
  }

  #isDone(): boolean {
    if (this.#isOff || this.#isAsking) return false;
    const { phase } = this.scene;
    return this.#course.cancels ? this.#wasCancelled && phase === Phase.idle : phase === Phase.completed;
  }

  #powerOn(): void {
    this.#isOff = false;
    this.scene.distributor.powerCycle();
  }

  /** What an Initiator does next by what it sees: everything again that may not have arrived. */
  #look(): void {
    const { scene } = this;
    const { server, slots } = scene.distributor;
    if (this.#isUploading || this.#isAsking || this.#isOff) return;
    if (slots.images.length === 0) {
      this.#upload(server.uploadPhase === UploadPhase.transferError);
      return;
    }
    const { phase } = scene;
    if (phase === Phase.transferActive) this.#wasActive = true;
    if (phase === Phase.idle && !this.#wasCancelled) {
      if (server.receivers.length < scene.receivers.length || !this.#isFilled) this.#fill();
      else this.#ask((done) => scene.initiator.client.start(TO, startOf(this.#course.start), done));
    } else if (phase === Phase.transferSuspended) {
      if (this.#course.cancels) this.#cancel();
      else this.#ask((done) => scene.initiator.client.start(TO, startOf(this.#course.start), done));
    } else if (phase === Phase.transferSuccess) this.#ask((done) => scene.initiator.client.apply(TO, done));
    else if (this.#isInTransfer() && this.#course.suspends && !this.#wasSuspended) {
      this.#ask((done) =>
        scene.initiator.client.suspend(TO, (outcome) => {
          this.#wasSuspended ||= outcome.ok && outcome.value.phase === Phase.transferSuspended;
          done();
        }),
      );
    } else if (this.#course.cancels && (this.#isInTransfer() || phase === Phase.cancelingUpdate)) this.#cancel();
  }

  #isInTransfer(): boolean {
    const { mesh } = this.scene;
    return this.#wasActive && mesh.targets.some(({ device }) => device.calls.includes('block 0'));
  }

  #cancel(): void {
    this.#wasCancelled = true;
    this.#ask((done) => this.scene.initiator.client.cancel(TO, done));
  }

  #upload(resume: boolean): void {
    this.#isUploading = true;
    uploadFirmware(this.scene.initiator.client, { ...uploadOf(), blobId: UPLOAD_BLOB, resume }, ({ type }) => {
      if (type === 'done') this.#isUploading = false;
    });
  }

  #fill(): void {
    const receivers = this.scene.receivers.map((address) => ({ address, imageIndex: 0 }));
    this.#ask((done) =>
      fillReceivers(this.scene.initiator.client, TO, receivers, {}, (outcome) => {
        this.#isFilled ||= outcome.ok;
        done();
      }),
    );
  }

  #ask(request: (done: () => void) => void): void {
    this.#isAsking = true;
    request(() => {
      this.#isAsking = false;
    });
  }
}
