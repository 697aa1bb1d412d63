import type { CborValue } from '../../cbor.ts';
import { ImageUpload, type ImageUploadAnswer } from '../../messages/image.ts';
import type { ImageHost } from '../image-host.ts';
import { answerMap, type Handler, handle, layerError, type Reply, type Work } from '../reply.ts';
import { UploadArea } from '../upload-area.ts';
import type { GroupGround } from './ground.ts';

const UNKNOWN_ERROR = 1;
const INVALID_VALUE = 3;

/**
 * The upload of MCUboot's serial recovery [spec: smp section 4.5]: into slot 0 (with direct upload: any slot), whatever is in it,
 * without resuming and without looking at the octets; the bootloader does that when it boots.
 */
export class RecoveryUpload {
  readonly #host: ImageHost;
  readonly #ground: GroupGround;
  #area: UploadArea | undefined;
  #len = 0;
  #off = 0;

  constructor(host: ImageHost, ground: GroupGround) {
    this.#host = host;
    this.#ground = ground;
  }

  /** The handler of the upload command. */
  handler(): Handler {
    return handle(ImageUpload, (request, work) => this.#chunk(request, work));
  }

  #chunk({ image = 0, off, len, data }: Partial<ImageUpload>, work: Work): Reply<ImageUploadAnswer> {
    if (off === undefined || data === undefined) return layerError(INVALID_VALUE);
    const rejected = this.#ground.options.imageOptions?.refuseChunk?.(off);
    if (rejected !== undefined) return layerError(rejected.code);
    if (off === 0) {
      const rc = this.#begin(image, len, work);
      if (rc !== 0) return layerError(rc);
    } else if (off !== this.#off) {
      return this.#expected();
    }
    return this.#write(data, work);
  }

  #begin(image: number, len: number | undefined, work: Work): number {
    const direct = this.#ground.options.imageOptions?.directUpload === true && image > 0;
    const place = direct ? { image: (image - 1) >> 1, slot: (image - 1) & 1 } : { image, slot: 0 };
    const slot = place.image < this.#host.imageCount ? this.#host.slot(place.image, place.slot) : undefined;
    if (slot === undefined || len === undefined || len > slot.size) return INVALID_VALUE;
    this.#area = new UploadArea(slot, this.#ground.faults);
    this.#len = len;
    this.#off = 0;
    const { sectors, error } = this.#area.erase(len);
    work.spend(sectors * this.#ground.timing.eraseSector);
    return error === 0 ? 0 : UNKNOWN_ERROR;
  }

  #write(data: Uint8Array, work: Work): Reply<ImageUploadAnswer> {
    const area = this.#area;
    if (area === undefined || this.#off + data.length > this.#len) return layerError(INVALID_VALUE);
    const { faults, timing } = this.#ground;
    work.spend((data.length / 1024) * timing.writeKib);
    const complete = this.#off + data.length === this.#len;
    if (area.append(data, complete) !== 0) return layerError(UNKNOWN_ERROR);
    this.#off += data.length;
    if (faults.rebootAt !== undefined && this.#off >= faults.rebootAt) {
      delete faults.rebootAt;
      this.#ground.powerCut();
    }
    return this.#expected();
  }

  #expected(): Reply<ImageUploadAnswer> {
    return answerMap(
      new Map<CborValue, CborValue>([
        ['rc', 0],
        ['off', this.#off],
      ]),
    );
  }
}
