import { type Context, Model } from '@meshferry/access';
import type { ConfigurationServer } from './config-server.ts';
import type { FoundationHost } from './host.ts';
import {
  LargeCompositionDataGet,
  LargeCompositionDataStatus,
  ModelsMetadataGet,
  ModelsMetadataStatus,
} from './large-composition-data-messages.ts';
import { FoundationModelId } from './model-ids.ts';

export interface LargeCompositionDataServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
  /** On the same element: it extends this one. */
  readonly configuration: ConfigurationServer;
}

/** Octets of a page in one Status: an access message less opcode, page, offset and total size. */
const PART_OCTETS = 373;

/**
 * Large Composition Data Server [Mesh Protocol 1.1, 4.4.21]: gives any part of a Composition Data or Models Metadata page,
 * which are cut anywhere. The pages are those of the access layer: 0 to 2 as they were when the term of the node began,
 * 128 and up as its software has them now.
 */
export class LargeCompositionDataServer {
  readonly model: Model;

  constructor({ host, configuration }: LargeCompositionDataServerOptions) {
    this.model = new Model({
      id: FoundationModelId.largeCompositionDataServer,
      name: 'Large Composition Data Server',
      security: 'device',
      extends: [configuration.model],
    });
    const answer = (context: Context, type: typeof LargeCompositionDataStatus, offset: number, whole: Page) => {
      const { page, data } = whole;
      const part = data.subarray(offset, offset + PART_OCTETS);
      this.model.reply(context, type, { page, offset, totalSize: data.length, data: part });
    };
    this.model.handle(LargeCompositionDataGet, ({ page, offset }, context) =>
      answer(context, LargeCompositionDataStatus, offset, host().access.compositionPage(page)),
    );
    this.model.handle(ModelsMetadataGet, ({ page, offset }, context) =>
      answer(context, ModelsMetadataStatus, offset, host().access.metadataPage(page)),
    );
  }
}

interface Page {
  readonly page: number;
  readonly data: Uint8Array;
}
