import {
  ImageErase,
  type ImageList,
  ImageStateRead,
  ImageStateWrite,
  SlotInfo,
  type SlotsOfImage,
} from '../../messages/image.ts';
import { type ImageUploadOptions, startImageUpload } from '../../upload/image-upload.ts';
import type { SmpUpload, SmpUploadReport } from '../../upload/upload.ts';
import type { SmpClient } from '../client.ts';
import type { SmpRequestOptions } from '../client-types.ts';
import { isRefusal } from '../errors.ts';

const ERASE_MS = 75_000;
const IMAGE_GROUP = 1;
const UNKNOWN = 1;

/** The image group of a device [spec: smp sections 4.2 to 4.6]. */
export class ImageClient {
  readonly #client: SmpClient;

  constructor(client: SmpClient) {
    this.#client = client;
  }

  list(options?: SmpRequestOptions): Promise<ImageList> {
    return this.#client.request(ImageStateRead, {}, options);
  }

  /** Has the image of this hash (TLV) started once at the next reset. Not repeated: without an answer look at the list. */
  test(hash: Uint8Array, options?: SmpRequestOptions): Promise<ImageList> {
    return this.#client.request(ImageStateWrite, { hash, confirm: false }, options);
  }

  /** Keeps the image of this hash for good; default: the one that runs. Not repeated, as {@link test}. */
  confirm(hash?: Uint8Array, options?: SmpRequestOptions): Promise<ImageList> {
    return this.#client.request(ImageStateWrite, { hash, confirm: true }, options);
  }

  /**
   * Erases a slot, counted over all images (2 × image + slot); default: the one opposite to what runs. One that is empty already
   * is fine, though some servers refuse it [spec: smp section 4.6].
   */
  async erase(slot?: number, options?: SmpRequestOptions): Promise<void> {
    try {
      await this.#client.request(ImageErase, { slot }, { timeoutMs: ERASE_MS, ...options });
    } catch (error) {
      const perhapsEmpty = isRefusal(error, IMAGE_GROUP, UNKNOWN) || isRefusal(error, 'smp', UNKNOWN);
      if (!perhapsEmpty || !(await this.#isEmpty(slot))) throw error;
    }
  }

  /** Sizes of the slots; newer servers only. */
  async slots(options?: SmpRequestOptions): Promise<readonly SlotsOfImage[]> {
    return (await this.#client.request(SlotInfo, {}, options)).images;
  }

  /** See {@link startImageUpload}. */
  startUpload(content: Uint8Array, options?: ImageUploadOptions): SmpUpload {
    return startImageUpload(this.#client, content, options);
  }

  /** {@link startUpload} to its end. */
  upload(content: Uint8Array, options?: ImageUploadOptions): Promise<SmpUploadReport> {
    return this.startUpload(content, options).finished;
  }

  /** Empty slots are not listed. */
  async #isEmpty(wanted: number | undefined): Promise<boolean> {
    const { images } = await this.list();
    const active = images.find(({ image = 0, active }) => image === 0 && active)?.slot ?? 0;
    const erased = wanted ?? 1 - active;
    return images.every(({ image = 0, slot }) => 2 * image + slot !== erased);
  }
}
