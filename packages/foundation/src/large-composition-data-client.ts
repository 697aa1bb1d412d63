import type { MessageType, Model } from '@meshferry/access';
import { formatAddress, MeshError } from '@meshferry/core';
import { clientModel } from './client-model.ts';
import { type ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import {
  LARGE_COMPOSITION_DATA_MESSAGES,
  LargeCompositionDataGet,
  LargeCompositionDataStatus,
  ModelsMetadataGet,
  ModelsMetadataStatus,
} from './large-composition-data-messages.ts';
import { FoundationModelId } from './model-ids.ts';

/** Part of a page. */
export interface PagePart {
  readonly page: number;
  readonly offset: number;
  /** Octets of the whole page. */
  readonly totalSize: number;
  readonly data: Uint8Array;
}

/** A page changes when the node is refreshed, not again and again. */
const MOST_BEGINNINGS = 3;

type Get = MessageType<{ page: number; offset: number }>;

/**
 * Large Composition Data Client [Mesh Protocol 1.1, 4.4.22]: reads pages of any size, in as many parts as it takes.
 * Rejections as of `ConfigurationClient`, and `page-unreadable` for a node that gives no consistent page.
 */
export class LargeCompositionDataClient {
  readonly model: Model;
  readonly #requests: ClientRequests;

  constructor() {
    const id = FoundationModelId.largeCompositionDataClient;
    const { model, requests } = clientModel(id, 'Large Composition Data Client', LARGE_COMPOSITION_DATA_MESSAGES);
    this.model = model;
    this.#requests = requests;
  }

  /** Part of a Composition Data page, or of the largest present one below it. */
  compositionDataGet(to: RequestTarget, page: number, offset: number, options?: RequestOptions): Promise<PagePart> {
    return this.#part(LargeCompositionDataGet, LargeCompositionDataStatus, to, page, offset, options);
  }

  /** Part of a Models Metadata page, or of the largest present one below it. */
  modelsMetadataGet(to: RequestTarget, page: number, offset: number, options?: RequestOptions): Promise<PagePart> {
    return this.#part(ModelsMetadataGet, ModelsMetadataStatus, to, page, offset, options);
  }

  /** A whole Composition Data page, or the largest present one below it; without the page number. */
  compositionDataPage(
    to: RequestTarget,
    page: number,
    options?: RequestOptions,
  ): Promise<{ readonly page: number; readonly data: Uint8Array }> {
    return wholePage(to, (offset) => this.compositionDataGet(to, page, offset, options));
  }

  /** A whole Models Metadata page, or the largest present one below it; without the page number. */
  modelsMetadataPage(
    to: RequestTarget,
    page: number,
    options?: RequestOptions,
  ): Promise<{ readonly page: number; readonly data: Uint8Array }> {
    return wholePage(to, (offset) => this.modelsMetadataGet(to, page, offset, options));
  }

  #part(
    type: Get,
    response: typeof LargeCompositionDataStatus,
    to: RequestTarget,
    page: number,
    offset: number,
    options: RequestOptions | undefined,
  ): Promise<PagePart> {
    const matches = (part: PagePart) => part.page <= page && part.offset === offset;
    const exchange = { type, value: { page, offset }, response, matches, answerOctets: LONGEST_ANSWER };
    return this.#requests.ask(exchange, to, options);
  }
}

/** Nodes cut pages where they like: parts are joined by their offsets. */
async function wholePage(to: RequestTarget, part: (offset: number) => Promise<PagePart>) {
  for (let beginning = 0; beginning < MOST_BEGINNINGS; beginning++) {
    const first = await part(0);
    const data = new Uint8Array(first.totalSize);
    let received = 0;
    for (let next: PagePart | undefined = first; next !== undefined; ) {
      if (next.data.length > data.length - received) break;
      data.set(next.data, received);
      received += next.data.length;
      if (received === data.length) return { page: first.page, data };
      if (next.data.length === 0) break;
      next = await part(received);
      if (next.page !== first.page || next.totalSize !== first.totalSize) next = undefined;
    }
  }
  throw new MeshError('page-unreadable', `${formatAddress(to.address)} gives no page whose parts fit its total size`, {
    hint: 'Try again when the node has come to rest; a page of up to 378 octets can be read with Composition Data Get.',
  });
}
