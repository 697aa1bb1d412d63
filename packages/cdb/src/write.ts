import { MeshError } from '@meshferry/core';
import type { Json, JsonObject } from './json.ts';
import type { NetworkDocument } from './model.ts';
import { asItCame, withoutOrigin } from './origin.ts';
import { validateNetworkDocument } from './read.ts';
import { documentError } from './report.ts';
import { wrapperOf } from './wrapper.ts';

/** `$schema` of a document. */
export const SCHEMA = 'http://json-schema.org/draft-04/schema#';
/** `id` of a document of version 1.0.1. */
export const SCHEMA_ID = 'https://www.bluetooth.com/specifications/specs/mesh-cdb-1-0-1-schema.json#';
export const VERSION = '1.0.1';

export interface WriteOptions {
  /**
   * `as-it-came` (default): what was not changed since it was read is written as it was read, older words and lower-case digits
   * included; what was changed, as version 1.0.1 has it. `strict`: all of it as version 1.0.1 has it.
   */
  readonly form?: 'as-it-came' | 'strict';
  /** Put it back into the `meshNetwork` wrapper it was read from, if there was one (default false: nRF Mesh reads it bare). */
  readonly wrapped?: boolean;
  /** Spaces for each level (default 2); 0 for all in one line. */
  readonly indent?: number;
}

/** The document as text, ending with a line feed; throws `bad-document` rather than write one that no reader would take. */
export function writeNetworkDocument(document: NetworkDocument, options: WriteOptions = {}): string {
  return `${JSON.stringify(networkDocumentJson(document, options), undefined, options.indent ?? 2)}\n`;
}

/** The document as JSON, for callers that write it themselves; as {@link writeNetworkDocument}. */
export function networkDocumentJson(document: NetworkDocument, options: Omit<WriteOptions, 'indent'> = {}): JsonObject {
  const faults = validateNetworkDocument(document);
  if (faults.length > 0) throw refused(documentError(faults));
  const json = document as NetworkDocument & JsonObject;
  const written = (options.form === 'strict' ? strict(document) : asItCame(json)) as JsonObject;
  const wrapper = options.wrapped === true ? wrapperOf(document) : undefined;
  return wrapper === undefined ? written : { ...wrapper, meshNetwork: written };
}

function strict(document: NetworkDocument): Json {
  const plain = withoutOrigin(document as NetworkDocument & JsonObject);
  return { ...(plain as JsonObject), $schema: SCHEMA, id: SCHEMA_ID, version: VERSION };
}

function refused(fault: MeshError): MeshError {
  return new MeshError(fault.code, `the document was not written: ${fault.message}`, { hint: fault.hint ?? '' });
}
